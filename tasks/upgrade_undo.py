"""The way back from an upgrade: databases, files and code of the moment before, proved, and whoever was let in.

Databases and files come back by the machinery of restorations (`tasks.restore`), from the backup of that very moment:
loaded beside what is there, compared with the backup's manifest by SHA-256, and only then put in its place. So whatever
cuts the way back off, the next run goes on, and an operator may end it by hand, from another backup.
"""

from domain.change import Change
from domain.code import Code
from domain.errors import IntegrityError
from domain.restoration import RestoreEvent, RestoreHappening
from domain.upgrading import Upgrade, UpgradeEvent, UpgradeFailure, UpgradeHappening, failure_markdown
from tasks import clock, doors
from tasks.history import ACTOR
from tasks.inspection import publish_markdown
from tasks.instance import Instance, load_instance
from tasks.modules import installed_modules
from tasks.restoration import brought_back, last_restoration, remember_restoration
from tasks.restore import reconcile_files, replace_databases
from tasks.step import step
from tasks.upgrade import closed_configuration, list_logs, reopen_as_before
from tasks.upgrading import remember_upgrade, require_upgrading

CUT_OFF = UpgradeFailure(step="execução", cause="a execução foi interrompida no meio da atualização")
NOT_SAVED = "não feita: havia uma atualização pela metade"


def record_failure(environment: str, failure: UpgradeFailure) -> None:
    """Tell the registry why an upgrade goes back, once: what went wrong first is its cause."""
    instance = load_instance(environment)
    found = require_upgrading(instance)
    if found.allows(UpgradeEvent.FAILED):
        _remember(instance, UpgradeEvent.FAILED, failure)


@step("bancos e arquivos de antes")
def put_back_data(environment: str) -> Change:
    """Restore the backup of the moment before, where anything may have been changed since.

    Raises:
        IntegrityError: the backup is damaged, or what was restored is not what it says; everything stays closed.
        RetryableError: a server does not answer; the next run goes on.
    """
    instance = load_instance(environment)
    found = require_upgrading(instance)
    if UpgradeEvent.SAVED not in found.reached or found.backup is None:
        return Change(unchanged=1, details=("nada tinha sido mudado",))
    if UpgradeEvent.RETURNED in found.reached or brought_back(last_restoration(instance), found.begun_at):
        return Change(unchanged=1, details=("já restaurados",))
    doors.runtime().stop(instance.name)
    if password := doors.environment_secrets(environment).migration_password:
        instance.server.ensure_migration_user(instance.name, password)  # nobody's script writes any more
    _begin_restoration(instance, found)
    change = replace_databases.fn(environment) + reconcile_files.fn(environment)
    return change.model_copy(
        update={"details": (f"cópia {found.stamp} no lugar: tabelas comparadas por SHA-256 com o manifesto dela",)}
    )


def _begin_restoration(instance: Instance, found: Upgrade) -> None:
    known = last_restoration(instance)
    if known is None or known.finished or known.backup != found.backup or known.begun_at < found.begun_at:
        begun = RestoreHappening(
            kind=RestoreEvent.BEGUN,
            at=clock.now(),
            backup=found.backup,
            role=found.role,
            reason=f"volta da atualização para a {found.to_version}",
            closed_before=found.closed_before,
        )
        remember_restoration(instance, ACTOR, begun)
        known = last_restoration(instance)
    if known is None or RestoreEvent.SAVED not in known.reached:
        saved = RestoreHappening(kind=RestoreEvent.SAVED, at=clock.now(), saved=NOT_SAVED)
        remember_restoration(instance, ACTOR, saved)


@step("código de antes")
def put_back_code(environment: str) -> Change:
    """Put the old version's code in its place, and say that all is as it was; the application still serves nobody."""
    instance = load_instance(environment)
    found = require_upgrading(instance)
    change = Change(unchanged=1)
    if UpgradeEvent.SAVED in found.reached:
        code = Code(version=found.from_version, modules=installed_modules(instance))  # of the databases that are back
        change = doors.runtime().deploy(instance.name, code, closed_configuration(instance, found))
    restoration = last_restoration(instance)
    if restoration is not None and not restoration.finished and brought_back(restoration, found.begun_at):
        remember_restoration(instance, ACTOR, RestoreHappening(kind=RestoreEvent.FINISHED, at=clock.now()))
    if found.allows(UpgradeEvent.RETURNED):
        _remember(instance, UpgradeEvent.RETURNED)
    return change.model_copy(update={"details": (f"código da {found.from_version}",)})


@step("fim da volta")
def finish_undo(environment: str) -> UpgradeFailure:
    """Let in whoever was let in before, publish why it went back, and give the cause.

    Raises:
        RetryableError: the application or its public address does not answer; it stays closed.
    """
    instance = load_instance(environment)
    found = require_upgrading(instance)
    reopen_as_before(instance, found)
    _remember(instance, UpgradeEvent.UNDONE)
    lines = failure_markdown(environment, found, list_logs(instance, found))
    publish_markdown(f"atualizacao-{environment}", lines, f"Atualização desfeita de {environment}")
    return found.failure or CUT_OFF


def undone(environment: str, failure: UpgradeFailure, from_version: str) -> IntegrityError:
    """What whoever asked for the upgrade is told when it is undone; `what` is the cause."""
    return IntegrityError(
        failure.cause,
        f"{environment}, {failure.step}",
        f"A atualização foi desfeita: o ambiente está na {from_version}, como antes."
        f" Veja o que os scripts disseram com ./implanta upgrade history {environment}.",
    )


def _remember(instance: Instance, kind: UpgradeEvent, failure: UpgradeFailure | None = None) -> None:
    remember_upgrade(instance, UpgradeHappening(kind=kind, at=clock.now(), failure=failure))
