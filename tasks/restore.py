"""The steps that bring an environment back to one of its proved backups; each may be killed anywhere, and run again.

Nothing is served while the data are half of one moment and half of another: the edge is closed, the application
stopped, its scheduler with it. An older database over newer files would let SEI's own nightly task delete them, so the
application starts only when the files are reconciled, and what is newer is moved aside before.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from blocks.dump_restorer import Remainder, restore_tables
from blocks.dump_writer import digest
from blocks.file_restorer import FileRestorer
from blocks.mariadb import MariaDBServer
from blocks.neutralise import move_tables
from blocks.paperwork import count_paperwork
from blocks.streams import ahead, as_file
from blocks.table_facts import list_attachments
from domain.backup.facts import DumpFacts
from domain.backup.judge import judge_dump
from domain.backup.manifest import BackupManifest, stamp_of
from domain.calendar import BRASILIA, local_moment
from domain.change import Change
from domain.environment import Purpose
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.reference import Database
from domain.report import StepResult, first_of
from domain.restoration import (
    Restoration,
    RestoreEvent,
    RestoreHappening,
    RestoreReport,
    choose_backup,
    paperwork_in,
)
from domain.scratch import ScratchDatabase
from tasks import clock, doors
from tasks.backup_cycle import back_up
from tasks.backup_history import backups_of
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.closing import closing_of
from tasks.edge import declared_site
from tasks.environment_copy import quarantine_of
from tasks.history import ACTOR
from tasks.inspection import publish_markdown
from tasks.instance import Instance, load_instance
from tasks.maintenance import close_environment, reopen_environment, require_impersonal
from tasks.restoration import last_restoration, remember_restoration, require_begun
from tasks.step import step

DEFAULT_ROLE = "operação"


@step("restauração permitida")
def begin_restoration(
    environment: str,
    stamp: str | None,
    at: datetime | None,
    confirmation: str | None,
    role: str | None,
    reason: str | None,
    lost_server: str | None = None,
) -> str:
    """Choose the backup, see that it is whole, and say that its restoration begins; the backup's stamp.

    One that was cut off goes on where it was; another backup may be asked for in its place. Nothing is touched here,
    and of a database server that is lost nothing is asked.

    Raises:
        InvalidInputError: there is no such proved backup, or it is of another release.
        GateClosedError: work would be lost, or it is a production, and nobody typed its name with role and reason.
        IntegrityError: the backup that was proved once is not whole any more.
    """
    require_impersonal(environment, role or "", reason or "")
    instance = load_instance(environment)
    now = clock.now()
    found = last_restoration(instance)
    going_on = found if found is not None and not found.finished else None
    if going_on and stamp is None and at is None:
        stamp = going_on.stamp  # the newest one may be of what it put aside
    record = choose_backup(backups_of(instance), environment, stamp=stamp, at=_aware(at), now=now)
    manifest = fetch_manifest(instance, record.reference)
    if manifest.release_version != instance.record.release_version:
        raise InvalidInputError(
            f"A cópia é da versão {manifest.release_version} e o ambiente está na {instance.record.release_version}",
            environment,
            "Escolha uma cópia da versão de agora com --backup.",
        )
    continues = (
        going_on is not None
        and going_on.backup == record.reference
        and lost_server in {None, going_on.lost_server}  # or its server was lost since it began
    )
    known = lost_server is None and not (continues and going_on and going_on.touching)
    losses = _losses(instance, manifest) if known else ()
    _require_consent(instance, record.reference.taken_at, losses, confirmation, role, reason)
    if continues and going_on and (RestoreEvent.RECONCILED not in going_on.reached or not losses):
        return record.stamp
    _read_through(instance, manifest)
    remember_restoration(
        instance,
        role or DEFAULT_ROLE,
        RestoreHappening(
            kind=RestoreEvent.BEGUN,
            at=now,
            backup=record.reference,
            role=role or DEFAULT_ROLE,
            reason=reason or f"restauração da cópia {record.stamp}",
            # What an unfinished one closed is to be opened with the last.
            closed_before=going_on.closed_before if going_on else closing_of(instance) is not None,
            lost_server=lost_server,
        ),
    )
    return record.stamp


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=BRASILIA) if at is not None and at.tzinfo is None else at


def _require_consent(
    instance: Instance,
    taken_at: datetime,
    losses: Sequence[str],
    confirmation: str | None,
    role: str | None,
    reason: str | None,
) -> None:
    slug, production = instance.name.slug, instance.name.purpose is Purpose.PRODUCAO
    if not production and not losses:
        return
    if confirmation == slug and (not production or (role and reason)):
        return
    lost = f"Desde então: {', '.join(losses)}" if losses else "Nada foi criado desde então"
    raise GateClosedError(
        f"A restauração poria no lugar do que há a cópia de {local_moment(taken_at)}. {lost}",
        slug,
        f"Se é isso mesmo, repita com --confirm {slug}{' --role PAPEL --reason MOTIVO' if production else ''}.",
    )


def _losses(instance: Instance, manifest: BackupManifest) -> tuple[str, ...]:
    """What was made, or removed, since the backup; of databases that are gone nothing is known, nor lost."""
    if _why_unreadable(instance):
        return ()
    return count_paperwork(instance.server, instance.name.database_sei).changes_since(paperwork_in(manifest))


def _why_unreadable(instance: Instance) -> str:
    """Why the databases cannot be copied any more; empty when they can.

    Raises:
        RetryableError: the server does not answer.
    """
    present = instance.server.list_databases(instance.name.database_user + "_")
    gone = [name for name in (instance.name.database_sip, instance.name.database_sei) if name not in present]
    if gone:
        return f"o banco {gone[0]} não existe mais"
    try:
        count_paperwork(instance.server, instance.name.database_sei)
    except (IntegrityError, InvalidInputError) as e:
        return f"o banco não pode ser lido: {e.what}"
    return ""


def _read_through(instance: Instance, manifest: BackupManifest) -> None:
    """Read every object to its end, so that one that was damaged since is met before anything is touched."""
    vault = BackupVault(instance)
    for part in manifest.parts:
        for _ in vault.read(part):
            pass


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
    if why := _why_unreadable(instance):
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
        remainder = load_into_scratch(instance, manifest, instance.server, scratch)
        for kind, place in places.items():
            move_tables(instance.server, scratch[kind], place)
    finally:
        for schema in scratch.values():
            instance.server.drop_database(schema)
    remainder.run(instance.server, names)
    _require_equal(instance.server, manifest, places, with_others=True)
    _remember(instance, RestoreEvent.REPLACED)
    told = f"{manifest.dump.tables} tabelas, {manifest.dump.rows} linhas, comparadas por SHA-256"
    return Change(updated=2, details=(told,))


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
    for schema in scratch.values():
        server.drop_database(schema)
        server.ensure_database(schema)
    part = manifest.databases
    lines = as_file(ahead(BackupVault(origin).read(part)))
    names = {manifest.schemas[kind]: schema for kind, schema in scratch.items()}
    remainder = restore_tables(lines, server, names, part.key)
    _require_equal(server, manifest, scratch, with_others=False)
    return remainder


def _require_equal(
    server: MariaDBServer, manifest: BackupManifest, places: Mapping[Database, str], *, with_others: bool
) -> None:
    restored = digest(server, list(places.values()))
    wanted = manifest.dump.schemas
    found = {}
    for kind, place in places.items():
        name = manifest.schemas[kind]
        schema = restored.schemas[place]
        found[name] = schema if with_others else schema.model_copy(update={"others": wanted[name].others})
    if findings := judge_dump(manifest.dump, DumpFacts(schemas=found)):
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
    manifest = fetch_manifest(instance, found.backup)
    vault = BackupVault(instance)
    index = vault.read_index(manifest)
    change = doors.runtime().ensure_repository(instance.name)
    rows = list_attachments(instance.server, instance.name.database_sei).keys()
    quarantine = quarantine_of(instance) / stamp_of(found.begun_at)
    change += FileRestorer(_root(instance), index, rows, quarantine).run(vault.read_pack)
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
    )
    publish_markdown(f"restauracao-{environment}", report.markdown(), f"Restauração de {environment}")
    return report


def _remember(instance: Instance, kind: RestoreEvent, *, saved: str = "") -> None:
    remember_restoration(instance, ACTOR, RestoreHappening(kind=kind, at=clock.now(), saved=saved))
