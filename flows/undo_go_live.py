"""Take an opening back while nothing was created in it."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from domain.environment import EnvironmentName, Purpose
from domain.report import StepResult
from flows.forms import WaitSeconds, asked
from flows.stage import MUNICIPALITY, Procedure, carry_out
from tasks.history import exclusive, record_answer
from tasks.rollback import (
    begin_closing,
    close_application,
    close_to_public,
    publish_rollback,
    record_rollback,
    restore_edge,
)
from tasks.waivers import GO_LIVE_GATE, UNDO

PROCEDURE: Procedure = (
    ("borda fechada", close_to_public),
    ("aplicação em manutenção", close_application),
    ("borda como antes", restore_edge),
    ("registro da volta", record_rollback),
)


@flow(name="volta da entrada em produção", flow_run_name="{municipality} · volta da entrada em produção")
def undo_go_live(
    municipality: str = MUNICIPALITY,
    role: Annotated[str, Field(min_length=3)] = asked(
        "Papel", "Papel de quem pede, como está nos contatos do município: ponto focal. Não escreva o nome."
    ),
    reason: Annotated[str, Field(min_length=5)] = asked("Motivo", "Fica no registro. Não escreva nomes."),
    wait_seconds: WaitSeconds = 0,
) -> tuple[StepResult, ...]:
    """Close the production again, as it was before its opening; refused once somebody worked in it."""
    environment = EnvironmentName(municipality=municipality, purpose=Purpose.PRODUCAO).slug
    with exclusive(municipality, wait_seconds):
        begin_closing(environment)
        record_answer(municipality, GO_LIVE_GATE, UNDO, role, reason, None)
        steps = carry_out(PROCEDURE, environment)
        publish_rollback(environment, steps)
    return steps
