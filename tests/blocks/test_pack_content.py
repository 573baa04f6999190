"""One file out of a pack: the one that is had soonest, written where it is wanted, the rest left unread."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from blocks.file_packs import FileBackup, fetch_content
from domain.archive import ArchivePart, Measure
from domain.backup.files import FileIndex
from domain.errors import IntegrityError

SIZE = 200_000
CHUNK = 10_000


class Packs:
    """Packs in memory, and how much of them was read."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.read_bytes = 0

    def write(self, content: Iterable[bytes]) -> ArchivePart:
        text = b"".join(content)
        self.written.append(text)
        measure = Measure(size_bytes=len(text), sha256=hashlib.sha256(text).hexdigest())
        return ArchivePart(key=str(len(self.written)), version_id="v", content=measure, stored=measure)

    def read(self, pack: int) -> Iterator[bytes]:
        text = self.written[pack - 1]
        for start in range(0, len(text), CHUNK):
            self.read_bytes += CHUNK
            yield text[start : start + CHUNK]


def content_of(number: int) -> bytes:
    return str(number).encode() * SIZE


@pytest.fixture
def packs() -> Packs:
    return Packs()


@pytest.fixture
def index(tmp_path: Path, packs: Packs) -> FileIndex:
    """Five files in the first pack, one of them a second time, and two more in the second."""
    root = tmp_path / "repositorio"
    root.mkdir()
    index: FileIndex | None = None
    for night in ({"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6": 1}, {"7": 7, "8": 8}):
        for name, number in night.items():
            (root / name).write_bytes(content_of(number))
        backup = FileBackup(root, index, packs.write)
        backup.take()
        index = backup.index()
    assert index is not None
    assert len(packs.written) == 2
    return index


@pytest.mark.parametrize(
    ("asked", "soonest"),
    [("12345", "1"), ("3", "3"), ("54", "4"), ("65", "6"), ("17", "7"), ("38", "8"), ("9", None), ("", None)],
)
def test_the_soonest_file_is_the_first_of_its_pack_and_of_the_newest(
    index: FileIndex, asked: str, soonest: str | None
) -> None:
    assert index.soonest(asked) == soonest


def test_a_content_is_written_and_the_rest_of_its_pack_left_unread(
    index: FileIndex, packs: Packs, tmp_path: Path
) -> None:
    file, target = index.files["2"], tmp_path / "alvo"
    fetch_content(packs.read(file.pack), "teste", file.sha256, target)
    assert target.read_bytes() == content_of(2)
    assert packs.read_bytes < len(packs.written[file.pack - 1])


def test_a_pack_that_does_not_hold_it_whole_is_damaged(index: FileIndex, packs: Packs, tmp_path: Path) -> None:
    file = index.files["2"]
    whole = packs.written[file.pack - 1]
    changed = whole.replace(b"2" * 10, b"2" * 9 + b"0", 1)
    for pack in (whole[: SIZE + SIZE // 2], changed, b"", packs.written[1]):
        with pytest.raises(IntegrityError):
            fetch_content([pack], "teste", file.sha256, tmp_path / "alvo")
