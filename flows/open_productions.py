"""Early on each day: go on with every prefeitura whose opening was approved for it."""

from prefect import flow

from domain.fleet_failures import FleetFailures
from flows.stage import at_most, results_of
from tasks.gates import due_to_open, open_due

AT_ONCE = 4


@flow(name="aberturas do dia", flow_run_name="aberturas do dia", task_runner=at_most(AT_ONCE))
def open_productions() -> list[str]:
    """Start the implantation of each; one that cannot be started stops no other, and fails the run at its end."""
    due = due_to_open()
    failures = FleetFailures.of(results_of(due, open_due.map(due)))
    failures.raise_if_any("{number} aberturas do dia não começaram", "Execute a implantação de cada uma.")
    return due
