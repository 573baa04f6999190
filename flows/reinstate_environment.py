"""Take a retirement back before its data are destroyed."""

from prefect import flow

from domain.environment import EnvironmentName
from domain.report import StageReport
from flows.create_environment import create_environment
from flows.forms import WaitSeconds
from flows.stage import tagged
from flows.verify_environment import ENVIRONMENT
from tasks.history import exclusive
from tasks.retire import ensure_reinstated


@flow(name="reativação", flow_run_name="{environment} · reativação")
def reinstate_environment(environment: str = ENVIRONMENT, wait_seconds: WaitSeconds = 0) -> StageReport:
    """Give people their accounts back and converge the environment again; the archive of the retirement stays held."""
    name = EnvironmentName.parse(environment)
    with exclusive(name.municipality, wait_seconds), tagged(name.municipality, name.purpose):
        ensure_reinstated(environment)
        return create_environment(name.municipality, name.purpose)
