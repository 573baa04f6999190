"""Take one environment out of service: closed, archived and proved, then without access; its data stay for now."""

from prefect import flow

from domain.environment import EnvironmentName
from domain.retirement import RetirementReport
from flows.forms import WaitSeconds
from flows.stage import tagged
from flows.verify_environment import ENVIRONMENT
from tasks.archive import ensure_archive_proved, ensure_archive_written
from tasks.environment_copy import ensure_archive_key
from tasks.history import exclusive
from tasks.retire import (
    REVOCATIONS,
    NamedStep,
    ensure_announced,
    ensure_closed,
    finish_retirement,
    publish_retirement,
)

BEFORE_REVOCATION: tuple[NamedStep, ...] = (
    ("anúncio", ensure_announced),
    ("aplicação", ensure_closed),
    ("chave do arquivo", ensure_archive_key),
    ("cópia final", ensure_archive_written),
    ("prova da cópia final", ensure_archive_proved),
)


@flow(name="encerramento", flow_run_name="{environment} · encerramento")
def retire_environment(environment: str = ENVIRONMENT, wait_seconds: WaitSeconds = 0) -> RetirementReport:
    """Converge an environment to retired, as a person decided in the registry.

    Nothing is revoked before the final copy was restored and compared. Killed anywhere, the next run goes on from what
    the registry and the systems say.
    """
    name = EnvironmentName.parse(environment)
    steps: tuple[NamedStep, ...] = (*BEFORE_REVOCATION, *REVOCATIONS, ("encerramento", finish_retirement))
    with exclusive(name.municipality, wait_seconds), tagged(name.municipality, name.purpose):
        changes = {label: run(environment) for label, run in steps}
        return publish_retirement(environment, changes)
