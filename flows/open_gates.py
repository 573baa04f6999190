"""Every night, and whenever somebody finished a course: judge the training gates anew, and go on where one opened."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from domain.gates_report import GatesReport
from flows.stage import at_most, results_of
from tasks.gates import judge_and_resume, publish_gates, waiting_at_training

AT_ONCE = 4

Municipalities = Annotated[
    list[str] | None,
    Field(
        description="Só estes municípios, como timoteo; vazio: todos os que esperam no portão da capacitação.",
        json_schema_extra={"title": "Municípios"},
    ),
]


@flow(name="portões da capacitação", flow_run_name="portões da capacitação", task_runner=at_most(AT_ONCE))
def open_gates(municipalities: Municipalities = None) -> GatesReport:
    """Judge each gate; one prefeitura's failure stops no other, and fails the run at its end."""
    waiting = waiting_at_training()
    wanted = waiting if municipalities is None else [slug for slug in municipalities if slug in waiting]
    results = results_of(wanted, judge_and_resume.map(wanted))
    report = GatesReport.of(results)
    publish_gates(report)
    report.raise_if_any_failed()
    return report
