"""Every night, and whenever somebody finished a course: judge the training gates anew, and go on where one opened."""

from typing import Annotated

from prefect import flow

from domain.gates_report import GatesReport
from flows.forms import asked
from flows.stage import at_most, results_of
from tasks.gates import judge_again, judge_and_resume, past_training, publish_gates, waiting_at_training

AT_ONCE = 4

Municipalities = Annotated[
    list[str] | None,
    asked(
        "Municípios",
        "Só estes municípios, como timoteo; vazio: todos os que esperam no portão da capacitação, ou que"
        " passaram por ele e ainda não estão em produção.",
    ),
]


@flow(name="portões da capacitação", flow_run_name="portões da capacitação", task_runner=at_most(AT_ONCE))
def open_gates(municipalities: Municipalities = None) -> GatesReport:
    """Judge each gate; one prefeitura's failure stops no other, and fails the run at its end."""
    waiting, past = (
        [slug for slug in found if municipalities is None or slug in municipalities]
        for found in (waiting_at_training(), past_training())
    )
    resumed, again = judge_and_resume.map(waiting), judge_again.map(past)
    report = GatesReport.of(results_of(waiting, resumed) | results_of(past, again))
    publish_gates(report)
    report.raise_if_any_failed()
    return report
