"""Whether seeded instances hold what every suite of the document model demands: one at a time, or all every night."""

from prefect import flow

from domain.calendar import local_day
from domain.document_model.verdict import FleetVerdict, ModelVerdict
from flows.check_models import AT_ONCE
from flows.stage import at_most, results_of
from flows.verify_environment import ENVIRONMENT
from tasks.clock import now
from tasks.document_model import list_seeded
from tasks.model_report import publish_fleet_verdict, publish_verdict
from tasks.model_validation import validate_document_model


@flow(name="validação do modelo", flow_run_name="{environment} · validação do modelo")
def validate_model(environment: str = ENVIRONMENT) -> ModelVerdict:
    """Judge one instance by every suite; the run ends well whatever it saw, and who asked judges the verdict."""
    verdict = validate_document_model(environment)
    publish_verdict(environment, verdict)
    return verdict


@flow(name="validação dos modelos", flow_run_name="validação dos modelos da frota", task_runner=at_most(AT_ONCE))
def validate_models() -> FleetVerdict:
    """Judge the whole fleet; an instance that cannot be judged stops neither the others nor the report."""
    environments = list_seeded()
    runs = validate_document_model.map(environments)
    results = results_of(environments, runs)
    fleet = FleetVerdict.of(results)
    publish_fleet_verdict(local_day(now()), fleet)
    fleet.raise_if_wrong()
    return fleet
