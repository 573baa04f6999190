"""Damaging a copy of a backup on purpose, and asking the verification what it sees."""

from collections.abc import Callable, Iterable, Iterator

from blocks.dump_statements import INSERT
from blocks.streams import as_file, joined
from domain.archive import ArchivePart
from domain.backup.drill import DrillResult
from domain.backup.findings import Cause
from domain.backup.history import last_proved
from domain.backup.manifest import MANIFEST, BackupManifest, BackupReference, folder_of
from domain.errors import GateClosedError
from tasks import doors
from tasks.backup_cycle import drop_expired, lock_name
from tasks.backup_history import backups_of
from tasks.backup_storage import BackupVault, backup_storage, fetch_manifest
from tasks.backup_verify import verify_backup
from tasks.instance import Instance, load_instance
from tasks.step import step

Damage = Callable[["_Copy"], BackupManifest]


@step("exercício da cópia")
def drill_environment(environment: str) -> tuple[DrillResult, ...]:
    """Damage copies of the last proved backup, each in another way, and have each of them verified.

    The backup itself is not touched: what is damaged is written beside it, without a lock, and removed afterwards.

    Raises:
        GateClosedError: the environment has no proved backup yet, or another run is at its backups.
    """
    instance = load_instance(environment)
    with doors.registry().lock(lock_name(instance)):
        good = last_proved(backups_of(instance))
        if good is None:
            raise GateClosedError(
                "O ambiente ainda não tem cópia provada",
                environment,
                f"Faça uma com ./implanta backup now {environment}.",
            )
        try:
            return tuple(
                DrillResult.of(
                    name, expected, verify_backup(instance, _Copy(instance, good.reference, name).damaged(how))
                )
                for name, (expected, how) in DAMAGES.items()
            )
        finally:
            drop_expired(instance)


class _Copy:
    """A copy of a backup's manifest that points, for one part, to something else."""

    def __init__(self, instance: Instance, reference: BackupReference, name: str) -> None:
        self.vault = BackupVault(instance)
        self.storage = backup_storage(instance)
        self.manifest = fetch_manifest(instance, reference)
        self._folder = f"{folder_of(reference.taken_at)}/exercicio-{name.replace(' ', '-')}"

    def damaged(self, how: Damage) -> BackupReference:
        """The reference of the damaged copy."""
        return self.vault.put_manifest(how(self), f"{self._folder}/{MANIFEST}")

    def stored_as(self, part: ArchivePart, content: Iterable[bytes]) -> ArchivePart:
        """The part, saying of itself what it did, with other bytes in the store."""
        key = f"{self._folder}/{part.key.rpartition('/')[2]}"
        return part.model_copy(update={"key": key, "version_id": self.storage.write(key, content)})

    def written_anew(self, part: ArchivePart, content: Iterable[bytes]) -> ArchivePart:
        """The part with other content, saying so, as if that had been copied."""
        return self.vault.put(f"{self._folder}/{part.key.rpartition('/')[2]}", content)

    def bytes_of(self, part: ArchivePart) -> Iterator[bytes]:
        """The part as it lies in the store."""
        return self.storage.read(part.key, part.version_id)


def _flip_a_bit(copy: _Copy) -> BackupManifest:
    part = copy.manifest.databases
    changed = _with_a_bit_flipped(copy.bytes_of(part), part.stored.size_bytes // 2)
    return copy.manifest.model_copy(update={"databases": copy.stored_as(part, changed)})


def _with_a_bit_flipped(chunks: Iterable[bytes], place: int) -> Iterator[bytes]:
    for chunk in chunks:
        if 0 <= place < len(chunk):
            yield chunk[:place] + bytes([chunk[place] ^ 1]) + chunk[place + 1 :]
        else:
            yield chunk
        place -= len(chunk)


def _cut_off(copy: _Copy) -> BackupManifest:
    part = copy.manifest.databases
    return copy.manifest.model_copy(
        update={"databases": copy.stored_as(part, _first(copy.bytes_of(part), part.stored.size_bytes * 2 // 3))}
    )


def _first(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:size]
        size -= len(chunk)
        if size <= 0:
            return


def _lose_a_row(copy: _Copy) -> BackupManifest:
    part = copy.manifest.databases
    return copy.manifest.model_copy(
        update={"databases": copy.written_anew(part, joined(_without_a_row(as_file(copy.vault.read(part)))))}
    )


def _without_a_row(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The dump without the first row of the first table that has two."""
    lost = inside = False
    for line in lines:
        if inside and not lost and line.endswith(b",\n"):
            lost = True
            continue
        inside = line.startswith(INSERT)
        yield line


def _another_environment(copy: _Copy) -> BackupManifest:
    return copy.manifest.model_copy(update={"environment": "outro-ambiente"})


DAMAGES: dict[str, tuple[Cause, Damage]] = {
    "um bit trocado": (Cause.OBJECT_CHANGED, _flip_a_bit),
    "objeto truncado": (Cause.OBJECT_CUT, _cut_off),
    "uma linha perdida": (Cause.ROWS, _lose_a_row),
    "manifesto de outro ambiente": (Cause.OTHER_ENVIRONMENT, _another_environment),
}
