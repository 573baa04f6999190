"""Open a prefeitura's production environment, when everything that must hold does."""

from typing import Literal

from domain.environment import EnvironmentName, Purpose
from domain.lifecycle import Stage
from domain.message import Event
from domain.report import StageReport
from flows.stage import as_run_state, carry_out, stage_flow
from tasks.go_live import judge_go_live_checklist, open_production
from tasks.history import finish_stage


@stage_flow("entrada em produção")
def go_live(municipality: str, purpose: Literal[Purpose.PRODUCAO] = Purpose.PRODUCAO) -> StageReport:
    """Run the checklist, ask for the approval, and take production out of maintenance."""
    environment = EnvironmentName(municipality=municipality, purpose=purpose).slug
    verdict = judge_go_live_checklist(environment)
    if verdict.reasons:
        return as_run_state(finish_stage(environment, Stage.GO_LIVE, (), verdict.facts, waiting_for=verdict.reasons))
    steps = carry_out((("abertura da aplicação", open_production),), environment)
    telling = Event.ENTRADA_EM_PRODUCAO
    return as_run_state(finish_stage(environment, Stage.GO_LIVE, steps, verdict.facts, telling=telling))
