"""What a campaign does to one environment, each with a page of its own in the UI."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.environment import EnvironmentName
from domain.upgrading import RehearsalRecord, UpgradeReport
from flows.stage import tagged
from flows.upgrade_environment import upgrade_environment
from tasks.upgrade_rehearsal import rehearse

ROLE = "campanha"


@task(task_run_name="atualização · {environment}", cache_policy=NO_CACHE)
def upgrade_one(environment: str, version: str, reason: str) -> UpgradeReport:
    """One environment's upgrade; one that was cut off is gone on with, or undone.

    Raises:
        IntegrityError: it failed, and the environment is as before.
        ImplantaError: it was refused before anything was touched.
    """
    name = EnvironmentName.parse(environment)
    with tagged(name.municipality, name.purpose):
        return upgrade_environment(environment, version, role=ROLE, reason=reason, confirmation=environment)


@task(task_run_name="ensaio · {environment}", cache_policy=NO_CACHE)
def rehearse_one(environment: str, version: str) -> RehearsalRecord:
    """The upgrade of a restored copy; what it finds is in the registry, whatever came of it."""
    return rehearse(environment, version)
