"""Every night: each production counted for the board, and the board's tables published."""

from prefect import flow, unmapped

from domain.board.night import CountReport
from flows.stage import at_most, results_of
from tasks.board import count_use, productions, publish_board
from tasks.clock import today

AT_ONCE = 8


@flow(name="painel", flow_run_name="painel", task_runner=at_most(AT_ONCE))
def count_and_publish() -> CountReport:
    """Count; one production's failure stops no other, and fails the run at its end."""
    day, environments = today(), productions()
    report = CountReport.of(results_of(environments, count_use.map(environments, unmapped(day))))
    publish_board(day)
    report.raise_if_any_failed()
    return report
