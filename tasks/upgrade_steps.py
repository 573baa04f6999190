"""Running the steps of a release on one environment, or on a copy of it: in the release's order, each one judged."""

import hashlib
from collections.abc import Callable, Iterator, Sequence

from pydantic import SecretStr
from slugify import slugify

from blocks.catalog_file import CATALOG_DIR
from blocks.dump_loader import load_sql
from blocks.runtime import ScriptOutput
from domain.campaign.failure import signature_of
from domain.change import Change
from domain.configuration import MASK
from domain.errors import ImplantaError, IntegrityError, told
from domain.report import StepResult
from domain.upgrade.release import ScriptStep, SqlStep
from domain.upgrade.script_output import error_line, judge
from domain.upgrading import UpgradeFailure
from tasks.instance import Instance
from tasks.upgrade_plan import UpgradePlan, schemas_of

RunScript = Callable[[str, Sequence[SecretStr], float], ScriptOutput]
KeepLog = Callable[[str, str], None]
"""Takes the name of a script's log and what it holds."""

# A script that takes so many times what the release expects hangs; none is cut off before half an hour.
_PATIENCE = 10
_LEAST_SECONDS = 1800.0
_SECONDS_PER_MINUTE = 60


class ReleaseStepError(IntegrityError):
    """A step of a release did not do what it should; `signature` is of what it said, which nobody keeps."""

    def __init__(self, what: str, where: str, fix: str, signature: str = "") -> None:
        super().__init__(what, where, fix)
        self.signature = signature

    def __reduce__(self) -> tuple[type["ReleaseStepError"], tuple[str, str, str, str]]:
        return type(self), (self.what, self.where, self.fix, self.signature)


def failure_of(step: str, error: BaseException) -> UpgradeFailure:
    """Why an upgrade goes back, without personal data: only our own errors are known to hold none."""
    cause = error.what.rstrip(".") if isinstance(error, ImplantaError) else told(error)
    signature = error.signature if isinstance(error, ReleaseStepError) else ""
    return UpgradeFailure(step=step, cause=cause, signature=signature or signature_of(cause))


def run_release(
    instance: Instance, plan: UpgradePlan, password: SecretStr, run_script: RunScript, keep_log: KeepLog
) -> Iterator[StepResult]:
    """Run one step after the other, as the account that may change structure, and give each one's result and time.

    Raises:
        ReleaseStepError: a step failed, or ended without saying that it is done; what was done until then stays.
    """
    credentials = (SecretStr(instance.name.database_migration_user), password)
    with instance.server.unlock_migration_user(instance.name):
        for number, step in enumerate(plan.way.steps, 1):
            if isinstance(step, ScriptStep):
                limit = max(_LEAST_SECONDS, _PATIENCE * step.minutes * _SECONDS_PER_MINUTE)
                output = run_script(step.path, credentials if step.needs_credentials else (), limit)
                text = output.output.replace(password.get_secret_value(), MASK)
                keep_log(f"{number:02}-{slugify(step.path)}.log", text)
                yield _judged(step, output, instance.name.slug)
            elif isinstance(step, SqlStep):
                yield _run_sql(step, instance)


def _judged(step: ScriptStep, output: ScriptOutput, where: str) -> StepResult:
    judgement = judge(output.output, output.exit_code, step.expected)
    if not judgement.outcome.leaves_target:
        raise ReleaseStepError(
            f"O script {step.path} não terminou bem: {judgement.reason}",
            where,
            "Leia o registro do script.",
            signature_of(error_line(output.output)),
        )
    change = Change(updated=1, details=(judgement.reason,))
    return StepResult(name=step.told, change=change, seconds=output.seconds)


def _run_sql(step: SqlStep, instance: Instance) -> StepResult:
    path = CATALOG_DIR / "releases" / step.file
    try:
        text = path.read_bytes()
    except OSError:
        raise ReleaseStepError(
            f"O arquivo {step.file} não está no catálogo", str(path), "Ponha-o lá e execute de novo."
        ) from None
    if hashlib.sha256(text).hexdigest() != step.sha256:
        raise ReleaseStepError(
            f"O arquivo {step.file} não é o que a versão declara", str(path), "Confira a origem do arquivo."
        )
    load_sql([text], instance.server, schemas_of(instance)[step.system], what=step.file)
    return StepResult(name=step.told, change=Change(updated=1))
