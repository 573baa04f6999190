"""The people of one environment: what the spreadsheet would change, applying it, and taking a batch back."""

from prefect import flow

from domain.model import Frozen
from domain.report import StepResult
from domain.users_report import UsersReport
from flows.forms import asked
from flows.stage import Procedure, carry_out
from flows.verify_environment import ENVIRONMENT
from tasks.intake import USERS
from tasks.invitations import ensure_invitations
from tasks.live import record_applied
from tasks.users import ensure_accounts, ensure_replicated, ensure_sip_users, prove_users
from tasks.users_plan import open_import, open_undo, plan_environment_undo, plan_environment_users
from tasks.users_report import publish_users

PROCEDURE: Procedure = (
    ("contas no SSC", ensure_accounts),
    ("usuários e permissões no SIP", ensure_sip_users),
    ("replicação para o SEI", ensure_replicated),
)
FIRST_ACCESS: Procedure = (("primeiro acesso por e-mail", ensure_invitations),)


class Imported(Frozen):
    """What an import did, or what it waits for."""

    report: UsersReport
    steps: tuple[StepResult, ...] = ()
    facts: tuple[str, ...] = ()


def carry_out_import(environment: str, code: str | None = None) -> Imported:
    """Finish what an earlier run left open, then apply the newest spreadsheet; `code` is a person's yes to its plan."""
    steps: tuple[StepResult, ...] = ()
    report = open_import(environment, code)
    if report.resumed:
        steps += carry_out(PROCEDURE, environment)
        prove_users(environment)
        report = open_import(environment, None if code and report.code.startswith(code) else code)
    publish_users(environment, report)
    if report.waiting_for:
        return Imported(report=report, steps=steps, facts=(report.summary(),))
    steps += carry_out(PROCEDURE, environment)
    facts = prove_users(environment)
    # After the batch is closed: an address that is refused is mended by a new spreadsheet, which an open one would bar.
    steps += carry_out(FIRST_ACCESS, environment)
    if report.sheet_sha256:
        record_applied(environment, USERS, report.sheet_sha256)
    return Imported(report=report, steps=steps, facts=(*facts, f"Planilha: {report.summary()}."))


@flow(name="plano dos usuários", flow_run_name="{environment} · plano dos usuários")
def plan_users(environment: str = ENVIRONMENT) -> UsersReport:
    """Show what the prefeitura's spreadsheet would change, person by person; nothing is changed."""
    report = plan_environment_users(environment)
    publish_users(environment, report)
    return report


@flow(name="usuários do ambiente", flow_run_name="{environment} · usuários")
def apply_users(
    environment: str = ENVIRONMENT,
    plan: str | None = asked(
        "Código do plano",
        "Código do plano que foi visto: aplica-o, com os limites que ele passa e sem as linhas recusadas.",
        default=None,
    ),
) -> UsersReport:
    """Apply the spreadsheet; with the code of a plan also past its limits, if the plan still is that one."""
    return carry_out_import(environment, plan).report


@flow(name="volta de usuários", flow_run_name="{environment} · volta do lote {batch}")
def undo_users(
    environment: str = ENVIRONMENT,
    batch: str = asked("Lote", "Lote a desfazer, como em ./implanta users batches."),
    plan: str | None = asked(
        "Código do plano", "Código do plano de volta que foi visto, quando ele passa de um limite.", default=None
    ),
) -> UsersReport:
    """Put the people of a batch back as they were, in the directory, in SIP and in SEI."""
    report = open_undo(environment, batch, plan)
    publish_users(environment, report)
    if report.batch is not None:
        carry_out(PROCEDURE, environment)
        prove_users(environment)
    return report


@flow(name="plano da volta", flow_run_name="{environment} · plano da volta do lote {batch}")
def plan_undo(
    environment: str = ENVIRONMENT,
    batch: str = asked("Lote", "Lote a desfazer, como em ./implanta users batches."),
) -> UsersReport:
    """Show what taking a batch back would change; nothing is changed."""
    report = plan_environment_undo(environment, batch)
    publish_users(environment, report)
    return report
