"""On the first of each month: what came into each prefeitura's SEI in the month before, by e-mail."""

from typing import Annotated

from prefect import flow, unmapped

from domain.telling_report import TellingReport
from flows.forms import asked
from flows.stage import at_most, results_of
from tasks.monthly_report import list_in_production, month_to_report, publish_reports, queue_report

AT_ONCE = 4

MonthOrLast = Annotated[
    str | None,
    asked("Mês", "O mês, como 2027-05; vazio: o mês passado."),
]


@flow(name="relatório mensal", flow_run_name="relatório mensal", task_runner=at_most(AT_ONCE))
def monthly_report(month: MonthOrLast = None) -> TellingReport:
    """Queue each prefeitura's report; one that cannot be counted stops no other, and fails the run at its end."""
    wanted = month_to_report(month)
    environments = list_in_production(wanted)
    results = results_of(environments, queue_report.map(environments, unmapped(wanted)))
    report = TellingReport.of(f"Relatório de {wanted.label}", results)
    publish_reports(report)
    report.raise_if_any_failed()
    return report
