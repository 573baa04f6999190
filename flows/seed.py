"""Make a fresh environment the prefeitura's own: its units, and the document model."""

from domain.environment import EnvironmentName, Purpose
from domain.lifecycle import Stage
from domain.report import StageReport
from flows.stage import Procedure, as_run_state, carry_out, stage_flow
from tasks.document_model import ensure_document_model
from tasks.history import finish_stage
from tasks.intake import missing_sheets
from tasks.live import UNITS, record_applied, sheet_digest, why_units_stay
from tasks.model_validation import require_valid_model
from tasks.units import ensure_units

UNITS_PROCEDURE: Procedure = (("unidades", ensure_units),)
MODEL_PROCEDURE: Procedure = (
    ("modelo de documentos", ensure_document_model),
    ("validação do modelo", require_valid_model),
)


@stage_flow("parametrização")
def seed(municipality: str, purpose: Purpose) -> StageReport:
    """Apply the document model, and the units of the prefeitura's own spreadsheet."""
    environment = EnvironmentName(municipality=municipality, purpose=purpose).slug
    owed = missing_sheets(municipality, UNITS)
    if owed:
        return as_run_state(finish_stage(environment, Stage.SEEDING, (), (), waiting_for=owed))
    kept = why_units_stay(environment)
    if kept is not None:
        return as_run_state(finish_stage(environment, Stage.SEEDING, (), (kept,)))
    digest = sheet_digest(environment, UNITS)
    steps = carry_out(UNITS_PROCEDURE, environment)
    # Before the model is judged: its problems are no reason to apply the spreadsheet once more.
    record_applied(environment, UNITS, digest)
    steps += carry_out(MODEL_PROCEDURE, environment)
    return as_run_state(finish_stage(environment, Stage.SEEDING, steps, ()))
