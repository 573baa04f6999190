"""Nobody goes live untrained: the gate between training and production."""

from domain.lifecycle import Stage
from domain.report import StageReport
from flows.stage import as_run_state, carry_out, stage_flow
from tasks.history import finish_stage
from tasks.training import ensure_training_record, judge_training_gate


@stage_flow("capacitação")
def training_gate(municipality: str) -> StageReport:
    """Count what the sources tell of who finished what, and judge the gate anew; no process waits for it."""
    steps = carry_out((("registro da capacitação", ensure_training_record),), municipality)
    verdict = judge_training_gate(municipality)
    return as_run_state(finish_stage(municipality, Stage.TRAINING, steps, verdict.facts, waiting_for=verdict.reasons))
