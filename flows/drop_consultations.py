"""Every night: what prefeituras were lent of their backups, and whose time is over, is taken back."""

from prefect import flow

from domain.fleet_failures import FleetFailures
from flows.stage import at_most, results_of
from tasks.consultation import borrowers, drop_expired, sweep_scratch

AT_ONCE = 4


@flow(name="consultas vencidas", flow_run_name="consultas vencidas", task_runner=at_most(AT_ONCE))
def drop_consultations() -> int:
    """How many objects were removed; one prefeitura's failure stops no other, and fails the run at its end."""
    sweep_scratch()
    municipalities = borrowers()
    results = results_of(municipalities, drop_expired.map(municipalities))
    FleetFailures.of(results).raise_if_any(
        "{number} prefeituras ainda têm consultas vencidas no balde", "Veja o S3 e execute de novo."
    )
    return sum(change.removed for change in results.values())
