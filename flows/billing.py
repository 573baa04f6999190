"""On the first of each month: what each prefeitura used of its plan in the month before, and what that proposes."""

from typing import Annotated

from prefect import flow, unmapped

from domain.fleet_failures import FleetFailures
from flows.forms import asked
from flows.stage import at_most, results_of
from tasks import clock
from tasks.billing import environments_to_bill, measure_month, month_to_bill, publish_bills

AT_ONCE = 4

MonthOrLast = Annotated[
    str | None,
    asked("Mês", "O mês, como 2027-05; vazio: o mês passado."),
]


@flow(name="faturamento", flow_run_name="faturamento", task_runner=at_most(AT_ONCE))
def bill_month(month: MonthOrLast = None) -> int:
    """Measure each environment once; one that cannot be measured stops no other, and fails the run at its end."""
    wanted = month_to_bill(month)
    environments = environments_to_bill()
    results = results_of(environments, measure_month.map(environments, unmapped(wanted)))
    billed = publish_bills(wanted, clock.now())
    FleetFailures.of(results).raise_if_any(
        "{number} ambientes não puderam ser medidos para o faturamento", "Veja a causa de cada um e execute de novo."
    )
    return billed
