"""Every hour: what each environment did since, by its server's binary log, kept away from that server."""

from typing import Annotated

from prefect import flow

from domain.backup.log_report import LogReport
from flows.forms import asked
from flows.stage import at_most, results_of
from tasks.backup_night import environments_in_use
from tasks.log_archive import archive_log, publish_logs

AT_ONCE = 2

Environments = Annotated[
    list[str] | None,
    asked("Ambientes", "Só estes ambientes, como timoteo-producao; vazio: todos."),
]


@flow(name="logs binários", flow_run_name="logs binários", task_runner=at_most(AT_ONCE))
def archive_logs(environments: Environments = None) -> LogReport:
    """Store each environment's part, under its own key; one's failure stops no other, and fails the run at its end."""
    names = environments_in_use(environments)
    report = LogReport.of(results_of(names, archive_log.map(names)))
    publish_logs(report)
    report.raise_if_any_failed()
    return report
