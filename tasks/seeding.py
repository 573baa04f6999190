"""What makes a fresh environment the prefeitura's own, beside its units and its document model."""

from datetime import date

from blocks.catalog import Catalog
from domain.change import Change
from tasks import clock
from tasks.instance import Instance, load_instance
from tasks.step import step


@step("feriados")
def ensure_holidays(environment: str) -> Change:
    """Write this year's and next year's holidays; the reference has only those of 2017.

    A day that is a holiday already stays as it is, whatever somebody called it.
    """
    instance = load_instance(environment)
    year = clock.today().year
    wanted = _holidays(instance, year) + _holidays(instance, year + 1)
    taken = {day for day, _ in instance.sei.list_holidays()}
    missing = [(day, description) for day, description in wanted if day not in taken]
    return instance.sei.insert_holidays(missing) + Change(unchanged=len(wanted) - len(missing))


def _holidays(instance: Instance, year: int) -> list[tuple[date, str]]:
    calendar = Catalog().holidays().calendar_for(instance.municipality)
    return [(holiday.day, holiday.description) for holiday in calendar.list_holidays(year)]
