"""The basis of each month's bill: what every environment took, told to the registry, and what that says of its plan."""

import csv
import io
from datetime import datetime

from blocks.catalog import Catalog
from blocks.open_work import measure_schemas
from domain.backup.cost import BackupCost
from domain.billing import USE_BILLED, BilledUse, MonthOfPlan, Proposal, Verdict, propose
from domain.board.tables import Table, Value, shown
from domain.calendar import local_day
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.monthly_report import Month
from domain.municipality import Municipality
from domain.plan import Plan
from domain.use_count import USE_COUNTED, UseCount
from tasks import clock, doors
from tasks.backup_history import backups_of
from tasks.environment_events import tell_event
from tasks.inspection import publish_markdown
from tasks.instance import Instance, load_instance
from tasks.neighbourhood import list_delivered
from tasks.step import step

_HEADINGS = (
    *("Prefeitura", "Plano", "Limite de usuários", "Usuários ativos", "Limite de simultâneos", "Pico de simultâneos"),
    *("Arquivos da produção (bytes)", "Tudo armazenado (bytes)", "Proposta", "Motivos"),
)


class MunicipalityBill(Frozen):
    """One prefeitura's line of a month."""

    municipality: str
    name: str
    plan: Plan
    month: MonthOfPlan
    proposal: Proposal

    @property
    def told(self) -> str:
        """What is proposed, as operators read it."""
        if self.proposal.verdict in {Verdict.UP, Verdict.DOWN}:
            return f"{self.proposal.verdict.value} à faixa {self.proposal.faixa}"
        return self.proposal.verdict.value


def month_to_bill(wanted: str | None) -> Month:
    """The month that is asked for, or else the last whole one.

    Raises:
        InvalidInputError: it is no month, or has not ended.
    """
    last = Month.before(clock.today())
    month = last if wanted is None else Month.parse(wanted)
    if month.first > last.first:
        raise InvalidInputError(
            f"O mês de {month.label} ainda não acabou", "faturamento", f"O último completo é {last}."
        )
    return month


def environments_to_bill() -> list[str]:
    """Every environment in service, by slug."""
    return list_delivered()


@step("uso do mês")
def measure_month(environment: str, month: Month) -> Change:
    """Measure what an environment stores and remember it with its month's people, once for each month.

    Sizes are those of this moment: the deployment runs on the first day of the month after.

    Raises:
        RetryableError: the database server does not answer.
    """
    instance = load_instance(environment)
    key = f"{USE_BILLED}:{environment}:{month}"
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=[USE_BILLED])
    if any(event.key == key for event in told):
        return Change(unchanged=1)
    usage = doors.runtime().repository_usage(instance.name)
    rule = Catalog().backup().keeping[instance.name.purpose]
    used = BilledUse(
        month=str(month),
        users=_most_users(instance, month),
        concurrent_users=_most_at_once(environment, month),
        databases_bytes=measure_schemas(instance.server, (instance.name.database_sei, instance.name.database_sip)),
        files_bytes=usage.bytes if usage else None,
        backups_bytes=BackupCost.of(environment, backups_of(instance), rule).stored_bytes,
    )
    is_new = tell_event(instance, USE_BILLED, used.model_dump(mode="json"), key=key)
    return Change(created=1) if is_new else Change(unchanged=1)


def _most_users(instance: Instance, month: Month) -> int | None:
    """The most active users that a night of the month counted in a production."""
    counted = [
        UseCount.model_validate(event.details).users
        for event in doors.registry().events(ibge=instance.municipality.ibge, kinds=[USE_COUNTED])
        if event.environment == instance.name.slug and month.holds(local_day(event.occurred_at))
    ]
    return max(counted, default=None)


def _most_at_once(environment: str, month: Month) -> int | None:
    """The most people that the monitoring saw in an environment at once; None when it never looked."""
    days = doors.registry().monitoring.daily_use(month.first, month.after, environment)
    return max((day.concurrent_users for day in days if day.concurrent_users is not None), default=None)


def bills(month: Month) -> tuple[MunicipalityBill, ...]:
    """The lines of a month, of every municipality that was measured, by name; two questions to the registry."""
    registry, catalog = doors.registry(), Catalog()
    used: dict[str, dict[str, list[tuple[Purpose, BilledUse]]]] = {}
    for event in registry.events(kinds=[USE_BILLED]):
        use = BilledUse.model_validate(event.details)
        if event.environment is not None and use.month <= str(month):
            purpose = EnvironmentName.parse(event.environment).purpose
            used.setdefault(event.ibge, {}).setdefault(use.month, []).append((purpose, use))
    table, quota, rule = catalog.plans(), catalog.storage().quota, catalog.billing()
    contracts = registry.contracts()
    found = []
    for municipality in registry.list_municipalities():
        by_month = used.get(municipality.ibge, {})
        contract = contracts.get(municipality.ibge)
        if str(month) not in by_month or contract is None:
            continue
        months = [MonthOfPlan.of(name, by_month[name]) for name in sorted(by_month)]
        proposal = propose(contract.plan, municipality.population, months, table, quota, rule)
        found.append(_bill(municipality, contract.plan, months[-1], proposal))
    return tuple(found)


def _bill(municipality: Municipality, plan: Plan, month: MonthOfPlan, proposal: Proposal) -> MunicipalityBill:
    return MunicipalityBill(
        municipality=municipality.slug, name=municipality.name, plan=plan, month=month, proposal=proposal
    )


def billing_table(month: Month, found: tuple[MunicipalityBill, ...]) -> Table:
    """The lines, as every writer of tables takes them; a dash is what was not measured."""
    rows = tuple(
        (
            *(one.name, one.plan.label, one.plan.users, one.month.users),
            *(one.plan.concurrent_users, one.month.concurrent_users),
            *(one.month.production_files_bytes, one.month.stored_bytes),
            *(one.told, "; ".join(one.proposal.reasons)),
        )
        for one in found
    )
    return Table("faturamento", f"Base do faturamento de {month.label}", _HEADINGS, rows)


def billing_csv(table: Table) -> bytes:
    """The same for other programs: `;`, UTF-8 with its mark, plain numbers; no cell is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(table.headings)
    for row in table.rows:
        writer.writerow(["" if value in {None, ""} else _plain(value) for value in row])
    return text.getvalue().encode("utf-8-sig")


def _plain(value: Value) -> int | str:
    if isinstance(value, int):
        return value
    text = shown(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text


@step("base do faturamento")
def publish_bills(month: Month, measured_at: datetime) -> int:
    """Publish the table of a month; how many prefeituras are in it."""
    found = bills(month)
    told = f"{len(found)} prefeituras, medidas até {measured_at:%d/%m/%Y}."
    title = f"Base do faturamento de {month.label}"
    publish_markdown("faturamento", [f"# {title}", "", told, "", *billing_table(month, found).markdown()], title)
    return len(found)
