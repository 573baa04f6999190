"""The document model of one environment that an operator changes: first the plan, then exactly that plan."""

from prefect import flow

from domain.document_model.plan import PlanReport
from flows.forms import PlanCode
from flows.verify_environment import ENVIRONMENT
from tasks.document_model import apply_document_model, plan_document_model
from tasks.model_report import publish_plan, publish_verdict
from tasks.model_validation import validate_document_model


@flow(name="plano do modelo", flow_run_name="{environment} · plano do modelo")
def plan_model(environment: str = ENVIRONMENT) -> PlanReport:
    """Show what applying the document model would create, change and switch off, and why; nothing is changed."""
    plan = plan_document_model(environment)
    publish_plan(environment, plan, "plano do modelo")
    return plan


@flow(name="modelo", flow_run_name="{environment} · modelo de documentos")
def apply_model(environment: str = ENVIRONMENT, plan: PlanCode = None) -> PlanReport:
    """Apply the document model; with the code of a plan, only if the plan still is that one. Then prove it."""
    done = apply_document_model(environment, plan)
    publish_plan(environment, done, "modelo aplicado")
    verdict = validate_document_model(environment)
    publish_verdict(environment, verdict)
    verdict.raise_if_wrong()
    return done
