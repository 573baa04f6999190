"""Every night each environment is held against what is declared of it; what differs is told, nothing is changed."""

from prefect import Task, flow

from blocks.rehearsal import rehearsing
from domain.calendar import local_day
from domain.errors import GateClosedError
from domain.inspection import FleetInspection, Inspection
from domain.report import StepResult
from flows.create_environment import PROCEDURE
from flows.stage import at_most, results_of
from tasks.clock import now
from tasks.inspection import publish_fleet_inspection
from tasks.instance import load_instance
from tasks.neighbourhood import list_delivered
from tasks.restoration import is_changing
from tasks.step import step

AT_ONCE = 4


@step("desvio do declarado")
def compare_environment(environment: str) -> Inspection:
    """Rehearse the creation of one environment, which names every drift; what is seen must be there twice.

    It is one step of Prefect's, not as many as the creation has: over a fleet those would be thousands of runs.
    """
    found = _rehearse(environment)
    if not found.drifted:
        return found
    if _is_changing(environment):  # it began meanwhile
        return Inspection(environment=environment, steps=(), facts=("Em mudança: fica para a próxima noite.",))
    return _rehearse(environment)


def _is_changing(environment: str) -> bool:
    try:
        return is_changing(load_instance(environment))
    except GateClosedError:  # it is being retired
        return True


def _rehearse(environment: str) -> Inspection:
    with rehearsing():
        steps = tuple(
            StepResult(name=name, change=(task.fn if isinstance(task, Task) else task)(environment))
            for name, task in PROCEDURE
        )
    return Inspection(environment=environment, steps=steps)


@flow(name="desvio dos ambientes", flow_run_name="desvio dos ambientes na frota", task_runner=at_most(AT_ONCE))
def check_environments() -> FleetInspection:
    """Compare the whole fleet; an environment that cannot be compared stops neither the others nor the report.

    Databases, modules and segregation have nightly routines of their own. One that is being restored or upgraded is
    left out: it is what it is on the way to.

    Raises:
        IntegrityError: one differs from what is declared; the run fails, so that somebody is told.
        RetryableError: all that were compared are as declared, and one could not be.
    """
    environments = list_delivered()
    fleet = FleetInspection.of(results_of(environments, compare_environment.map(environments)))
    publish_fleet_inspection(local_day(now()), fleet)
    fleet.raise_if_wrong()
    return fleet
