"""Machines that fail while a backup is written or examined: told as such, never as a fault of the backup."""

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from blocks import dump_writer, scratch_ahead
from blocks.dump_restorer import restore
from blocks.dump_writer import dumped
from blocks.mariadb import MariaDBServer
from blocks.scratch_server import ScratchServer, scratch_server
from blocks.settings import Settings
from domain.backup.findings import Cause, FoundError
from domain.backup.history import BackupEvent
from domain.backup.manifest import BackupReference
from domain.errors import InvalidInputError, RetryableError
from lab import down, up
from tasks import backup_verify, backup_write, clock, doors
from tasks.backup_cycle import back_up, check_certificate
from tasks.backup_history import backups_of, remember_backup
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.backup_verify import verify_backup
from tasks.backup_write import write_backup
from tasks.instance import Instance
from tests.flows.backup_faults import flipped
from tests.flows.backup_ground import DAY, LONG, Ground, Kind, lay, make_instance
from tests.flows.proxy import Proxy, proxied
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
_Item = TypeVar("_Item")


@pytest.fixture(scope="module")
def ground(programme: Settings) -> Ground:
    assert programme
    return lay(make_instance("3101003", "Águas Vermelhas"))


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where scratch servers go in one test."""
    path = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("IMPLANTA_SCRATCH_DIR", str(path))
    return path


@pytest.fixture(autouse=True)
def nothing_stays(scratch: Path) -> Iterator[None]:
    """Whatever failed: no scratch directory, and no server in one."""
    yield
    assert not list(scratch.glob("rascunho-*"))
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(scratch) not in running


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The way to the session's S3, which the test cuts."""
    real = doors.object_storage()
    address = urlsplit(real.endpoint)
    assert address.hostname
    assert address.port
    with proxied(address.hostname, address.port) as proxy:
        door = real.model_copy(update={"endpoint": f"{address.scheme}://127.0.0.1:{proxy.port}"})
        monkeypatch.setattr(doors, "object_storage", lambda: door)
        yield proxy


@pytest.fixture
def source(ground: Ground, tmp_path: Path) -> Iterator[tuple[Instance, ScratchServer]]:
    """The environment's databases on a server of the test's own, which may die."""
    with scratch_server(tmp_path) as server:
        restore(ground.text.splitlines(keepends=True), server.server, "teste")
        yield replace(ground.instance, server=server.server), server


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """A small disk for scratch servers."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    at = tmp_path / "disco"
    at.mkdir()

    def mount(size: str) -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("this machine does not let root mount a small disk")
        monkeypatch.setenv("IMPLANTA_SCRATCH_DIR", str(at))
        return at

    yield mount
    assert not list(at.glob("rascunho-*"))
    subprocess.run(["umount", str(at)], check=False, capture_output=True)


def fill(at: Path, left: int) -> None:
    """Leave so many bytes on a disk."""
    with (at / "enchimento").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    with (at / "enchimento").open("r+b") as file:
        file.truncate((at / "enchimento").stat().st_size - left)


def at_item(number: int, act: Callable[[], object], items: Iterable[_Item]) -> Iterator[_Item]:
    """The items, with something that happens before the n-th."""
    for place, item in enumerate(items):
        if place == number:
            act()
        yield item


def nothing_is_remembered(instance: Instance) -> Callable[[], None]:
    before = backups_of(instance)

    def check() -> None:
        assert backups_of(instance) == before

    return check


# --- while a backup is examined


def test_a_disk_too_small_for_a_server_is_told(ground: Ground, disk: Callable[[str], Path]) -> None:
    disk("40m")
    with pytest.raises(RetryableError, match=r"rascunho não pôde ser|rascunho não começou"):
        verify_backup(ground.instance, ground.reference)


@pytest.mark.parametrize("left", [0, 200_000, 3_000_000, 12_000_000])
def test_a_disk_that_fills_up_while_the_databases_are_restored_is_told(
    ground: Ground, disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    at = disk("400m")
    real = restore

    def on_a_full_disk(lines: Iterable[bytes], server: MariaDBServer, what: str, *others: Callable[..., None]) -> None:
        fill(at, left)
        real(lines, server, what, *others)

    monkeypatch.setattr(backup_verify, "restore", on_a_full_disk)
    with pytest.raises(RetryableError, match="disco"):
        verify_backup(ground.instance, ground.reference)


@pytest.mark.parametrize(
    ("module", "moment"),
    [
        (backup_verify, "restore"),
        (dump_writer, "dumped"),
        (backup_verify, "read_database_facts"),
        (backup_verify, "check_foreign_keys"),
    ],
)
def test_a_scratch_server_that_dies_midway_is_told(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, module: ModuleType, moment: str
) -> None:
    started: list[ScratchServer] = []
    real = getattr(module, moment)

    @contextmanager
    def remembered(parent: Path) -> Iterator[ScratchServer]:
        with scratch_server(parent) as server:
            started.append(server)
            yield server

    def kill() -> None:
        started[0].process.kill()
        started[0].process.wait()

    def dying(*arguments: object, **named: object) -> object:
        if moment == "restore":
            lines, *others = arguments
            return real(at_item(2000, kill, lines), *others)  # type: ignore[arg-type]
        if moment != "dumped":
            kill()
            return real(*arguments)
        return dying_dump(*arguments, **named)

    @contextmanager
    def dying_dump(*arguments: object, **named: object) -> Iterator[Iterator[bytes]]:
        with real(*arguments, **named) as lines:
            yield at_item(20, kill, lines)

    monkeypatch.setattr(scratch_ahead, "scratch_server", remembered)
    monkeypatch.setattr(module, moment, dying)
    with pytest.raises(RetryableError, match=r"MariaDB não respondeu|interrompida"):
        verify_backup(ground.instance, ground.reference)
    assert started[0].process.poll() is not None


@pytest.mark.parametrize("answered", [100, 20_000, 300_000, 2_000_000])
def test_an_s3_that_goes_down_midway_is_told_and_no_object_is_blamed(ground: Ground, s3: Proxy, answered: int) -> None:
    s3.cut_after(answered)
    with pytest.raises(RetryableError, match=r"S3 não respondeu|conversa com o S3 falhou"):
        verify_backup(ground.instance, ground.reference)


def test_an_s3_that_refuses_the_key_is_told_and_no_object_is_called_missing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = doors.object_storage().model_copy(update={"secret_key": SecretStr("x" * 32)})
    monkeypatch.setattr(doors, "object_storage", lambda: door)
    with pytest.raises(InvalidInputError, match="S3 recusou o acesso"):
        verify_backup(ground.instance, ground.reference)


# --- while a backup is written


def lengthen(instance: Instance) -> None:
    """More than what a pipe and the dump program hold: whoever reads the dump is in the middle of it."""
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("CREATE TABLE md_teste_longa (a longtext)")
        cursor.execute("INSERT INTO md_teste_longa VALUES (REPEAT('x', 9000000))")
        cursor.execute("INSERT INTO md_teste_longa SELECT a FROM md_teste_longa")


@pytest.mark.parametrize("answered", [100, 4_000, 12_000])
def test_an_s3_that_goes_down_while_it_is_written_leaves_no_backup(ground: Ground, s3: Proxy, answered: int) -> None:
    check = nothing_is_remembered(ground.instance)
    s3.cut_after(answered)
    with pytest.raises(RetryableError, match=r"S3 não respondeu|conversa com o S3 falhou"):
        back_up(ground.instance)
    check()


def test_an_s3_without_space_leaves_no_backup_and_takes_one_when_it_has_space(
    ground: Ground, disk: Callable[[str], Path], scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an S3 of the test's own; what the last backup was is not there either, so that every file is stored."""
    at = disk("700m")
    monkeypatch.setenv("IMPLANTA_SCRATCH_DIR", str(scratch))
    s3 = up(at, services=["s3"]).s3
    try:
        door = doors.object_storage().model_copy(
            update={"endpoint": s3.endpoint, "access_key": s3.access_key, "secret_key": s3.secret_key}
        )
        monkeypatch.setattr(doors, "object_storage", lambda: door)
        ground.storage.ensure_bucket()
        check = nothing_is_remembered(ground.instance)
        fill(at, 1_000_000)
        with pytest.raises(RetryableError, match=r"S3 falhou|conversa com o S3 falhou"):
            back_up(ground.instance)
        check()
        (at / "enchimento").unlink()
        wait_until(lambda: has_space(ground), "the server has noticed that there is room again", seconds=120)
        certificate = back_up(ground.instance)
        assert certificate.proved
        remember_backup(ground.instance, BackupEvent.DROPPED, certificate.backup)  # it goes away with this storage
    finally:
        down(at, destroy=False)


def has_space(ground: Ground) -> bool:
    try:
        ground.storage.write("prova-de-espaco", [b"x"])
    except RetryableError:
        return False
    return True


def test_a_source_that_goes_away_in_the_middle_of_the_dump_leaves_no_backup(
    source: tuple[Instance, ScratchServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, server = source
    check = nothing_is_remembered(instance)
    lengthen(instance)
    real = dumped

    def die() -> None:
        server.process.kill()
        server.process.wait()

    @contextmanager
    def dying(*arguments: object, **named: object) -> Iterator[Iterator[bytes]]:
        with real(*arguments, **named) as lines:  # type: ignore[arg-type]
            yield at_item(30, die, lines)

    monkeypatch.setattr(backup_write, "dumped", dying)
    with pytest.raises(RetryableError, match=r"MariaDB não respondeu|interrompida"):
        back_up(instance)
    check()


def test_a_dump_that_is_cut_off_by_a_kill_of_its_session_leaves_no_backup(
    source: tuple[Instance, ScratchServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, server = source
    check = nothing_is_remembered(instance)
    lengthen(instance)
    real = dumped

    def kill_the_session() -> None:
        with server.server.transaction() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID()")
            for (session,) in cursor.fetchall():
                cursor.execute(f"KILL CONNECTION {int(session)}")

    @contextmanager
    def cut(*arguments: object, **named: object) -> Iterator[Iterator[bytes]]:
        with real(*arguments, **named) as lines:  # type: ignore[arg-type]
            yield at_item(30, kill_the_session, lines)

    monkeypatch.setattr(backup_write, "dumped", cut)
    with pytest.raises(RetryableError, match=r"MariaDB não respondeu|interrompida"):
        back_up(instance)
    check()


@pytest.mark.parametrize("place", [30, 100_000_000])
def test_a_structure_that_changes_meanwhile_is_told(
    source: tuple[Instance, ScratchServer], monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """Before its table is dumped, which the server itself refuses, and after all are."""
    instance, server = source
    real = dumped

    def change() -> None:
        with server.server.transaction(instance.name.database_sei) as cursor:
            cursor.execute("ALTER TABLE md_teste_valor ADD COLUMN depois int")

    @contextmanager
    def changing(*arguments: object, **named: object) -> Iterator[Iterator[bytes]]:
        with real(*arguments, **named) as lines:  # type: ignore[arg-type]
            yield at_item(place, change, lines)
            if place > 30:
                change()

    monkeypatch.setattr(backup_write, "dumped", changing)
    with pytest.raises(RetryableError, match="estrutura"):
        write_backup(instance, None)


def test_a_table_that_is_written_meanwhile_is_no_fault(
    source: tuple[Instance, ScratchServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, server = source
    real = dumped

    def write() -> None:
        with server.server.transaction(instance.name.database_sei) as cursor:
            cursor.execute("INSERT INTO md_teste_pai (nome) VALUES ('durante')")
            cursor.execute("DELETE FROM md_teste_valor WHERE a = 'n'")

    @contextmanager
    def meanwhile(*arguments: object, **named: object) -> Iterator[Iterator[bytes]]:
        with real(*arguments, **named) as lines:  # type: ignore[arg-type]
            yield at_item(5, write, lines)

    monkeypatch.setattr(backup_write, "dumped", meanwhile)
    certificate = back_up(instance)
    assert certificate.proved, [str(finding) for finding in certificate.findings]


def test_a_file_that_changes_while_it_is_read_leaves_no_backup(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(doors.runtime().repository_path(ground.instance.name), DAY, "9009")
    path.write_bytes(LONG * 3)
    check = nothing_is_remembered(ground.instance)
    real = BackupVault.put

    def meddling(vault: BackupVault, key: str, content: Iterable[bytes]) -> object:
        if ".tar" not in key:
            return real(vault, key, content)
        with path.open("r+b") as file:
            file.write(b"outro")
        return real(vault, key, content)

    monkeypatch.setattr(BackupVault, "put", meddling)
    try:
        with pytest.raises(RetryableError, match="mudou enquanto era copiado"):
            back_up(ground.instance)
        check()
    finally:
        path.unlink()


def test_a_directory_that_does_not_answer_leaves_no_backup(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    door = doors.directory().model_copy(update={"port": 1})
    monkeypatch.setattr(doors, "directory", lambda: door)
    check = nothing_is_remembered(ground.instance)
    with pytest.raises(RetryableError):
        back_up(ground.instance)
    check()


def test_a_clock_that_is_wrong_is_found(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() - timedelta(hours=1))
    certificate = back_up(ground.instance)
    assert {(finding.cause, finding.subject) for finding in certificate.findings} == {
        (Cause.CLOCK, "S3"),
        (Cause.CLOCK, "MariaDB"),
    }
    assert not certificate.proved


# --- after a damage


def believed(ground: Ground, reference: BackupReference) -> None:
    """The programme takes it for proved: it was damaged afterwards."""
    # What is loose is swept by the next run: the manifest and the signature beside it.
    for known in ground.storage.versions_below(reference.key):
        ground.locked(known.key, known.version_id)
    certificate = ground.certificate.model_copy(update={"backup": reference})
    until = clock.now() + timedelta(days=1)
    remember_backup(ground.instance, BackupEvent.WRITTEN, reference, keep_until=until)
    remember_backup(ground.instance, BackupEvent.VERIFIED, reference, keep_until=until, certificate=certificate)


@pytest.mark.parametrize("kind", [Kind.PACK, Kind.INDEX])
def test_what_was_damaged_is_not_built_on_for_ever(ground: Ground, kind: Kind) -> None:
    newest = lay(ground.instance)  # others of these tests take proved backups too, and the next is built on the last
    believed(newest, newest.in_store(kind, flipped(0.5)))
    first = back_up(ground.instance)
    if kind is Kind.PACK:
        assert {finding.cause for finding in first.findings} == {Cause.OBJECT_CHANGED}
        first = back_up(ground.instance)
    assert first.proved, [str(finding) for finding in first.findings]
    manifest = fetch_manifest(ground.instance, first.backup)
    assert newest.part(Kind.PACK) not in manifest.packs


# --- the certificate


def test_a_certificate_is_read_back_and_a_forged_one_is_found(ground: Ground) -> None:
    instance, reference = ground.instance, ground.reference
    assert check_certificate(instance, reference) == ground.certificate
    key = f"{reference.key.rpartition('/')[0]}/certificado.json"
    text = ground.certificate.model_dump_json(indent=1).encode()

    def found(forged: bytes) -> str:
        ground.storage.write(key, [forged])
        with pytest.raises(FoundError) as failure:
            check_certificate(instance, reference)
        assert (failure.value.finding.cause, failure.value.finding.subject) == (Cause.CERTIFICATE, key)
        return failure.value.finding.detail

    assert found(text.replace(b'"tables": ', b'"tables": 1')) == "a assinatura não confere"
    assert found(b"{}") == "a assinatura não confere"
    moved = ground.certificate.model_copy(update={"backup": reference.model_copy(update={"sha256": "0" * 64})})
    ground.vault.put_signed(key, moved.model_dump_json().encode())
    with pytest.raises(FoundError, match="certificado falso"):
        check_certificate(instance, reference)
    ground.vault.put_signed(key, b"nada")
    with pytest.raises(FoundError, match="certificado falso"):
        check_certificate(instance, reference)
    ground.storage.write(key, [text])
    assert check_certificate(instance, reference) == ground.certificate, "the old signature is still its own"
    other = reference.model_copy(update={"taken_at": reference.taken_at - timedelta(days=1)})
    with pytest.raises(FoundError, match="certificado falso"):
        check_certificate(instance, other)
