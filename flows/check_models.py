"""Every night each environment is compared with its document model; what differs is told, nothing is changed."""

from prefect import flow

from domain.calendar import local_day
from domain.document_model.drift import FleetDrift
from flows.stage import at_most, results_of
from tasks.clock import now
from tasks.document_model import inspect_document_model, list_seeded
from tasks.model_report import publish_drift

AT_ONCE = 4


@flow(name="desvio do modelo", flow_run_name="desvio do modelo na frota", task_runner=at_most(AT_ONCE))
def check_models() -> FleetDrift:
    """Compare the whole fleet; an environment that cannot be compared stops neither the others nor the report."""
    environments = list_seeded()
    runs = inspect_document_model.map(environments)
    results = results_of(environments, runs)
    fleet = FleetDrift.of(results)
    publish_drift(local_day(now()), fleet)
    fleet.raise_if_any_failed()
    return fleet
