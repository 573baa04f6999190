"""The steps that bring one environment from its version to the next; each may be killed anywhere, and run again.

From the moment that a proved backup of that very moment is there until everything was examined, nobody is let to the
data, and whatever goes wrong leads back to it (`tasks.upgrade_undo`): DDL is not transactional, and a script that
stopped in the middle cannot be repeated (`sei.md` 7).
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tenacity import (
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    stop_after_delay,
    wait_chain,
    wait_fixed,
)

from blocks.object_storage import ObjectStorage
from blocks.open_work import OpenWork, end_sessions, list_open_work
from blocks.settings import load_settings
from domain.backup.manifest import BackupReference, stamp_of
from domain.change import Change
from domain.configuration import Configuration
from domain.errors import GateClosedError, ImplantaError, IntegrityError, RetryableError
from domain.upgrade.conditions import Moment
from domain.upgrading import Upgrade, UpgradeEvent, UpgradeHappening
from tasks import clock, doors
from tasks.closing import closing_of
from tasks.configuration import configuration
from tasks.edge import declared_site
from tasks.environment import (
    ensure_access_keys,
    ensure_addresses,
    ensure_application,
    ensure_authentication,
    ensure_database_account,
    ensure_parameters,
    ensure_schedules,
    ensure_test_user_disabled,
)
from tasks.history import ACTOR
from tasks.instance import Instance, load_instance
from tasks.maintenance import close_environment, reopen_environment
from tasks.modules import installed_modules, modules_switched_on
from tasks.step import RETRY_DELAYS_SECONDS, step
from tasks.threads import begin
from tasks.upgrade_checks import examine, frozen_schemas
from tasks.upgrade_plan import UpgradePlan, plan_upgrade, schemas_of
from tasks.upgrade_steps import run_release
from tasks.upgrading import remember_upgrade, require_upgrading
from tasks.use_test import prove_use

LOGS = "atualizacoes"
"""Folder of the environment's bucket: what each upgrade's scripts said, and what its tables held before."""
SESSIONS_SECONDS = 30.0
_LOOK_SECONDS = 0.1


def plan_begun(instance: Instance) -> tuple[Upgrade, UpgradePlan]:
    """The upgrade that is going on, and its way."""
    found = require_upgrading(instance)
    return found, plan_upgrade(instance, found.to_version, found.reference)


def closed_configuration(instance: Instance, found: Upgrade, modules: Iterable[str] = ()) -> Configuration:
    """What the application is configured with while it is upgraded; modules are off, but for these (`sei.md` 5.1)."""
    secrets = doors.environment_secrets(instance.name.slug)
    message = f"Ambiente em manutenção: atualização para a {found.to_version}."
    made = configuration(instance, doors.runtime(), secrets, maintenance=True, message=message, modules=modules)
    return made.groups()


@step("borda fechada")
def close_for_upgrade(environment: str) -> Change:
    """Show the public the maintenance page, by the operators' own switch: nothing that runs by itself opens it."""
    instance = load_instance(environment)
    found = require_upgrading(instance)
    if declared_site(instance.name) is None:
        return Change(unchanged=1, details=("o ambiente não está na borda",))
    change = close_environment.fn(environment, found.role, found.reason)
    return change.model_copy(update={"details": ("página de manutenção",)})


@step("manutenção nativa e parada")
def stop_for_upgrade(environment: str) -> Change:
    """Stop the application, its scheduler and its queue workers, and see that nobody is left in the databases.

    It is put into its own maintenance before: whenever it is started again, it lets in the technical account alone.

    Raises:
        GateClosedError: another account than the application's still works in them.
    """
    instance = load_instance(environment)
    found, application = require_upgrading(instance), doors.runtime()
    change = application.apply(instance.name, closed_configuration(instance, found))
    change += application.stop(instance.name)
    account = instance.name.database_user
    left = _wait_for_others(instance)
    ended = end_sessions(instance.server, account) if any(work.account == account for work in left) else 0
    others = [work for work in left if work.account != account]
    if others:
        told = "; ".join(f"{work.account}: {work.sessions} conexões" for work in others)
        raise GateClosedError(
            f"Ainda há quem trabalhe nos bancos: {told}", environment, "Encerre essas conexões e execute de novo."
        )
    told = "em manutenção; aplicação, agendador e filas parados; nenhuma sessão nos bancos"
    return change.model_copy(update={"details": (f"{told} ({ended} encerradas)" if ended else told,)})


def _wait_for_others(instance: Instance) -> list[OpenWork]:
    """Who is still connected when everybody had time to end."""
    schemas = list(schemas_of(instance).values())
    still = Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_delay(SESSIONS_SECONDS),
        wait=wait_fixed(_LOOK_SECONDS),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else [],
    )
    return still(list_open_work, instance.server, schemas)


def folder_of(found: Upgrade) -> str:
    """Where an upgrade keeps what its scripts said, in the environment's bucket."""
    return f"{LOGS}/{stamp_of(found.begun_at)}"


def moment_key(found: Upgrade, backup: BackupReference) -> str:
    """Where it keeps what the tables held at the moment of a backup."""
    return f"{folder_of(found)}/antes-{stamp_of(backup.taken_at)}.json"


def list_logs(instance: Instance, found: Upgrade) -> tuple[str, ...]:
    """Where each script's output is, as operators find it."""
    keys = doors.object_storage().list_keys(instance.name.bucket, f"{folder_of(found)}/")
    return tuple(f"s3://{instance.name.bucket}/{key}" for key in keys if key.endswith(".log"))


@step("código da versão")
def deploy_target(environment: str) -> Change:
    """Put the target's code in place; it serves nothing until the databases are of its version."""
    instance = load_instance(environment)
    found, plan = plan_begun(instance)
    code, alone = plan.code_over(installed_modules(instance)), [plan.target.module] if plan.target.module else []
    change = doors.runtime().deploy(instance.name, code, closed_configuration(instance, found, alone))
    return change.model_copy(update={"details": (f"código da {code.name}",)})


@step("passos da versão")
def apply_release(environment: str) -> Change:
    """Run the release's steps in the release's order, each judged by what it says; the output of scripts is kept.

    Raises:
        IntegrityError: one failed; nothing of it may be repeated.
    """
    instance = load_instance(environment)
    found, plan = plan_begun(instance)
    password = doors.environment_secrets(environment).migration_password
    if password is None:
        raise IntegrityError("A senha de migração não existe", environment, "Execute a criação do ambiente de novo.")
    instance.server.ensure_migration_user(instance.name, password)
    application, storage, folder = doors.runtime(), doors.object_storage(), folder_of(found)
    change = Change()
    with _once():
        for result in run_release(
            instance,
            plan,
            password,
            lambda script, lines, limit: application.exec_script(instance.name, script, lines, limit),
            lambda name, text: _keep(storage, instance.name.bucket, f"{folder}/{name}", text),
        ):
            change += Change(updated=1, details=(f"{result.name}: {result.seconds:.1f} s",))
    _remember(instance, UpgradeEvent.APPLIED)
    return change


@step("conferência e teste de uso")
def prove_version(environment: str) -> Change:
    """Versions in three places, structure, and the prefeitura's own rows by hash; meanwhile, what a person does.

    The rows are looked at as they were before the application started behind the closed edge, in maintenance; so this
    is done once: a server that is lost meanwhile leads back.

    Raises:
        IntegrityError: something is not what the release says, or the application does not do what it should.
    """
    instance = load_instance(environment)
    found, plan = plan_begun(instance)
    was = _moment_before(instance, found)
    with _once(), frozen_schemas(instance) as held, ThreadPoolExecutor(1) as pool:
        examining = begin(pool, examine, instance, plan, found.accepted, was, held)
        try:
            used = _try_application(instance, found)
        except ImplantaError:
            examining.result()  # what is wrong with the databases is the cause of whatever else is
            raise
        evidence = (*examining.result(), used)
    return Change(unchanged=len(evidence), details=evidence)


def find_moment(instance: Instance, found: Upgrade, backup: BackupReference) -> Moment | None:
    """What was noted of the moment of a backup; None where nothing was."""
    body = doors.object_storage().find_object(instance.name.bucket, moment_key(found, backup))
    return None if body is None else Moment.model_validate_json(body)


def _moment_before(instance: Instance, found: Upgrade) -> Moment:
    was = find_moment(instance, found, found.backup) if found.backup else None
    if was is None:
        raise IntegrityError(
            "O que as tabelas tinham antes não está no balde do ambiente", instance.name.slug, "Execute de novo."
        )
    return was


def _try_application(instance: Instance, found: Upgrade) -> str:
    """Start the application and do in it what a person does, then undo it; one that does not answer is tried again.

    Its modules are on again, as people will have them.
    """
    again = Retrying(
        retry=retry_if_exception_type(RetryableError),
        stop=stop_after_attempt(load_settings().retries + 1),
        wait=wait_chain(*map(wait_fixed, RETRY_DELAYS_SECONDS)),
        reraise=True,
    )

    def use() -> str:
        application = doors.runtime()
        application.apply(instance.name, closed_configuration(instance, found, modules_switched_on(instance)))
        application.start(instance.name)
        evidence = prove_use(instance)
        if not evidence.passed:
            raise IntegrityError(
                f"O teste de uso falhou: {evidence.text}",
                instance.name.slug,
                "Veja o que a aplicação registrou em seus logs.",
            )
        return evidence.text

    return again(use)


@contextmanager
def _once() -> Iterator[None]:
    """Let nothing inside be tried again: a script stopped in the middle, or the rows are no longer as they were."""
    try:
        yield
    except RetryableError as e:
        raise IntegrityError(e.what, e.where, e.fix) from e


@step("versão registrada")
def settle_upgrade(environment: str) -> Change:
    """Let the registry say the new version: from here on the upgrade is proved, and only goes forward."""
    instance = load_instance(environment)
    found, plan = plan_begun(instance)
    change = doors.registry().finish_upgrade(
        environment,
        plan.code_over({}).version,
        plan.after.digest,
        kind=UpgradeEvent.PROVED,
        actor=ACTOR,
        flow_run_id=None,
        occurred_at=clock.now(),
    )
    return change.model_copy(update={"details": (f"{found.from_version} → {found.to_version}",)})


@step("convergência")
def converge_upgraded(environment: str) -> Change:
    """What a release's scripts may have touched, and what the version is configured with, one after the other.

    All else that an environment is waits until people are in again. It is one step: each of Prefect's takes as long as
    what most of these do, while nobody can work.
    """
    change = Change()
    for converge in (
        ensure_database_account,
        ensure_access_keys,
        ensure_addresses,
        ensure_parameters,
        ensure_authentication,
        ensure_test_user_disabled,
        ensure_schedules,
        ensure_application,
    ):
        change += converge.fn(environment)
    return change


@step("reabertura")
def finish_upgrade(environment: str) -> Change:
    """Let the public in again, if it was in before.

    Raises:
        RetryableError: the application or its public address does not answer; it stays closed.
    """
    instance = load_instance(environment)
    change = reopen_as_before(instance, require_upgrading(instance))
    _remember(instance, UpgradeEvent.FINISHED)
    return change


def reopen_as_before(instance: Instance, found: Upgrade) -> Change:
    """Lift the closing that an upgrade made; one that an operator had made before stays."""
    if found.closed_before or closing_of(instance) is None:
        return Change(unchanged=1, details=("continua fechada" if found.closed_before else "estava aberta",))
    change = reopen_environment.fn(instance.name.slug, found.role, found.reason)
    return change.model_copy(update={"details": ("como antes da atualização",)})


def _keep(storage: ObjectStorage, bucket: str, key: str, text: str) -> None:
    storage.ensure_object(bucket, key, text.encode())


def _remember(instance: Instance, kind: UpgradeEvent) -> None:
    remember_upgrade(instance, UpgradeHappening(kind=kind, at=clock.now()))
