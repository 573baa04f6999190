"""Open a prefeitura's production environment, when everything that must hold does."""

from typing import Literal

from domain.environment import EnvironmentName, Purpose
from domain.lifecycle import Stage
from domain.message import Event
from domain.report import StageReport
from flows.stage import Procedure, as_run_state, carry_out, stage_flow
from tasks.dns import ensure_public_name
from tasks.go_live import close_edge, judge_go_live_checklist, open_application, open_edge, record_opening
from tasks.history import finish_stage

PROCEDURE: Procedure = (
    ("borda fechada", close_edge),
    ("abertura da aplicação", open_application),
    ("endereço público", ensure_public_name),
    ("registro da abertura", record_opening),
    ("abertura na borda", open_edge),
)


@stage_flow("entrada em produção")
def go_live(municipality: str, purpose: Literal[Purpose.PRODUCAO] = Purpose.PRODUCAO) -> StageReport:
    """Run the checklist, whose last item is a person's approval, and let the prefeitura in, the edge last."""
    environment = EnvironmentName(municipality=municipality, purpose=purpose).slug
    verdict = judge_go_live_checklist(environment)
    if verdict.reasons:
        return as_run_state(
            finish_stage(
                environment,
                Stage.GO_LIVE,
                (),
                verdict.facts,
                waiting_for=verdict.reasons,
                owed_by=verdict.owed_by,
            )
        )
    steps = carry_out(PROCEDURE, environment)
    telling = Event.ENTRADA_EM_PRODUCAO
    return as_run_state(finish_stage(environment, Stage.GO_LIVE, steps, verdict.facts, telling=telling))
