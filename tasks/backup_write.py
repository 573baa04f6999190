"""Writing one backup of an environment that people go on working in.

The databases are copied as they are at one moment, nobody is locked out. The files are packed meanwhile, and looked at
again when the databases are whole: so each file that a row of the copy names is in it, even one that SEI's own task
deletes in between (`sei.md` 3). The manifest comes last: a backup that was cut off is none.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from prefect.blocks.core import Block
from pydantic import JsonValue, SecretStr

from blocks.binary_log import LogState, gtid_at, log_state
from blocks.dump_statements import DigestedDump
from blocks.dump_writer import dump_program_version, dumped
from blocks.file_packs import FileBackup
from blocks.streams import ahead, joined
from blocks.table_facts import read_database, read_versions
from domain.archive import ArchivePart
from domain.backup.facts import DatabaseReading, resting
from domain.backup.files import FileIndex
from domain.backup.log import LogPosition
from domain.backup.manifest import (
    DATABASES,
    DIRECTORY,
    INDEX,
    PACKS,
    SETTINGS,
    BackupManifest,
    BackupReference,
    folder_of,
    stamp_of,
)
from domain.errors import IntegrityError, RetryableError
from domain.reference import Database
from tasks import clock, doors
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.configuration import configuration
from tasks.instance import Instance
from tasks.modules import modules_switched_on
from tasks.threads import begin


def write_backup(
    instance: Instance, previous: BackupReference | None, when_dumped: Callable[[], None] = lambda: None
) -> BackupReference:
    """Write one backup; of the files only what `previous` does not hold.

    `when_dumped` is called when the databases are stored, which is most of the work.

    Raises:
        RetryableError: a server did not answer, or the structure changed meanwhile.
        IntegrityError: the server refused the dump.
    """
    return _Writer(instance, previous).write(when_dumped)


class _Writer:
    """One backup being written."""

    def __init__(self, instance: Instance, previous: BackupReference | None) -> None:
        self._instance = instance
        self._vault = BackupVault(instance)
        self._taken_at: datetime = clock.now().replace(microsecond=0)
        self._folder = folder_of(self._taken_at)
        self._packs = 0
        self._skew_seconds = 0.0
        self._schemas: dict[Database, str] = {
            "sip": instance.name.database_sip,
            "sei": instance.name.database_sei,
        }
        self._previous = previous
        self._log_at: datetime | None = None

    def write(self, when_dumped: Callable[[], None]) -> BackupReference:
        instance = self._instance
        with ThreadPoolExecutor(1) as pool:
            taking = begin(pool, self._take_files)
            before = self._read(since=math.inf)
            log = log_state(instance.server)
            with dumped(instance.server, list(self._schemas.values()), with_place=log is not None) as lines:
                dump = DigestedDump(lines)
                databases = self._put(DATABASES, ahead(joined(self._clocked(dump))))
            when_dumped()
            files = taking.result()
            reading = begin(pool, self._read)
            files.take()
            index = files.index()
            index_part = self._put(INDEX, joined(index.lines()))
            ldif = doors.directory().export_subtree(instance.name)
            directory = self._put(DIRECTORY, [ldif.encode()])
            settings = self._put(SETTINGS, [_settings_text(instance).encode()])
            after = reading.result()
        if any(before[kind].facts.structure != after[kind].facts.structure for kind in self._schemas):
            raise RetryableError(
                "A estrutura do banco mudou enquanto era copiado",
                instance.name.slug,
                "Espere o fim da atualização e execute de novo.",
            )
        manifest = BackupManifest(
            environment=instance.name.slug,
            ibge=instance.municipality.ibge,
            release_version=instance.record.release_version,
            taken_at=self._taken_at,
            finished_at=clock.now(),
            schemas=self._schemas,
            databases=databases,
            dump=dump.facts,
            resting={kind: resting(before[kind], after[kind]) for kind in self._schemas},
            index=index_part,
            packs=tuple(index.used_packs().values()),
            files=index.facts,
            directory=directory,
            directory_entries=count_entries(ldif),
            settings=settings,
            clock_skew_seconds={"MariaDB": self._skew_seconds},
            log=self._log_position(dump, log),
            versions=read_versions(instance.server, list(self._schemas.items())),
            tools={"mariadb-dump": dump_program_version(), "mariadb": instance.server.version()},
        )
        return self._vault.put_manifest(manifest)

    def _clocked(self, dump: DigestedDump) -> Iterator[bytes]:
        """The dump's lines; what time the server had when its snapshot was taken is noted on the way."""
        for line in dump:
            if self._log_at is None and dump.place is not None and (state := log_state(self._instance.server)):
                self._log_at = datetime.fromtimestamp(state.clock, UTC)
            yield line

    def _log_position(self, dump: DigestedDump, log: LogState | None) -> LogPosition | None:
        if log is None or dump.place is None or self._log_at is None:
            return None
        file, offset = dump.place
        gtid = gtid_at(self._instance.server, file, offset)
        if gtid is None:  # the log was purged, or begun anew, while it was copied
            return None
        return LogPosition(
            server=self._instance.record.database_server,
            file=file,
            offset=offset,
            gtid=gtid,
            format=log.format,
            at=self._log_at,
        )

    def _read(self, *, since: float | None = None) -> dict[Database, DatabaseReading]:
        readings = {}
        for kind, schema in self._schemas.items():
            readings[kind] = read_database(self._instance.server, schema, since=since)
            self._skew_seconds = round(readings[kind].read_at - clock.now().timestamp(), 0)
        return readings

    def _put(self, name: str, content: Iterable[bytes]) -> ArchivePart:
        return self._vault.put(f"{self._folder}/{name}", content)

    def _put_pack(self, content: Iterable[bytes]) -> ArchivePart:
        self._packs += 1
        name = f"{stamp_of(self._taken_at)}-{self._packs}.tar.zst.enc"
        return self._vault.put(f"{PACKS}/{name}", ahead(content))

    def _take_files(self) -> FileBackup:
        root = Path(doors.runtime().repository_path(self._instance.name))
        files = FileBackup(root, self._index_before(), self._put_pack)
        files.take()
        return files

    def _index_before(self) -> FileIndex | None:
        if self._previous is None:
            return None
        try:
            return self._vault.read_index(fetch_manifest(self._instance, self._previous))
        except IntegrityError:  # nothing can be built on it: every file is stored anew, and nobody waits for a repair
            return None


def count_entries(ldif: str) -> int:
    """How many entries an LDIF has."""
    return sum(line.startswith("dn:") for line in ldif.splitlines())


def _settings_text(instance: Instance) -> str:
    """How the environment is configured, with its secrets and its certificate: what it is rebuilt from elsewhere."""
    secrets = doors.environment_secrets(instance.name.slug)
    certificate = doors.environment_certificate(instance.name.slug)
    facts: dict[str, object] = {
        "registro": instance.record.model_dump(mode="json"),
        "configuracao": configuration(
            instance, doors.runtime(), secrets, maintenance=True, modules=modules_switched_on(instance)
        ).masked_groups(),
        "segredos": _revealed(secrets),
        "certificado": _revealed(certificate) if certificate else None,
    }
    return json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True)


def _revealed(block: Block) -> dict[str, JsonValue]:
    """The fields of a block, for content that is encrypted before it goes anywhere."""
    fields = {name: getattr(block, name) for name in type(block).model_fields}
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in fields.items()
        if value is not None and not name.startswith("_")
    }
