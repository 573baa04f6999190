"""Destroy the data of an environment that was retired long enough ago; its archive stays."""

from prefect import flow
from pydantic import Field

from domain.environment import EnvironmentName
from domain.retirement import RetirementReport
from flows.forms import WaitSeconds
from flows.stage import tagged
from tasks.history import exclusive
from tasks.retire import DESTRUCTIONS, NamedStep, finish_destruction, publish_retirement, require_destruction


@flow(name="destruição", flow_run_name="{environment} · destruição")
def destroy_environment(
    environment: str = Field(description="Nome do ambiente: timoteo-treinamento."),
    confirmation: str = Field(description="O nome do ambiente, digitado de novo por quem destrói."),
    wait_seconds: WaitSeconds = 0,
) -> RetirementReport:
    """Remove everything but the archive, if everything allows it; the decisions are in the registry, never here."""
    name = EnvironmentName.parse(environment)
    with exclusive(name.municipality, wait_seconds), tagged(name.municipality, name.purpose):
        require_destruction(environment, confirmation)
        steps: tuple[NamedStep, ...] = (*DESTRUCTIONS, ("destruição", finish_destruction))
        changes = {label: run(environment) for label, run in steps}
        return publish_retirement(environment, changes)
