"""Create or mend several environments; one that fails stops no other."""

from typing import Annotated

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from domain.environment import EnvironmentName
from domain.report import FleetReport, StageReport
from flows.create_environment import create_environment
from flows.forms import asked
from flows.stage import at_most, one_heartbeat, results_of, tagged

# Each creation loads its two databases at once already.
AT_ONCE = 2

Environments = Annotated[
    list[str],
    asked("Ambientes", "Nomes dos ambientes, como timoteo-treinamento.", min_length=1),
]


@flow(
    name="ambientes",
    flow_run_name="ambientes",
    task_runner=at_most(AT_ONCE),
)
def create_environments(environments: Environments) -> FleetReport:
    """Converge and prove every environment named, two at a time; who failed is told at the end."""
    names = [EnvironmentName.parse(environment).slug for environment in dict.fromkeys(environments)]
    with one_heartbeat():
        runs = create_one.map(names)
        results = results_of(names, runs)
    return FleetReport.of(results)


@task(task_run_name="ambiente · {environment}", cache_policy=NO_CACHE)
def create_one(environment: str) -> StageReport:
    """One environment's own flow, with its own page in the UI."""
    name = EnvironmentName.parse(environment)
    with tagged(name.municipality, name.purpose):
        return create_environment(name.municipality, name.purpose)
