"""Nobody goes live untrained: the gate between training and production."""

from domain.lifecycle import Stage
from domain.report import StageReport
from flows.stage import as_run_state, carry_out, stage_flow
from tasks.gate_notices import judge_and_tell
from tasks.history import finish_stage
from tasks.training import ensure_training_record


@stage_flow("capacitação")
def training_gate(municipality: str) -> StageReport:
    """Count what the sources tell of who finished what, judge the gate anew and tell of it; no process waits for it."""
    steps = carry_out((("registro da capacitação", ensure_training_record),), municipality)
    verdict = judge_and_tell(municipality)
    return as_run_state(finish_stage(municipality, Stage.TRAINING, steps, verdict.facts, waiting_for=verdict.reasons))
