"""One backup of Implanta fetched back, restored in a scratch server and compared."""

from contextlib import closing
from pathlib import Path
from time import monotonic

from blocks.dump_restorer import restore
from blocks.dump_writer import digest
from blocks.held_directory import held_directory
from blocks.mariadb import MariaDBServer
from blocks.prefect_databases import examine
from blocks.scratch_server import scratch_server
from blocks.streams import ahead, as_file
from blocks.table_facts import read_database_facts
from domain.archive import ArchivePart
from domain.backup.certificate import BackupCertificate
from domain.backup.facts import DumpFacts
from domain.backup.findings import Cause, Finding, FoundError, Level, LevelResult, damage_as
from domain.backup.judge import judge_dump, judge_resting
from domain.backup.manifest import BackupReference
from domain.self_backup import OWN, PREFECT, SelfManifest
from tasks import clock
from tasks.own_vault import OwnVault

_PREFIX = "copia-do-implanta-"
_WHOLE = {
    "sqlite": "o SQLite do Prefect está íntegro",
    "postgresql": "o banco do Prefect carregou num PostgreSQL vazio",
}
_KEY_INSIDE = (
    "A chave que protege os blocos está no próprio banco do Prefect: defina PREFECT_SERVER_ENCRYPTION_KEY no servidor."
)
_KEY_OUTSIDE = (
    "Sem a PREFECT_SERVER_ENCRYPTION_KEY do servidor os blocos restaurados não abrem: guarde-a com as chaves."
)


def prove(vault: OwnVault, reference: BackupReference, manifest: SelfManifest, scratch_dir: Path) -> BackupCertificate:
    """Examine one backup; the certificate of one that is none says what was found.

    Raises:
        RetryableError: a system did not answer, or the disk is full.
    """
    return _Proof(vault, reference, manifest).run(scratch_dir)


class _Proof:
    def __init__(self, vault: OwnVault, reference: BackupReference, manifest: SelfManifest) -> None:
        self._vault = vault
        self._reference = reference
        self._manifest = manifest
        self._findings: list[Finding] = []
        self._evidence: dict[Level, str] = {}
        self._notes: list[str] = []
        self._started = monotonic()
        self._rto_seconds = 0.0

    def run(self, scratch_dir: Path) -> BackupCertificate:
        scratch_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            for part in self._manifest.parts:
                self._look_at(part)
            self._evidence[Level.STORED] = "dois objetos, do tamanho esperado e travados"
            with held_directory(scratch_dir, _PREFIX) as home:
                self._restore(home / "prefect", scratch_dir)
        except FoundError as e:
            self._findings.append(e.finding)
        return self._certificate()

    def _look_at(self, part: ArchivePart) -> None:
        fact = self._vault.storage.head(part.key, part.version_id)
        if fact is None:
            raise FoundError(Finding(level=Level.STORED, cause=Cause.OBJECT_MISSING, subject=part.key))
        if fact.size != part.stored.size_bytes:
            raise FoundError(Finding(level=Level.STORED, cause=Cause.OBJECT_CUT, subject=part.key))
        if fact.retain_until is None or fact.retain_until <= clock.now():
            raise FoundError(Finding(level=Level.STORED, cause=Cause.OBJECT_UNLOCKED, subject=part.key))

    def _restore(self, file: Path, scratch_dir: Path) -> None:
        manifest, started = self._manifest, monotonic()
        write_part(self._vault, manifest.prefect, file)
        with scratch_server(scratch_dir) as scratch:
            with damage_as(Cause.REFUSED_STATEMENT, manifest.registry.key, Level.LOADS):
                restore(as_file(ahead(self._vault.read(manifest.registry))), scratch.server, manifest.registry.key)
            self._evidence[Level.INTACT] = "os dois objetos lidos até o fim, decifrados e comparados por SHA-256"
            with damage_as(Cause.REFUSED_STATEMENT, manifest.prefect.key, Level.LOADS):
                prefect = examine(file, manifest.prefect_kind, scratch_dir)
            self._rto_seconds = monotonic() - started
            self._evidence[Level.LOADS] = f"o registro carregou num MariaDB vazio; {_WHOLE[manifest.prefect_kind]}"
            self._compare(scratch.server, prefect_facts=DumpFacts(schemas={PREFECT: prefect.facts}))
        self._notes.append(_KEY_INSIDE if prefect.keeps_its_own_key else _KEY_OUTSIDE)

    def _compare(self, server: MariaDBServer, prefect_facts: DumpFacts) -> None:
        manifest, schema = self._manifest, self._manifest.schema_name
        found = digest(server, [schema])
        both = DumpFacts(schemas=found.schemas | prefect_facts.schemas)
        self._findings += judge_dump(manifest.dump, both)
        self._findings += judge_resting(schema, manifest.resting, read_database_facts(server, schema))
        if (migration := read_migration(server, schema)) != manifest.migration:
            detail = f"{migration} em vez de {manifest.migration}"
            self._findings.append(
                Finding(level=Level.EQUAL, cause=Cause.STRUCTURE, subject=f"{schema}.alembic_version", detail=detail)
            )
        self._evidence[Level.EQUAL] = (
            f"{both.tables} tabelas e {both.rows} linhas comparadas por SHA-256; migração {migration};"
            f" {len(manifest.resting.tables)} tabelas conferidas também com a soma do próprio servidor"
        )

    def _certificate(self) -> BackupCertificate:
        now, dump = clock.now(), self._manifest.dump
        failed = {finding.level for finding in self._findings}
        return BackupCertificate(
            environment=OWN,
            city="Implanta",
            release_version=self._manifest.migration,
            backup=self._reference,
            verified_at=now,
            levels=tuple(
                LevelResult(
                    level=level,
                    passed=level in self._evidence and level not in failed,
                    evidence=(self._evidence[level],) if level in self._evidence else (),
                )
                for level in (Level.STORED, Level.INTACT, Level.LOADS, Level.EQUAL)
            ),
            findings=tuple(self._findings),
            notes=tuple(self._notes),
            tables=dump.tables,
            rows=dump.rows,
            files=0,
            attachments=0,
            stored_bytes=sum(part.stored.size_bytes for part in self._manifest.parts),
            rpo_seconds=max(0.0, (now - self._reference.taken_at).total_seconds()),
            rto_seconds=self._rto_seconds,
            seconds={"verificação": monotonic() - self._started},
        )


def write_part(vault: OwnVault, part: ArchivePart, file: Path) -> None:
    """Write what a part holds into a private file. Raises as `SealedVault.read`."""
    file.touch(mode=0o600)
    with file.open("wb") as target, closing(vault.read(part)) as content:
        for chunk in content:
            target.write(chunk)


def read_migration(server: MariaDBServer, schema: str) -> str:
    """The registry's version, as Alembic noted it; empty before the first migration."""
    with server.transaction(schema) as cursor:
        cursor.execute("SELECT version_num FROM alembic_version")
        row = cursor.fetchone()
    return str(row[0]) if row else ""
