"""Close an environment to the public, or let it in again, because an operator says so."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from domain.environment import EnvironmentName
from domain.maintenance import Door, MaintenanceReport
from flows.forms import asked
from flows.stage import tagged
from flows.verify_environment import ENVIRONMENT
from tasks.closing import closing_of
from tasks.instance import load_instance
from tasks.maintenance import close_environment, reopen_environment


@flow(name="manutenção", flow_run_name="{environment} · manutenção · {door}")
def maintenance(
    environment: str = ENVIRONMENT,
    door: Annotated[
        Door,
        asked("Manutenção", "on: fecha o ambiente ao público. off: deixa o público entrar de novo."),
    ] = Door.CLOSE,
    role: Annotated[str, Field(min_length=3)] = asked(
        "Papel", "Equipe ou papel de quem decide: infraestrutura. Não escreva o nome."
    ),
    reason: Annotated[str, Field(min_length=5)] = asked("Motivo", "Fica no registro. Não escreva nomes."),
) -> MaintenanceReport:
    """Close or open; it waits for no other run of the municipality, for a closing may be urgent."""
    name = EnvironmentName.parse(environment)
    with tagged(name.municipality, name.purpose):
        act = close_environment if door is Door.CLOSE else reopen_environment
        change = act(environment, role, reason)
    return MaintenanceReport(environment=environment, closing=closing_of(load_instance(environment)), change=change)
