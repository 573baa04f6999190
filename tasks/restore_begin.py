"""Whether an environment may be brought back, to what, and what would be lost of it; nothing is touched here."""

from collections.abc import Sequence
from datetime import datetime

from blocks.paperwork import count_paperwork
from domain.backup.history import BackupRecord
from domain.backup.manifest import BackupManifest
from domain.calendar import as_local, local_moment, local_second
from domain.environment import Purpose
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.restoration import Restoration, RestoreEvent, RestoreHappening, choose_backup, paperwork_in
from domain.upgrading import UpgradeEvent
from tasks import clock
from tasks.backup_history import backups_of
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.closing import closing_of
from tasks.instance import Instance, load_instance
from tasks.maintenance import require_impersonal
from tasks.point_in_time import require_log, stored_until
from tasks.restoration import last_restoration, remember_restoration, require_not_upgrading
from tasks.step import step
from tasks.upgrading import last_upgrade

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
        GateClosedError: work would be lost, or it is a production, and nobody typed its name with role and reason; or
            an upgrade is in the middle of it, which goes back by itself.
        IntegrityError: the backup that was proved once is not whole any more.
    """
    require_impersonal(environment, role or "", reason or "")
    instance = load_instance(environment)
    if (upgrade := last_upgrade(instance)) is None or UpgradeEvent.FAILED not in upgrade.reached:
        require_not_upgrading(instance)  # one whose way back failed may be ended by hand
    now = clock.now()
    found = last_restoration(instance)
    going_on = found if found is not None and not found.finished else None
    if going_on and stamp is None and at is None:  # the newest one may be of what it put aside
        record, manifest = _chosen(instance, going_on.stamp, None, now)
        until = going_on.until
    else:
        record, manifest = _chosen(instance, stamp, as_local(at), now)
        until = _moment_after(manifest, as_local(at))
    if lost_server is not None:
        until = _until_of_lost(instance, manifest, going_on)
    if manifest.release_version != instance.record.release_version:
        raise InvalidInputError(
            f"A cópia é da versão {manifest.release_version} e o ambiente está na {instance.record.release_version}",
            environment,
            "Escolha uma cópia da versão de agora com --backup.",
        )
    continues = (
        going_on is not None
        and going_on.backup == record.reference
        and going_on.until == until
        and lost_server in {None, going_on.lost_server}  # or its server was lost since it began
    )
    known = lost_server is None and not (continues and going_on and going_on.touching)
    losses = _losses(instance, manifest) if known else ()
    _require_consent(instance, _goal(manifest, until), losses, confirmation, role, reason)
    if continues and going_on and (RestoreEvent.RECONCILED not in going_on.reached or not losses):
        return record.stamp
    if until is not None:
        require_log(instance, manifest, until)
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
            until=until,
        ),
    )
    return record.stamp


def _chosen(
    instance: Instance, stamp: str | None, at: datetime | None, now: datetime
) -> tuple[BackupRecord, BackupManifest]:
    """The backup asked for, with its manifest; one whose databases are of just after `at` is too new.

    A backup is named by the second in which it began; the first one of all may be asked for by that.
    """
    records, slug = backups_of(instance), instance.name.slug
    record = choose_backup(records, slug, stamp=stamp, at=at, now=now)
    manifest = fetch_manifest(instance, record.reference)
    while at is not None and manifest.log is not None and at < manifest.log.at:
        records = records[: records.index(record)]
        if at == record.reference.taken_at and not any(earlier.proved for earlier in records):
            break
        record = choose_backup(records, slug, stamp=None, at=at, now=now)
        manifest = fetch_manifest(instance, record.reference)
    return record, manifest


def _moment_after(manifest: BackupManifest, at: datetime | None) -> datetime | None:
    """The moment to which the log has to lead; none where the backup itself is what was asked for."""
    if at is None or manifest.log is None or at <= manifest.taken_at:
        return None
    return at


def _until_of_lost(instance: Instance, manifest: BackupManifest, going_on: Restoration | None) -> datetime | None:
    """As far as the log of a server that is gone was stored; one that goes on is wanted no further than before."""
    stored = stored_until(instance, manifest)
    if going_on is None or stored is None:
        return stored
    return min(stored, going_on.until) if going_on.until else None


def _goal(manifest: BackupManifest, until: datetime | None) -> str:
    backup = f"a cópia de {local_moment(manifest.taken_at)}"
    return f"{backup}, levada pelo log binário até {local_second(until)}" if until else backup


def _require_consent(
    instance: Instance,
    goal: str,
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
    lost = f"Desde a cópia: {', '.join(losses)}" if losses else "Nada foi criado desde então"
    raise GateClosedError(
        f"A restauração poria no lugar do que há {goal}. {lost}",
        slug,
        f"Se é isso mesmo, repita com --confirm {slug}{' --role PAPEL --reason MOTIVO' if production else ''}.",
    )


def _losses(instance: Instance, manifest: BackupManifest) -> tuple[str, ...]:
    """What was made, or removed, since the backup; of databases that are gone nothing is known, nor lost."""
    if why_unreadable(instance):
        return ()
    return count_paperwork(instance.server, instance.name.database_sei).changes_since(paperwork_in(manifest))


def why_unreadable(instance: Instance) -> str:
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
