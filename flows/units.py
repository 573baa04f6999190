"""The units of one environment that an operator changes: first the plan, then exactly that plan."""

from prefect import flow

from domain.units_plan import TreeReport
from flows.forms import PlanCode
from flows.verify_environment import ENVIRONMENT
from tasks.live import UNITS, record_applied, sheet_digest
from tasks.units import apply_environment_units, plan_environment_units
from tasks.units_report import publish_units


@flow(name="plano das unidades", flow_run_name="{environment} · plano das unidades")
def plan_units(environment: str = ENVIRONMENT) -> TreeReport:
    """Show what the prefeitura's spreadsheet would create, change, move and deactivate; nothing is changed."""
    plan = plan_environment_units(environment)
    publish_units(environment, plan, "plano das unidades")
    return plan


@flow(name="unidades", flow_run_name="{environment} · unidades")
def apply_units(environment: str = ENVIRONMENT, plan: PlanCode = None) -> TreeReport:
    """Apply the spreadsheet of units; with the code of a plan, only if the plan still is that one."""
    digest = sheet_digest(environment, UNITS)
    done = apply_environment_units(environment, plan)
    record_applied(environment, UNITS, digest)
    publish_units(environment, done, "unidades aplicadas")
    return done
