"""The steps that bring an environment back to one of its proved backups; each may be killed anywhere, and run again.

Nothing is served while the data are half of one moment and half of another: the edge is closed, the application
stopped, its scheduler with it. An older database over newer files would let SEI's own nightly task delete them, so the
application starts only when the files are reconciled, and what is newer is moved aside before.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from blocks.dump_restorer import Remainder, restore_tables
from blocks.dump_statements import DigestedDump
from blocks.dump_writer import digest, dumped
from blocks.file_restorer import FileRestorer
from blocks.mariadb import MariaDBServer
from blocks.neutralise import move_tables
from blocks.streams import ahead, as_file
from blocks.table_facts import list_attachments
from domain.backup.facts import DumpFacts
from domain.backup.judge import judge_dump
from domain.backup.log import Replay
from domain.backup.manifest import BackupManifest, stamp_of
from domain.change import Change
from domain.environment import Purpose
from domain.errors import IntegrityError, InvalidInputError
from domain.reference import Database
from domain.report import StepResult, first_of
from domain.restoration import (
    Restoration,
    RestoreEvent,
    RestoreHappening,
    RestoreReport,
)
from domain.scratch import ScratchDatabase
from tasks import clock, doors
from tasks.backup_cycle import back_up
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.closing import closing_of
from tasks.edge import declared_site
from tasks.environment_copy import quarantine_of
from tasks.history import ACTOR
from tasks.inspection import publish_markdown
from tasks.instance import Instance, load_instance
from tasks.maintenance import close_environment, reopen_environment
from tasks.moment_files import attachments_told, index_of_moment
from tasks.point_in_time import brought_forward
from tasks.restoration import last_restoration, remember_restoration, require_begun
from tasks.restore_begin import why_unreadable
from tasks.step import step


@step("borda fechada")
def close_for_restoration(environment: str) -> Change:
    """Keep the public out, by the operators' own switch: nothing that runs by itself opens it again."""
    instance = load_instance(environment)
    found = require_begun(instance)
    if declared_site(instance.name) is None:
        return Change(unchanged=1, details=("o ambiente não está na borda",))
    change = close_environment.fn(environment, found.role, found.reason)
    return change.model_copy(update={"details": ("fechada ao público",)})


@step("aplicação parada")
def stop_for_restoration(environment: str) -> Change:
    """Stop the application and its scheduler: it starts again when databases and files are of one moment."""
    change = doors.runtime().stop(load_instance(environment).name)
    return change.model_copy(update={"details": ("aplicação e agendador parados",)})


@step("cópia do que havia")
def save_what_is_there(environment: str) -> Change:
    """Take a proved backup of what is there, once; of what cannot be read it is told that there is none.

    One that is refused, for a file that is missing now, is kept all the same: it holds whatever was there.
    """
    instance = load_instance(environment)
    found = require_begun(instance)
    if RestoreEvent.SAVED in found.reached:
        return Change(unchanged=1, details=(found.saved,))
    told = _save(instance)
    _remember(instance, RestoreEvent.SAVED, saved=told)
    return Change(created=1, details=(told,))


def _save(instance: Instance) -> str:
    if why := why_unreadable(instance):
        return f"não feita, porque {why}"
    try:
        certificate = back_up(instance)
    except IntegrityError as e:
        return f"não feita: {e.what}"
    stamp = stamp_of(certificate.backup.taken_at)
    if certificate.proved:
        return f"cópia {stamp}, provada"
    return f"cópia {stamp}, guardada mas recusada: {certificate.reasons}"


@step("bancos restaurados")
def replace_databases(environment: str) -> Change:
    """Load both databases beside those that are there, compare them with the manifest, and only then swap them in."""
    instance = load_instance(environment)
    found = require_begun(instance)
    if RestoreEvent.REPLACED in found.reached:
        return Change(unchanged=2)
    manifest = fetch_manifest(instance, found.backup)
    places: dict[Database, str] = {"sip": instance.name.database_sip, "sei": instance.name.database_sei}
    names = {manifest.schemas[kind]: place for kind, place in places.items()}
    scratch = scratch_schemas(instance)
    try:
        loaded = _load(instance, manifest, found.until, scratch)
        for kind, place in places.items():
            move_tables(instance.server, scratch[kind], place)
    finally:
        for schema in scratch.values():
            instance.server.drop_database(schema)
    loaded.remainder.run(instance.server, names)
    _require_equal(instance.server, loaded.dump, manifest.schemas, places, with_others=True)
    _remember(instance, RestoreEvent.REPLACED, replay=loaded.replay)
    told = f"{loaded.dump.tables} tabelas, {loaded.dump.rows} linhas, comparadas por SHA-256"
    return Change(updated=2, details=(told,))


class _Loaded(NamedTuple):
    """What lies in the scratch schemas, and what is still to be made once it is in place."""

    remainder: Remainder
    dump: DumpFacts
    replay: Replay | None


def _load(
    instance: Instance, manifest: BackupManifest, until: datetime | None, scratch: Mapping[Database, str]
) -> _Loaded:
    if until is None:
        return _Loaded(load_into_scratch(instance, manifest, instance.server, scratch), manifest.dump, None)
    schemas = manifest.schemas
    with (
        brought_forward(instance, manifest, until) as moment,
        dumped(moment.server, list(schemas.values())) as lines,
    ):
        dump = DigestedDump(lines)
        remainder = _load_tables(dump, instance.server, schemas, scratch, "bancos no momento pedido")
    _require_equal(instance.server, dump.facts, schemas, scratch, with_others=False)
    return _Loaded(remainder, dump.facts, moment.replay)


def scratch_schemas(instance: Instance) -> dict[Database, str]:
    """Where an environment's databases are loaded before they are put in place."""
    return {
        kind: ScratchDatabase(owner=instance.name, use="restauro", database=kind).schema_name for kind in ("sip", "sei")
    }


def load_into_scratch(
    origin: Instance, manifest: BackupManifest, server: MariaDBServer, scratch: Mapping[Database, str]
) -> Remainder:
    """Load a backup's tables into scratch schemas of a server, and compare them; what is left of the dump.

    Raises:
        IntegrityError: the backup is damaged, or what was loaded is not what it says.
    """
    part = manifest.databases
    lines = as_file(ahead(BackupVault(origin).read(part)))
    remainder = _load_tables(lines, server, manifest.schemas, scratch, part.key)
    _require_equal(server, manifest.dump, manifest.schemas, scratch, with_others=False)
    return remainder


def _load_tables(
    lines: Iterable[bytes],
    server: MariaDBServer,
    schemas: Mapping[Database, str],
    scratch: Mapping[Database, str],
    what: str,
) -> Remainder:
    for schema in scratch.values():
        server.drop_database(schema)
        server.ensure_database(schema)
    return restore_tables(lines, server, {schemas[kind]: schema for kind, schema in scratch.items()}, what)


def _require_equal(
    server: MariaDBServer,
    dump: DumpFacts,
    schemas: Mapping[Database, str],
    places: Mapping[Database, str],
    *,
    with_others: bool,
) -> None:
    restored = digest(server, list(places.values()))
    found = {}
    for kind, place in places.items():
        name = schemas[kind]
        schema = restored.schemas[place]
        found[name] = schema if with_others else schema.model_copy(update={"others": dump.schemas[name].others})
    if findings := judge_dump(dump, DumpFacts(schemas=found)):
        raise IntegrityError(
            f"O que foi restaurado não é o que a cópia diz: {first_of([str(finding) for finding in findings])}",
            ", ".join(places.values()),
            "A aplicação continua parada. Execute de novo; se repetir, restaure outra cópia com --backup.",
        )


@step("arquivos conciliados")
def reconcile_files(environment: str) -> Change:
    """Bring back every file of the backup; what is newer, or in its way, is moved aside and never deleted."""
    instance = load_instance(environment)
    found = require_begun(instance)
    if RestoreEvent.RECONCILED in found.reached:
        return Change(unchanged=1)
    vault = BackupVault(instance)
    index = vault.read_index(fetch_manifest(instance, found.backup))
    change = doors.runtime().ensure_repository(instance.name)
    rows = list_attachments(instance.server, instance.name.database_sei)
    if found.until is not None:
        index = index_of_moment(instance, found.backup, index, rows, _root(instance))
    quarantine = quarantine_of(instance) / stamp_of(found.begun_at)
    change += FileRestorer(_root(instance), index, rows.keys(), quarantine).run(vault.read_pack)
    if found.until is not None:
        change += attachments_told(_root(instance), rows)
    _remember(instance, RestoreEvent.RECONCILED)
    return change


def _root(instance: Instance) -> Path:
    return Path(doors.runtime().repository_path(instance.name))


@step("diretório comparado")
def compare_directory(environment: str) -> Change:
    """Tell how the directory differs from the backup's; nothing in it is taken back.

    Passwords changed since must not return, nor accounts that somebody took away.
    """
    instance = load_instance(environment)
    manifest = fetch_manifest(instance, require_begun(instance).backup)
    before = _entries(b"".join(BackupVault(instance).read(manifest.directory)).decode())
    now = _entries(doors.directory().export_subtree(instance.name))
    gone, fresh = len(before - now), len(now - before)
    if not gone and not fresh:
        return Change(unchanged=1, details=("as mesmas entradas da cópia",))
    told = f"{gone} entradas da cópia não existem mais e {fresh} são mais novas: ficou tudo como está"
    return Change(unchanged=1, details=(told,))


def _entries(ldif: str) -> set[str]:
    lines = ldif.replace("\r\n", "\n").replace("\n ", "").splitlines()
    return {line.casefold() for line in lines if line.startswith("dn:")}


@step("fim da restauração")
def finish_restoration(environment: str) -> Change:
    """Let the public in again where the restoration shut it out; a production stays closed until an operator opens it.

    Raises:
        RetryableError: the application or its public address does not answer; it stays closed.
    """
    instance = load_instance(environment)
    found = require_begun(instance)
    change = Change()
    if not stays_closed(instance, found):
        change = reopen_environment.fn(environment, found.role, found.reason)
        change = change.model_copy(update={"details": ("aberta ao público",)})
    _remember(instance, RestoreEvent.FINISHED)
    return change if change.details else Change(unchanged=1, details=("continua fechada ao público",))


def stays_closed(instance: Instance, found: Restoration) -> bool:
    """Whether an operator has to let the public in."""
    return instance.name.purpose is Purpose.PRODUCAO or found.closed_before


@step("resultado da restauração")
def publish_restoration(
    environment: str, steps: Sequence[StepResult], facts: Sequence[str], seconds: float
) -> RestoreReport:
    """Publish what was done, and what is left to a person."""
    instance = load_instance(environment)
    found = last_restoration(instance)
    if found is None:
        raise InvalidInputError("Não houve restauração", environment, "Comece com ./implanta backup restore.")
    way_back = (
        f"Confira o ambiente e deixe o público entrar: ./implanta environment maintenance {environment} off"
        if closing_of(instance) is not None
        else ""
    )
    report = RestoreReport(
        environment=environment,
        stamp=found.stamp,
        taken_at=found.backup.taken_at,
        role=found.role,
        reason=found.reason,
        saved=found.saved,
        steps=tuple(steps),
        facts=tuple(facts),
        next_step=way_back,
        seconds=seconds,
        until=found.until,
        replay=found.replay,
    )
    publish_markdown(f"restauracao-{environment}", report.markdown(), f"Restauração de {environment}")
    return report


def _remember(instance: Instance, kind: RestoreEvent, *, saved: str = "", replay: Replay | None = None) -> None:
    happening = RestoreHappening(kind=kind, at=clock.now(), saved=saved, replay=replay)
    remember_restoration(instance, ACTOR, happening)
