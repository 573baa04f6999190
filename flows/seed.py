"""Make a fresh environment the prefeitura's own: units, process types, legal grounds, holidays."""

from prefect import flow

from domain.environment import EnvironmentName, Purpose
from domain.lifecycle import Stage
from domain.report import StageReport
from flows.stage import as_run_state, stage_run_name
from tasks.history import finish_stage
from tasks.intake import missing_sheets
from tasks.live import KEPT, is_settled, record_applied
from tasks.seeding import (
    ensure_holidays,
    ensure_legal_grounds,
    ensure_process_types,
    ensure_unit_codes,
    ensure_unit_emails,
    ensure_units,
)


@flow(name="parametrização", flow_run_name=stage_run_name)
def seed(municipality: str, purpose: Purpose) -> StageReport:
    """Apply the document model, and the units of the prefeitura's own spreadsheet."""
    environment = EnvironmentName(municipality=municipality, purpose=purpose).slug
    owed = missing_sheets(municipality, "unidades.csv")
    if owed:
        return as_run_state(finish_stage(environment, Stage.SEEDING, {}, (), waiting_for=owed))
    if is_settled(environment, "unidades.csv"):
        return as_run_state(finish_stage(environment, Stage.SEEDING, {}, (KEPT,)))
    changes = {
        "unidades": ensure_units(environment),
        "códigos das unidades": ensure_unit_codes(environment),
        "e-mails das unidades": ensure_unit_emails(environment),
        "hipóteses legais": ensure_legal_grounds(environment),
        "tipos de processo": ensure_process_types(environment),
        "feriados": ensure_holidays(environment),
    }
    record_applied(environment, "unidades.csv")
    return as_run_state(finish_stage(environment, Stage.SEEDING, changes, ()))
