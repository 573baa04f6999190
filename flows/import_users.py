"""Bring a prefeitura's people in: account, permissions, first access."""

from domain.environment import EnvironmentName, Purpose
from domain.lifecycle import Stage
from domain.message import Event
from domain.report import StageReport
from flows.stage import as_run_state, stage_flow
from flows.users import carry_out_import
from tasks.history import finish_stage
from tasks.intake import USERS, missing_sheets
from tasks.live import KEPT, is_settled


@stage_flow("usuários")
def import_users(municipality: str, purpose: Purpose) -> StageReport:
    """Import the prefeitura's spreadsheet of users, as far as its limits allow without a person's yes."""
    environment = EnvironmentName(municipality=municipality, purpose=purpose).slug
    owed = missing_sheets(municipality, USERS)
    if owed:
        return as_run_state(finish_stage(environment, Stage.USERS, (), (), waiting_for=owed))
    if is_settled(environment, USERS):
        return as_run_state(finish_stage(environment, Stage.USERS, (), (KEPT,)))
    done = carry_out_import(environment)
    waiting_for, telling = done.report.waiting_for, Event.USUARIOS_PRONTOS
    return as_run_state(
        finish_stage(environment, Stage.USERS, done.steps, done.facts, waiting_for=waiting_for, telling=telling)
    )
