"""What an archive is made of: encrypted streams, packed files, objects that nobody can delete, a subtree as LDIF."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes, SecretStr

from blocks.archive_key import EnvironmentArchiveKey
from blocks.archive_storage import ArchiveStorage
from blocks.directory import Directory
from blocks.object_storage import ObjectStorage
from blocks.packed_files import FileRepository, check_packed
from blocks.rehearsal import rehearsing
from blocks.sealed_stream import generate_key, sealed, unsealed
from blocks.ssc_ldap import LdapSsc
from blocks.streams import CHUNK_BYTES, Measured, as_file, compressed, decompressed
from domain.account import Account
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import IntegrityError, InvalidInputError

KEY = SecretBytes(b"k" * 32)
NAME = EnvironmentName(municipality="blocos-arquivo", purpose=Purpose.TREINAMENTO)


def opened(stored: bytes, key: SecretBytes = KEY, name: str = "parte") -> bytes:
    return b"".join(unsealed([stored], key, name, "teste"))


@given(st.lists(st.binary(max_size=50), max_size=8))
def test_what_was_sealed_opens_with_the_same_key_and_name_only(chunks: list[bytes]) -> None:
    stored = b"".join(sealed(chunks, KEY, "parte"))
    assert opened(stored) == b"".join(chunks)
    for key, name in ((SecretBytes(generate_key()), "parte"), (KEY, "outra")):
        with pytest.raises(IntegrityError, match="não abre"):
            opened(stored, key, name)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_byte_that_is_changed_or_missing_never_opens(content: bytes, data: st.DataObject) -> None:
    stored = b"".join(sealed([content], KEY, "parte"))
    place = data.draw(st.integers(0, len(stored) - 1))
    changed = bytearray(stored)
    changed[place] ^= 1
    for broken in (bytes(changed), stored[:place]):
        with pytest.raises(IntegrityError):
            opened(broken)


def test_records_cannot_be_dropped_swapped_or_added() -> None:
    content = b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES + b"c"
    head, *records = list(sealed([content], KEY, "parte"))
    assert opened(head + b"".join(records)) == content
    first, second, last = records
    for order in ((first, last), (second, first, last), (first, second), (first, second, last, last), ()):
        with pytest.raises(IntegrityError):
            opened(head + b"".join(order))


def test_two_sealings_of_one_content_share_nothing() -> None:
    one, other = (b"".join(sealed([b"x" * 100], KEY, "parte")) for _ in range(2))
    assert one[8:] != other[8:]


def test_a_frame_that_is_cut_is_refused() -> None:
    packed = b"".join(compressed([b"texto" * 1000]))
    assert b"".join(decompressed([packed], "teste")) == b"texto" * 1000
    for broken in (packed[:-1], b"nada disso", b""):
        with pytest.raises(IntegrityError):
            list(decompressed([broken], "teste"))


def test_a_measure_is_of_what_passed() -> None:
    measured = Measured([b"ab", b"", b"c"])
    assert as_file(measured).read() == b"abc"
    assert measured.measure.sha256 == hashlib.sha256(b"abc").hexdigest()


def test_a_block_that_holds_no_key_is_refused_without_showing_it() -> None:
    assert len(EnvironmentArchiveKey.generate().key().get_secret_value()) == 32
    for text in ("curta", "bmFvIHNhbyAzMiBieXRlcw=="):
        with pytest.raises(IntegrityError) as failure:
            EnvironmentArchiveKey(secret=SecretStr(text)).key()
        assert text not in str(failure.value)


def test_files_are_packed_and_checked_without_unpacking(tmp_path: Path) -> None:
    root = tmp_path / "repositorio"
    for name, content in (("2026/03/05/1", b"um"), ("2026/03/05/2", b"x" * 3000), ("mod-pen/2026/03/05/7", b"sete")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / "atalho").symlink_to("/etc/passwd")
    repository = FileRepository(root)
    tar = b"".join(repository.packed())
    found = check_packed([tar], "teste")
    assert {path: file.size_bytes for path, file in found.items()} == {
        "2026/03/05/1": 2,
        "2026/03/05/2": 3000,
        "mod-pen/2026/03/05/7": 4,
    }
    assert found["2026/03/05/1"].md5 == hashlib.md5(b"um").hexdigest()
    assert (repository.facts().files, repository.facts().size_bytes) == (3, 3006)
    with pytest.raises(IntegrityError, match="danificado"):
        check_packed([tar[:700]], "teste")
    with rehearsing():
        assert repository.remove().total == 1
        assert repository.replace_by([("1", b"a")]).total == 1
    assert repository.facts().files == 3
    repository.replace_by([("2026/01/01/9", b"novo")])
    assert repository.facts().files == 1
    repository.remove()
    assert (repository.remove().total, b"".join(repository.packed()).strip(b"\0")) == (0, b"")


@pytest.fixture
def archive(storage: ObjectStorage) -> ArchiveStorage:
    return ArchiveStorage(storage, NAME.archive_bucket)


def hold_until(archive: ArchiveStorage, key: str, version: str, until: datetime) -> Change:
    return archive.retain(key, version, until) + archive.hold(key, version)


def test_what_is_held_nobody_deletes_and_the_rest_is_cleared(storage: ObjectStorage, archive: ArchiveStorage) -> None:
    with rehearsing():
        assert ArchiveStorage(storage, "blocos-arquivo-ensaio").ensure_bucket().created == 1
    assert ArchiveStorage(storage, "blocos-arquivo-ensaio").ensure_bucket().created == 1
    assert archive.ensure_bucket().created == 1
    assert archive.ensure_bucket().total == 0
    content = b"x" * (9 << 20)
    held, loose = archive.write("final/parte", [content[:5], content[5:]]), archive.write("final/parte", [b"de novo"])
    assert b"".join(archive.read("final/parte", held)) == content
    until = datetime.now(UTC) + timedelta(days=2)
    with rehearsing():
        assert hold_until(archive, "final/parte", held, until).updated == 2
    assert not archive.is_held("final/parte", held, len(content))
    assert hold_until(archive, "final/parte", held, until).updated == 2
    assert hold_until(archive, "final/parte", held, until - timedelta(days=1)).total == 0
    assert archive.is_held("final/parte", held, len(content))
    assert not archive.is_held("final/parte", held, len(content) - 1)
    assert not archive.is_held("final/parte", "0" * 32, 1)
    with rehearsing():
        assert archive.drop_loose_versions(set()).removed == 1
    assert archive.drop_loose_versions({("final/parte", loose)}).removed == 0
    assert archive.drop_loose_versions(set()).removed == 1
    with pytest.raises(IntegrityError, match=r"1 em retenção até .* e 1 sob guarda legal"):
        storage.remove_bucket(NAME.archive_bucket)
    with pytest.raises(ClientError, match="AccessDenied"):
        storage.client.delete_object(Bucket=NAME.archive_bucket, Key="final/parte", VersionId=held)
    assert archive.is_held("final/parte", held, len(content))


def test_a_bucket_without_object_lock_is_refused(storage: ObjectStorage) -> None:
    storage.ensure_bucket("blocos-arquivo-sem-trava")
    with pytest.raises(IntegrityError, match="sem trava"):
        ArchiveStorage(storage, "blocos-arquivo-sem-trava").ensure_bucket()


@pytest.fixture
def subtree(directory: Directory) -> Iterator[Directory]:
    directory.remove_environment(NAME)
    directory.ensure_environment(NAME, SecretStr("senha-da-pesquisa-1"))
    account = Account(uid="m.conceicao", name="Maria Conceição", email="m@x.example")
    LdapSsc(directory=directory).ensure_users(NAME, [account])
    yield directory
    directory.remove_environment(NAME)


def test_locked_accounts_open_nothing_and_come_back_as_they_were(subtree: Directory) -> None:
    ssc = LdapSsc(directory=subtree)
    first = ssc.reset_password(NAME, "m.conceicao")
    own, other, third = (SecretStr(f"senha-da-propria-{number}") for number in (77, 78, 79))
    ssc.change_own_password(NAME, "m.conceicao", first, own)
    with rehearsing():
        assert subtree.ensure_locked(NAME).details == ("2 contas bloqueadas no LDAP",)
    ssc.change_own_password(NAME, "m.conceicao", own, other)
    assert subtree.ensure_locked(NAME).updated == 2
    assert subtree.ensure_locked(NAME).total == 0
    with pytest.raises(InvalidInputError, match="conta bloqueada"):
        ssc.change_own_password(NAME, "m.conceicao", other, third)
    assert subtree.ensure_unlocked(NAME).updated == 2
    assert subtree.ensure_unlocked(NAME).total == 0
    ssc.change_own_password(NAME, "m.conceicao", other, third)
    assert subtree.ensure_environment(NAME, SecretStr("senha-da-pesquisa-1")).total == 0


def test_a_subtree_is_exported_whole_parents_first(subtree: Directory) -> None:
    text = subtree.export_subtree(NAME)
    names = [line.removeprefix("dn: ") for line in text.splitlines() if line.startswith("dn: ")]
    assert [name.count(",") for name in names] == sorted(name.count(",") for name in names)
    assert len(names) == 4
    assert "TWFyaWEgQ29uY2Vpw6fDo28=" in text
    assert subtree.export_subtree(NAME.model_copy(update={"municipality": "ninguem"})) == "version: 1\n"
