"""The upgrade tried on a restored copy of that very environment, which people go on working in meanwhile.

The copy is the newest proved backup in a scratch server, as each night's verification makes one; the scripts run in a
second, temporary instance of the application, with the target's code. What they change is gone with the server. On the
copy alone, the keys between SEI and SIP are new ones, as in `tasks.backup_opens`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic
from typing import TypeVar

from pydantic import SecretStr

from blocks.dump_restorer import restore
from blocks.runtime import OpenedCopy
from blocks.scratch_ahead import ScratchAhead
from blocks.scratch_server import ScratchServer
from blocks.secrets import EnvironmentSecrets
from blocks.settings import load_settings
from blocks.streams import ahead, as_file
from blocks.use_test import test_use
from domain.backup.findings import Level, LevelResult
from domain.backup.history import BackupRecord, last_proved
from domain.backup.sizes import shown_seconds
from domain.errors import GateClosedError, IntegrityError, RetryableError
from domain.person import TECHNICAL_LOGIN
from domain.report import first_of
from domain.upgrade.conditions import Moment
from domain.upgrading import RehearsalRecord, UpgradeFailure
from tasks import clock, doors
from tasks.backup_cycle import record_level
from tasks.backup_history import backups_of
from tasks.backup_opens import let_in
from tasks.backup_recent import prove_recent_backup
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.configuration import copy_configuration
from tasks.inspection import publish_markdown
from tasks.instance import Instance, load_instance
from tasks.modules import installed_modules
from tasks.upgrade import LOGS
from tasks.upgrade_checks import examine, frozen_schemas, read_moment
from tasks.upgrade_plan import UpgradePlan, judge_databases, plan_upgrade
from tasks.upgrade_steps import failure_of, run_release
from tasks.upgrading import remember_rehearsal

MAX_AGE = timedelta(hours=24)
"""Of the backup that is restored: an older one says too little of tomorrow."""
_FILES = "arquivos"

T = TypeVar("T")


def rehearse(environment: str, version: str, accepted: tuple[str, ...] = ()) -> RehearsalRecord:
    """Upgrade a restored copy, examine it, use it, and tell the registry what came of it and how long it took.

    What is wrong with the environment or the release is in the record. It is also level L5 of the backup.

    Raises:
        InvalidInputError: there is no way to the version.
        GateClosedError: the host of the application cannot open copies.
        RetryableError: a server did not answer, so nothing is known.
        IntegrityError: the backup itself is none.
    """
    instance = load_instance(environment)
    plan = plan_upgrade(instance, version)
    prove_recent_backup(instance, MAX_AGE)
    good = last_proved(backups_of(instance))
    assert good is not None  # noqa: S101  # it was just proved
    with ScratchAhead(load_settings().scratch_dir) as scratch:
        record = _Rehearsal(instance, plan, good, accepted).run(scratch.server())
    remember_rehearsal(instance, record)
    record_level(instance, good.reference, _level(record))
    publish_markdown(f"ensaio-{environment}", record.markdown(environment), f"Ensaio da {version} em {environment}")
    return record


def _level(record: RehearsalRecord) -> LevelResult:
    told = f"atualização para a {record.release} em {shown_seconds(record.seconds)}"
    if record.failure:
        told = f"a atualização para a {record.release} falha em {record.failure.step}: {record.failure.cause}"
    return LevelResult(level=Level.UPGRADES, passed=record.ok, evidence=(told,))


@dataclass
class _Rehearsal:
    """One copy being upgraded."""

    instance: Instance
    plan: UpgradePlan
    backup: BackupRecord
    accepted: tuple[str, ...]
    own: EnvironmentSecrets = field(default_factory=EnvironmentSecrets.generate)
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, scratch: ScratchServer) -> RehearsalRecord:
        self._restore(scratch)
        failure: UpgradeFailure | None = None
        closed_from = len(self.seconds)
        try:
            self._upgrade(replace(self.instance, server=scratch.server), scratch)
        except _StepError as error:
            failure = failure_of(error.step, error.cause)
        times = list(self.seconds.values())
        return RehearsalRecord(
            release=self.plan.target.version,
            stamp=self.backup.stamp,
            at=clock.now(),
            ok=failure is None,
            seconds=sum(times[closed_from:]),
            steps=self.seconds,
            failure=failure,
        )

    def _restore(self, scratch: ScratchServer) -> None:
        """Raises as `blocks.dump_restorer.restore`: what fails here says nothing of the upgrade."""
        started = monotonic()
        part = fetch_manifest(self.instance, self.backup.reference).databases
        restore(as_file(ahead(BackupVault(self.instance).read(part))), scratch.server, part.key)
        self.seconds["cópia restaurada"] = monotonic() - started

    def _upgrade(self, copy: Instance, scratch: ScratchServer) -> None:
        application = doors.runtime()
        files = scratch.home / _FILES
        files.mkdir(mode=0o700, exist_ok=True)
        code = self.plan.code_over(installed_modules(copy))
        configuration = copy_configuration(copy, application, scratch.server, self.own, code.modules)
        opened = application.opened_on_copy(copy.name, configuration, files, code)
        if opened is None:
            raise GateClosedError(
                "Este servidor de aplicação ainda não abre cópias, e sem cópia não há ensaio",
                copy.name.slug,
                "Ensaie em um servidor que as abra.",
            )
        self._timed("condições", lambda: self._judge(copy))
        was = self._timed("cópia deste momento", lambda: read_moment(copy, self.plan, with_meaning=True))
        with opened as temporary:
            self._timed("passos da versão", lambda: self._run_release(copy, temporary))
            self._timed("conferência dos bancos", lambda: self._examine(copy, was))
            self._timed("teste de uso", lambda: self._use(copy, temporary))

    def _judge(self, copy: Instance) -> None:
        problems = list(judge_databases(copy, self.plan, self.accepted))
        if problems:
            raise IntegrityError(first_of(problems), copy.name.slug, "Corrija o ambiente e ensaie de novo.")

    def _run_release(self, copy: Instance, temporary: OpenedCopy) -> None:
        password = self.own.migration_password or SecretStr("")
        copy.server.ensure_migration_user(copy.name, password)
        folder = f"{LOGS}/ensaio-{self.backup.stamp}"
        for _ in run_release(copy, self.plan, password, temporary.exec_script, self._keep(folder)):
            pass

    def _keep(self, folder: str) -> Callable[[str, str], None]:
        storage, bucket = doors.object_storage(), self.instance.name.bucket

        def keep(name: str, text: str) -> None:
            storage.ensure_object(bucket, f"{folder}/{name}", text.encode())

        return keep

    def _examine(self, copy: Instance, was: Moment) -> tuple[str, ...]:
        with frozen_schemas(copy) as held:
            return examine(copy, self.plan, self.accepted, was, held)

    def _use(self, copy: Instance, temporary: OpenedCopy) -> None:
        password = doors.environment_secrets(copy.name.slug).probe_password
        if password is None:
            raise IntegrityError(
                "A senha da conta técnica ainda não foi gerada", copy.name.slug, "Execute a criação de novo."
            )
        let_in(copy.server, copy.name, self.own)
        used = test_use(temporary.address, TECHNICAL_LOGIN, password, clock.now())
        if not used.ok:
            raise IntegrityError(f"O teste de uso falhou: {used.evidence}", copy.name.slug, "Veja os logs.")

    def _timed(self, step: str, work: Callable[[], T]) -> T:
        started = monotonic()
        try:
            return work()
        except (RetryableError, GateClosedError):  # says nothing of the upgrade
            raise
        except Exception as error:
            raise _StepError(step, error) from error
        finally:
            self.seconds[step] = monotonic() - started


class _StepError(Exception):
    """A step of the rehearsal found what the upgrade would find."""

    def __init__(self, step: str, cause: Exception) -> None:
        super().__init__(step)
        self.step = step
        self.cause = cause
