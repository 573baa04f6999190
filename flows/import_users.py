"""Bring a prefeitura's people in: account, permissions, first access."""

from domain.environment import EnvironmentName, Purpose
from domain.lifecycle import Stage
from domain.report import StageReport
from flows.stage import Procedure, as_run_state, carry_out, stage_flow
from tasks.history import finish_stage
from tasks.intake import missing_sheets
from tasks.live import KEPT, is_settled, record_applied, sheet_digest
from tasks.users import ensure_accounts, ensure_invitations, ensure_replicated, ensure_sip_users, prove_users

PROCEDURE: Procedure = (
    ("contas LDAP", ensure_accounts),
    ("usuários e permissões no SIP", ensure_sip_users),
    ("replicação para o SEI", ensure_replicated),
    ("primeiro acesso por e-mail", ensure_invitations),
)


@stage_flow("usuários")
def import_users(municipality: str, purpose: Purpose) -> StageReport:
    """Import the prefeitura's spreadsheet of users, which each step reads from storage by itself."""
    environment = EnvironmentName(municipality=municipality, purpose=purpose).slug
    owed = missing_sheets(municipality, "usuarios.csv")
    if owed:
        return as_run_state(finish_stage(environment, Stage.USERS, (), (), waiting_for=owed))
    if is_settled(environment, "usuarios.csv"):
        return as_run_state(finish_stage(environment, Stage.USERS, (), (KEPT,)))
    digest = sheet_digest(environment, "usuarios.csv")
    steps = carry_out(PROCEDURE, environment)
    facts = prove_users(environment)
    record_applied(environment, "usuarios.csv", digest)
    return as_run_state(finish_stage(environment, Stage.USERS, steps, facts))
