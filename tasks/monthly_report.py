"""The monthly report to each prefeitura in production."""

from blocks.sei_use import SeiUse
from domain.calendar import local_day
from domain.change import Change
from domain.errors import InvalidInputError
from domain.message import Event, message_key
from domain.monthly_report import Month, MonthOfService, report_variables
from domain.municipality import Municipality
from domain.telling_report import TellingReport
from tasks import clock, doors
from tasks.availability import availability_of
from tasks.inspection import publish_markdown
from tasks.instance import load_instance
from tasks.live import LIVE
from tasks.messages import put_in_queue
from tasks.neighbourhood import list_delivered
from tasks.step import step


def month_to_report(wanted: str | None) -> Month:
    """The month that is asked for, or else the last whole one.

    Raises:
        InvalidInputError: it is no month, or has not ended: its report goes out once.
    """
    last = Month.before(clock.today())
    month = last if wanted is None else Month.parse(wanted)
    if month.first > last.first:
        raise InvalidInputError(
            f"O mês de {month.label} ainda não acabou", "relatório mensal", f"O último completo é {last}."
        )
    return month


def list_in_production(month: Month) -> list[str]:
    """The productions in service that were open before the month ended, by slug."""
    opened = {
        event.environment
        for event in doors.registry().events(kinds=[LIVE])
        if local_day(event.occurred_at) < month.after
    }
    return [slug for slug in list_delivered() if slug in opened]


@step("relatório mensal")
def queue_report(environment: str, month: Month) -> Change:
    """Count the month in the environment's SEI and queue its report, once."""
    instance = load_instance(environment)
    found = instance.municipality
    use = SeiUse(instance.server, instance.name).count_month(month.first, month.after)
    key = message_key(Event.RELATORIO_MENSAL, found.ibge, str(month))
    variables = report_variables(month, use, _service(found, environment, month))
    return put_in_queue(found.slug, Event.RELATORIO_MENSAL, key, variables)


def publish_reports(report: TellingReport) -> None:
    """Publish whose reports are in the queue."""
    publish_markdown("relatorio-mensal", report.markdown(), report.title)


def _service(municipality: Municipality, environment: str, month: Month) -> MonthOfService:
    registry = doors.registry()
    opened = [local_day(event.occurred_at) for event in registry.events(ibge=municipality.ibge, kinds=[LIVE])]
    # A correction of what was told is no second happening.
    told = {
        (message.event, message.key.partition("#")[0])
        for message in registry.messages(municipality.ibge)
        if month.holds(local_day(message.created_at))
    }
    kinds = [event for event, _ in told]
    return MonthOfService(
        opened_on=next((day for day in opened if month.holds(day)), None),
        maintenances=kinds.count(Event.JANELA_MANUTENCAO),
        incidents=kinds.count(Event.INCIDENTE),
        availability=next((one.availability for one in availability_of(month, environment)), None),
    )
