"""Make a fresh environment the prefeitura's own: its units, and the document model."""

from domain.environment import EnvironmentName, Purpose
from domain.lifecycle import Stage
from domain.report import StageReport
from flows.stage import Procedure, as_run_state, carry_out, stage_flow
from tasks.document_model import ensure_document_model
from tasks.history import finish_stage
from tasks.intake import missing_sheets
from tasks.live import KEPT, is_settled, record_applied
from tasks.model_validation import require_valid_model
from tasks.units import ensure_units

PROCEDURE: Procedure = (
    ("unidades", ensure_units),
    ("modelo de documentos", ensure_document_model),
    ("validação do modelo", require_valid_model),
)


@stage_flow("parametrização")
def seed(municipality: str, purpose: Purpose) -> StageReport:
    """Apply the document model, and the units of the prefeitura's own spreadsheet."""
    environment = EnvironmentName(municipality=municipality, purpose=purpose).slug
    owed = missing_sheets(municipality, "unidades.csv")
    if owed:
        return as_run_state(finish_stage(environment, Stage.SEEDING, (), (), waiting_for=owed))
    if is_settled(environment, "unidades.csv"):
        return as_run_state(finish_stage(environment, Stage.SEEDING, (), (KEPT,)))
    steps = carry_out(PROCEDURE, environment)
    record_applied(environment, "unidades.csv")
    return as_run_state(finish_stage(environment, Stage.SEEDING, steps, ()))
