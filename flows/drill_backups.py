"""Every month: backups damaged on purpose, to know that the verification of every night sees it."""

from typing import Annotated

from prefect import flow

from domain.backup.drill import DrillReport
from domain.calendar import local_day
from flows.forms import asked
from flows.stage import at_most, results_of
from tasks.backup_drill import drill_environment
from tasks.backup_night import environments_to_drill, publish_drill
from tasks.clock import now

AT_ONCE = 1

Environments = Annotated[
    list[str] | None,
    asked("Ambientes", "Estes ambientes, como timoteo-producao; vazio: alguns, outros a cada mês."),
]


@flow(name="exercício das cópias", flow_run_name="exercício das cópias", task_runner=at_most(AT_ONCE))
def drill_backups(environments: Environments = None) -> DrillReport:
    """Verify the verifier: a damage that it does not see fails the run, and is a reason to trust no certificate."""
    day = local_day(now())
    chosen = environments_to_drill(environments, day)
    report = DrillReport.of(results_of(chosen, drill_environment.map(chosen)))
    publish_drill(day, report)
    report.raise_if_blind()
    return report
