"""What makes a fresh environment the prefeitura's own."""

from datetime import date

from blocks.catalog import Catalog
from blocks.runtime import ScheduledTask
from domain.calendar import local_day
from domain.change import Change
from domain.units_import import plan_units
from tasks import clock, doors
from tasks.instance import Instance, load_instance
from tasks.intake import read_units
from tasks.step import step


@step("unidades")
def ensure_units(environment: str) -> Change:
    """Create the prefeitura's units in SIP, then let SIP replicate them into SEI, which is the only official way."""
    instance = load_instance(environment)
    wanted = read_units(instance.municipality.slug)
    plan = plan_units(wanted, instance.people.list_units())
    change = instance.people.apply_units(plan, today=local_day(clock.now()))
    # Always, not only after a change: a run that was killed between the two has left SEI behind SIP.
    return change + doors.runtime().run_scheduled(instance.name, ScheduledTask.REPLICATE_UNITS)


@step("códigos das unidades")
def ensure_unit_codes(environment: str) -> Change:
    """Give every unit the code that its processes' numbers carry."""
    return load_instance(environment).sei.ensure_unit_codes()


@step("e-mails das unidades")
def ensure_unit_emails(environment: str) -> Change:
    """Write the e-mails of the prefeitura's spreadsheet into SEI: SIP has none, so replication brings none."""
    instance = load_instance(environment)
    return instance.sei.ensure_unit_emails(read_units(instance.municipality.slug).units)


@step("feriados")
def ensure_holidays(environment: str) -> Change:
    """Write this year's and next year's holidays; the reference has only those of 2017.

    A day that is a holiday already stays as it is, whatever somebody called it.
    """
    instance = load_instance(environment)
    year = local_day(clock.now()).year
    wanted = _holidays(instance, year) + _holidays(instance, year + 1)
    taken = {day for day, _ in instance.sei.list_holidays()}
    missing = [(day, description) for day, description in wanted if day not in taken]
    return instance.sei.insert_holidays(missing) + Change(unchanged=len(wanted) - len(missing))


def _holidays(instance: Instance, year: int) -> list[tuple[date, str]]:
    calendar = Catalog().holidays().calendar_for(instance.municipality)
    return [(holiday.day, holiday.description) for holiday in calendar.list_holidays(year)]
