"""Proving one backup: fetched, restored beside nothing else, compared with what the source held, and certified."""

import json
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import datetime
from time import monotonic

from blocks.backup_meaning import Meaning, judge_meaning
from blocks.catalog import Catalog
from blocks.dump_restorer import restore
from blocks.dump_writer import digest
from blocks.foreign_keys import ForeignKeys, check_foreign_keys
from blocks.mariadb import MariaDBServer
from blocks.scratch_ahead import ScratchAhead
from blocks.scratch_server import ScratchServer
from blocks.settings import load_settings
from blocks.streams import ahead, as_file
from blocks.table_facts import PEN_ATTACHMENTS, list_attachments, read_database_facts
from blocks.trailing_digest import TrailingDigest
from domain.archive import Attachment, DatabaseFacts
from domain.backup.certificate import BackupCertificate
from domain.backup.findings import Cause, Finding, FoundError, Level, LevelResult, damage_as
from domain.backup.growth import judge_growth
from domain.backup.judge import (
    StoredFile,
    classify_orphans,
    judge_age,
    judge_attachments,
    judge_clocks,
    judge_dump,
    judge_resting,
)
from domain.backup.manifest import BackupManifest, BackupReference
from domain.backup.meaning import Violation, attribute
from domain.reference import Database
from tasks import clock
from tasks.backup_files import FileExamination
from tasks.backup_history import accepted_of
from tasks.backup_opens import open_copy
from tasks.backup_storage import BackupVault, backup_storage, fetch_manifest
from tasks.backup_write import count_entries
from tasks.instance import Instance
from tasks.threads import begin


def verify_backup(
    instance: Instance,
    reference: BackupReference,
    previous: BackupReference | None = None,
    *,
    open_all: bool = True,
    scratch: ScratchAhead | None = None,
) -> BackupCertificate:
    """Restore a backup into a scratch server and examine it; what is wrong with it is in the certificate.

    `previous` is the last one before it that was proved: how much has changed since is told. Without `open_all`, a pack
    that `previous` shares is read whole and compared by the SHA-256 of what is stored, and not opened again: the same
    bytes hold the same files. The server to restore into is `scratch`, or one of its own.

    Raises:
        RetryableError: S3, this machine's disk or the scratch server failed: nothing is known of the backup.
    """
    with nullcontext(scratch) if scratch else ScratchAhead(load_settings().scratch_dir) as restoring:
        return _Examination(instance, reference, previous, restoring, open_all=open_all).run()


class _Examination:
    """One backup under examination."""

    def __init__(
        self,
        instance: Instance,
        reference: BackupReference,
        previous: BackupReference | None,
        scratch: ScratchAhead,
        *,
        open_all: bool,
    ) -> None:
        self._instance = instance
        self._reference = reference
        self._previous = previous
        self._scratch = scratch
        self._before: BackupManifest | None = None
        self._not_compared = "Não há cópia provada anterior com que comparar o crescimento"
        self._open_all = open_all
        self._vault = BackupVault(instance)
        self._started = monotonic()
        self._seconds: dict[str, float] = {}
        self._findings: list[Finding] = []
        self._alerts: list[Finding] = []
        self._notes: list[str] = []
        self._evidence: dict[Level, list[str]] = {}
        self._attachments = 0
        self._rto_seconds = 0.0

    def run(self) -> BackupCertificate:
        manifest: BackupManifest | None = None
        with self._collected(), self._timed("manifesto"):
            manifest = fetch_manifest(self._instance, self._reference)
        if manifest is not None:
            self._before = self._read_previous()
            with self._collected():
                self._look_at_objects(manifest)
                self._look_at_clocks(manifest)
                self._examine(manifest)
            self._compare_with_previous(manifest)
        return self._certificate(manifest)

    def _examine(self, manifest: BackupManifest) -> None:
        with ThreadPoolExecutor(1) as pool:
            reading = begin(pool, self._read_files, manifest)
            attachments: dict[str, Attachment] | None = None
            with self._collected():
                attachments = self._examine_databases(manifest)
            self._scratch.release()
            with self._collected():
                self._look_at_rest(manifest)
            with self._collected():
                files = reading.result()
                if attachments is not None:
                    self._judge_files(manifest, attachments, files)
        if not self._failed(Level.INTACT):
            self._tell(Level.INTACT, f"{len(manifest.parts)} objetos lidos, decifrados e comparados por SHA-256")

    def _look_at_objects(self, manifest: BackupManifest) -> None:
        storage = backup_storage(self._instance)
        written: dict[str, datetime] = {}
        for part in manifest.parts:
            fact = storage.head(part.key, part.version_id)
            if fact is None:
                self._find(Level.STORED, Cause.OBJECT_MISSING, part.key)
                continue
            if part in manifest.own_parts and fact.written_at:
                written[part.key] = fact.written_at
            if fact.size != part.stored.size_bytes:
                cause = Cause.OBJECT_CUT if fact.size < part.stored.size_bytes else Cause.OBJECT_CHANGED
                self._find(Level.INTACT, cause, part.key, f"{fact.size} bytes em vez de {part.stored.size_bytes}")
            elif fact.retain_until is None or fact.retain_until <= clock.now():
                self._find(Level.STORED, Cause.OBJECT_UNLOCKED, part.key)
        self._findings += judge_age(manifest.taken_at, written)
        if not self._failed(Level.STORED):
            self._tell(
                Level.STORED,
                f"{len(manifest.parts)} objetos, {manifest.stored_bytes} bytes, travados contra alteração e remoção",
            )

    def _look_at_clocks(self, manifest: BackupManifest) -> None:
        now = clock.now()
        skew = {"S3": (backup_storage(self._instance).clock() - now).total_seconds(), **manifest.clock_skew_seconds}
        self._findings += judge_clocks(manifest.taken_at, manifest.finished_at, now, skew)

    def _examine_databases(self, manifest: BackupManifest) -> dict[str, Attachment]:
        scratch = self._scratch.server()
        with TrailingDigest(scratch.server) as trailing:
            with self._timed("restauração"):
                self._restore(manifest, scratch.server, trailing)
            self._rto_seconds = monotonic() - self._started
            self._tell(Level.LOADS, f"{manifest.dump.tables} tabelas e {manifest.dump.rows} linhas carregadas")
            return self._examine_restored(manifest, scratch, trailing)

    def _examine_restored(
        self, manifest: BackupManifest, scratch: ScratchServer, trailing: TrailingDigest
    ) -> dict[str, Attachment]:
        server = scratch.server
        # A whole schema that is lost is told by the comparison; the others are examined all the same.
        present = set(server.list_databases(""))
        schemas = {kind: schema for kind, schema in manifest.schemas.items() if schema in present}
        with ThreadPoolExecutor(1) as pool:
            keys = begin(pool, _look_for_parents, server, schemas)
            meaning = begin(
                pool,
                judge_meaning,
                server,
                manifest.schemas,
                taken_at=manifest.taken_at,
                versions=manifest.versions,
            )
            with self._timed("comparação"):
                self._compare(manifest, server, schemas, trailing)
        # Only now is it known whose fault a broken key or rule is.
        unequal = {finding.subject for finding in self._findings if finding.level is Level.EQUAL}
        self._judge_keys(keys.result(), unequal)
        if schemas.keys() != manifest.schemas.keys():
            return {}
        self._tell_meaning(meaning.result(), unequal)
        with damage_as(Cause.STRUCTURE, schemas["sei"]):
            attachments = list_attachments(server, schemas["sei"])
        with self._timed("aplicação"):  # comes last: it changes rows of the copy
            self._open(manifest, scratch)
        return attachments

    def _open(self, manifest: BackupManifest, scratch: ScratchServer) -> None:
        opening = open_copy(self._instance, manifest, scratch, self._vault)
        self._findings += opening.findings
        self._notes += opening.notes
        for evidence in opening.evidence:
            self._tell(Level.OPENS, evidence)

    def _judge_files(
        self, manifest: BackupManifest, attachments: dict[str, Attachment], files: dict[str, StoredFile]
    ) -> None:
        verdict = judge_attachments(attachments, files)
        known = accepted_of(self._instance)
        self._findings += (finding for finding in verdict.findings if finding not in known)
        self._alerts += (finding for finding in verdict.findings if finding in known)
        self._attachments = verdict.present
        source = manifest.dump.schemas.get(manifest.schemas["sei"])
        with_pen = source is not None and PEN_ATTACHMENTS in source.tables
        orphans = classify_orphans(attachments.keys(), files, taken_at=manifest.taken_at, with_pen=with_pen)
        self._tell(Level.EQUAL, f"{verdict.present} anexos conferidos por tamanho e MD5; {orphans}")

    def _restore(self, manifest: BackupManifest, server: MariaDBServer, trailing: TrailingDigest) -> None:
        part = manifest.databases
        with damage_as(Cause.REFUSED_STATEMENT, part.key, Level.LOADS):
            restore(as_file(ahead(self._vault.read(part))), server, part.key, trailing.begin)

    def _compare(
        self,
        manifest: BackupManifest,
        server: MariaDBServer,
        schemas: dict[Database, str],
        trailing: TrailingDigest,
    ) -> None:
        with ThreadPoolExecutor(1) as pool:
            reading = begin(pool, _read_facts, server, schemas)
            # A view that names what is not there stops the dump; the server's own count still tells what is missing.
            with self._collected(), damage_as(Cause.OTHER_OBJECTS, ", ".join(schemas.values())):
                found = digest(server, list(schemas.values()), trailing.collect())
                self._findings += judge_dump(manifest.dump, found)
            facts = reading.result()
        resting = 0
        for kind, schema in schemas.items():
            self._findings += judge_resting(schema, manifest.resting[kind], facts[kind])
            resting += len(manifest.resting[kind].tables)
        self._tell(
            Level.EQUAL,
            f"cada linha de {manifest.dump.tables} tabelas comparada por SHA-256; {resting} tabelas em repouso"
            " conferidas também com a soma do próprio servidor",
        )

    def _judge_keys(self, found: ForeignKeys, unequal: AbstractSet[str]) -> None:
        self._attribute(
            [
                Violation(
                    Cause.FOREIGN_KEY, key.table, f"{key.key}: {key.rows} linhas sem par", (key.table, key.parent)
                )
                for key in found.broken
            ],
            unequal,
        )
        self._tell(Level.EQUAL, f"{found.checked} chaves estrangeiras conferidas linha a linha")

    def _tell_meaning(self, meaning: Meaning, unequal: AbstractSet[str]) -> None:
        self._attribute(meaning.violations, unequal)
        self._notes += [
            f"As regras de significado que leem {table} não foram julgadas: ela falta ou tem outras colunas"
            for table in meaning.unread
        ]
        self._tell(
            Level.EQUAL,
            f"{meaning.rules} regras de significado julgadas; {meaning.counters} contadores comparados com o maior"
            " número em uso",
        )

    def _attribute(self, violations: Iterable[Violation], unequal: AbstractSet[str]) -> None:
        findings, alerts = attribute(violations, unequal)
        self._findings += findings
        self._alerts += alerts

    def _read_previous(self) -> BackupManifest | None:
        if self._previous is None:
            return None
        try:
            return fetch_manifest(self._instance, self._previous)
        except FoundError as e:
            self._not_compared = f"O crescimento não foi julgado, a cópia anterior não se lê: {e.finding}"
            return None

    def _compare_with_previous(self, manifest: BackupManifest) -> None:
        previous = self._before
        if previous is None:
            self._notes.append(self._not_compared)
            return
        self._alerts += judge_growth(Catalog().backup().growth, previous, manifest)
        rows, files = manifest.dump.rows - previous.dump.rows, manifest.files.files - previous.files.files
        if not self._failed(Level.STORED):
            self._tell(Level.STORED, f"desde a cópia provada anterior, {rows:+} linhas e {files:+} arquivos")

    def _read_files(self, manifest: BackupManifest) -> dict[str, StoredFile]:
        """Every file of the backup as its pack holds it. Raises FoundError when the index or a pack is damaged."""
        known = None if self._open_all else self._before
        examination = FileExamination(self._vault, manifest, known, self._find)
        try:
            with self._timed("arquivos"):
                return examination.run()
        finally:
            if examination.evidence:
                self._tell(Level.INTACT, examination.evidence)

    def _look_at_rest(self, manifest: BackupManifest) -> None:
        ldif = b"".join(self._vault.read(manifest.directory)).decode(errors="replace")
        if (found := count_entries(ldif)) != manifest.directory_entries:
            detail = f"{found} entradas em vez de {manifest.directory_entries}"
            self._find(Level.EQUAL, Cause.DIRECTORY, manifest.directory.key, detail)
        try:
            json.loads(b"".join(self._vault.read(manifest.settings)))
        except ValueError:
            self._find(Level.EQUAL, Cause.SETTINGS, manifest.settings.key)
        self._tell(Level.EQUAL, f"{manifest.directory_entries} entradas do diretório e a configuração do ambiente")

    def _certificate(self, manifest: BackupManifest | None) -> BackupCertificate:
        now = clock.now()
        whole = monotonic() - self._started
        return BackupCertificate(
            environment=self._instance.name.slug,
            city=self._instance.municipality.name,
            release_version=self._instance.record.release_version,
            backup=self._reference,
            verified_at=now,
            levels=tuple(
                LevelResult(
                    level=level,
                    passed=level in self._evidence and not self._failed(level),
                    evidence=tuple(self._evidence.get(level, ())),
                )
                for level in self._examined()
            ),
            findings=tuple(self._findings),
            alerts=tuple(self._alerts),
            notes=tuple(self._notes),
            tables=manifest.dump.tables if manifest else 0,
            rows=manifest.dump.rows if manifest else 0,
            files=manifest.files.files if manifest else 0,
            attachments=self._attachments,
            stored_bytes=manifest.stored_bytes if manifest else 0,
            rpo_seconds=max(0.0, (now - self._reference.taken_at).total_seconds()),
            rto_seconds=self._rto_seconds,
            seconds={**self._seconds, "verificação": whole},
        )

    def _examined(self) -> tuple[Level, ...]:
        """What every backup has to come through, and what was tried beyond."""
        tried = self._evidence.keys() | {finding.level for finding in self._findings}
        required = (Level.STORED, Level.INTACT, Level.LOADS, Level.EQUAL)
        return (*required, *(level for level in (Level.OPENS,) if level in tried))

    def _find(self, level: Level, cause: Cause, subject: str, detail: str = "") -> None:
        # What is missing or cut is met again by whoever reads it, and counts where it is worst.
        finding = Finding(level=level, cause=cause, subject=subject, detail=detail)
        met = [known for known in self._findings if (known.cause, known.subject) == (cause, subject)]
        if any(known.level <= level for known in met):
            return
        self._findings = [finding, *(known for known in self._findings if known not in met)]

    def _failed(self, level: Level) -> bool:
        return any(finding.level == level for finding in self._findings)

    def _tell(self, level: Level, evidence: str) -> None:
        self._evidence.setdefault(level, []).append(evidence)

    @contextmanager
    def _collected(self) -> Iterator[None]:
        try:
            yield
        except FoundError as e:
            self._find(e.finding.level, e.finding.cause, e.finding.subject, e.finding.detail)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = monotonic()
        try:
            yield
        finally:
            self._seconds[stage] = monotonic() - started


def _look_for_parents(server: MariaDBServer, schemas: dict[Database, str]) -> ForeignKeys:
    """What the foreign keys of all schemas say, their tables named in full."""
    checked, broken = 0, []
    for schema in schemas.values():
        with damage_as(Cause.STRUCTURE, schema):
            keys = check_foreign_keys(server, schema)
        checked += keys.checked
        broken += [key._replace(table=f"{schema}.{key.table}") for key in keys.broken]
    return ForeignKeys(checked, tuple(broken))


def _read_facts(server: MariaDBServer, schemas: dict[Database, str]) -> dict[Database, DatabaseFacts]:
    return {kind: read_database_facts(server, schema) for kind, schema in schemas.items()}
