"""Watch the prefeituras that went live a short while ago, closely."""

from prefect import flow

from domain.assisted_operation import AssistedReport
from flows.stage import at_most, results_of
from tasks.assisted_operation import assisted_environments, publish_assisted, watch_environment

AT_ONCE = 4


@flow(name="operação assistida", flow_run_name="operação assistida", task_runner=at_most(AT_ONCE))
def assisted_operation() -> AssistedReport:
    """Look at each; one prefeitura's failure stops no other, and fails the run at its end."""
    environments = assisted_environments()
    report = AssistedReport.of(results_of(environments, watch_environment.map(environments)))
    publish_assisted(report)
    report.raise_if_any_ails()
    return report
