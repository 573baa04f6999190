"""A repository in packs: each content once, whichever night and name; what is read back is what was there."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks import file_packs
from blocks.file_packs import FileBackup, read_pack
from domain.archive import ArchivePart, Measure
from domain.backup.files import FileIndex
from domain.errors import IntegrityError, RetryableError

NAMES = st.lists(st.sampled_from(["a", "b", "ção", "9"]), min_size=1, max_size=3).map("/".join)
TREES = st.dictionaries(NAMES, st.sampled_from([b"", b"um", b"dois", b"x" * 600, b"\0" * 512]), max_size=8)


class Packs:
    """Packs in memory, with the bytes of each."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, content: Iterable[bytes]) -> ArchivePart:
        self.written.append(b"".join(content))
        measure = Measure(size_bytes=len(self.written[-1]), sha256=hashlib.sha256(self.written[-1]).hexdigest())
        return ArchivePart(key=str(len(self.written)), version_id="v", content=measure, stored=measure)

    def contents(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for pack in self.written:
            inside = read_pack([pack], "teste")
            assert not found.keys() & inside.keys(), "a content is stored once"
            found |= inside
        return found


def plant(root: Path, tree: dict[str, bytes]) -> dict[str, bytes]:
    """The files of the tree as far as none of them is in the way of another."""
    planted = {}
    for name, content in tree.items():
        path = root / name
        if any((root / parent).is_file() for parent in Path(name).parents) or path.is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        planted[name] = content
    return planted


def take(root: Path, previous: FileIndex | None, packs: Packs) -> FileIndex:
    backup = FileBackup(root, previous, packs.write)
    backup.take()
    return backup.index()


@settings(max_examples=60)
@given(TREES, TREES)
def test_a_second_night_stores_only_what_is_new(first: dict[str, bytes], second: dict[str, bytes]) -> None:
    with TemporaryDirectory() as folder:
        root, packs = Path(folder), Packs()
        before = plant(root, first)
        index = take(root, None, packs)
        assert {name: file.sha256 for name, file in index.files.items()} == {
            name: hashlib.sha256(content).hexdigest() for name, content in before.items()
        }
        assert packs.contents().keys() == {hashlib.sha256(content).hexdigest() for content in before.values()}
        stored = len(packs.written)
        assert take(root, index, packs).files == index.files
        assert len(packs.written) == stored, "nothing is new"
        for name in before:
            (root / name).unlink()
        after = plant(root, second)
        later = take(root, index, packs)
        assert later.files.keys() == after.keys()
        known = {hashlib.sha256(content).hexdigest() for content in before.values()}
        fresh = {hashlib.sha256(content).hexdigest() for content in after.values()} - known
        assert len(packs.written) == stored + bool(fresh)
        contents = packs.contents()
        assert contents.keys() == known | fresh
        for name, content in after.items():
            found = contents[later.files[name].sha256]
            assert (found, later.files[name].md5) == (len(content), hashlib.md5(content).hexdigest())


def test_a_moved_file_and_a_second_one_of_the_same_content_cost_nothing(tmp_path: Path) -> None:
    packs = Packs()
    plant(tmp_path, {"2026/1": b"igual", "2026/2": b"igual", "2026/3": b"outro"})
    index = take(tmp_path, None, packs)
    assert index.files["2026/1"].sha256 == index.files["2026/2"].sha256
    (tmp_path / "2026/3").rename(tmp_path / "2026/4")
    moved = take(tmp_path, index, packs)
    assert moved.files["2026/4"].pack == index.files["2026/3"].pack
    assert "2026/3" not in moved.files
    assert len(packs.written) == 1


def test_what_an_earlier_look_found_stays_and_what_came_since_is_added(tmp_path: Path) -> None:
    packs = Packs()
    plant(tmp_path, {"1": b"um", "2": b"dois"})
    backup = FileBackup(tmp_path, None, packs.write)
    backup.take()
    (tmp_path / "1").unlink()
    plant(tmp_path, {"3": b"tres"})
    backup.take()
    assert set(backup.index().files) == {"1", "2", "3"}
    assert len(packs.written) == 2


def test_packs_end_where_they_are_long_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_packs, "PACK_BYTES", 1000)
    packs = Packs()
    plant(tmp_path, {str(number): bytes([number]) * 600 for number in range(5)})
    index = take(tmp_path, None, packs)
    assert [file.pack for _, file in sorted(index.files.items())] == [1, 1, 2, 2, 3]
    assert len(packs.contents()) == 5


def test_links_are_not_followed_and_a_missing_repository_is_empty(tmp_path: Path) -> None:
    (tmp_path / "atalho").symlink_to("/etc/passwd")
    (tmp_path / "pasta").symlink_to("/etc")
    assert take(tmp_path, None, Packs()).files == {}
    assert take(tmp_path / "nada", None, Packs()).files == {}


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    path = tmp_path / "2026" / "1"
    path.parent.mkdir()
    path.write_bytes(b"y" * ((8 << 20) + 513))
    return path


def test_a_long_file_goes_through_in_pieces_and_comes_back_into_every_place(tmp_path: Path, long_file: Path) -> None:
    packs = Packs()
    index = take(tmp_path, None, packs)
    sha256, content = index.files["2026/1"].sha256, long_file.read_bytes()
    assert index.files["2026/1"].md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()
    targets = [tmp_path / "um", tmp_path / "outro"]
    found = read_pack([packs.written[0]], "teste", {sha256: targets})
    assert found[sha256] == long_file.stat().st_size
    assert all(target.read_bytes() == long_file.read_bytes() for target in targets)


@pytest.mark.parametrize("damage", [b"z", b""], ids=["rewritten", "cut"])
def test_a_long_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, long_file: Path, damage: bytes) -> None:
    def write(content: Iterable[bytes]) -> ArchivePart:
        def meddling() -> Iterator[bytes]:
            for number, piece in enumerate(content):
                if number == 1:
                    with long_file.open("r+b") as file:
                        file.seek(5 << 20)
                        _ = file.write(damage) if damage else file.truncate()
                yield piece

        return Packs().write(meddling())

    with pytest.raises(RetryableError, match="mudou enquanto era copiado"):
        FileBackup(tmp_path, None, write).take()


def test_a_long_file_that_is_deleted_after_it_was_read_once_is_left_out_by_the_next_look(
    tmp_path: Path, long_file: Path
) -> None:
    def write(content: Iterable[bytes]) -> ArchivePart:
        long_file.unlink()
        return Packs().write(content)

    backup = FileBackup(tmp_path, None, write)
    with pytest.raises(RetryableError):
        backup.take()
    backup.take()
    assert backup.index().files == {}


def test_every_damage_to_a_pack_is_found(tmp_path: Path) -> None:
    packs = Packs()
    plant(tmp_path, {"1": b"um" * 400, "2": b"dois"})
    take(tmp_path, None, packs)
    (pack,) = packs.written
    for broken in (pack[:700], pack[:100], b"", pack[:600] + b"?" + pack[601:], b"?" + pack[1:]):
        with pytest.raises(IntegrityError, match="danificado"):
            read_pack([broken], "teste")
