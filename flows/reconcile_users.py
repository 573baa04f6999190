"""People in the directory, in SIP and in SEI, compared: one environment, or all every night; mended on approval."""

from prefect import flow

from domain.calendar import local_day
from domain.users_difference import Comparison, FleetComparison
from flows.check_models import AT_ONCE
from flows.forms import asked
from flows.stage import at_most, results_of
from flows.verify_environment import ENVIRONMENT
from tasks.clock import now
from tasks.users_reconciliation import (
    compare_users,
    list_reconcilable,
    mend_users,
    publish_comparison,
    publish_fleet_comparison,
)


@flow(name="conciliação dos usuários", flow_run_name="{environment} · conciliação dos usuários")
def reconcile_users(environment: str = ENVIRONMENT) -> Comparison:
    """Name what differs; the run ends well whatever it saw, and who asked judges the comparison."""
    found = compare_users(environment)
    publish_comparison(environment, found)
    return found


@flow(name="conserto dos usuários", flow_run_name="{environment} · conserto dos usuários")
def mend_environment_users(
    environment: str = ENVIRONMENT,
    plan: str = asked(
        "Código do plano", "Código que ./implanta users reconcile mostra: conserta só se ainda for o mesmo."
    ),
) -> Comparison:
    """Mend what a machine may, and compare again; what is left is for a person."""
    left = mend_users(environment, plan)
    publish_comparison(environment, left)
    return left


@flow(name="conciliação da frota", flow_run_name="conciliação dos usuários da frota", task_runner=at_most(AT_ONCE))
def reconcile_fleet() -> FleetComparison:
    """Compare the whole fleet; an environment that cannot be compared stops neither the others nor the report."""
    environments = list_reconcilable()
    runs = compare_users.map(environments)
    results = results_of(environments, runs)
    fleet = FleetComparison.of(results)
    publish_fleet_comparison(local_day(now()), fleet)
    fleet.raise_if_wrong()
    return fleet
