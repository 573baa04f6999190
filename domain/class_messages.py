"""What a prefeitura is written about its training classes, and when."""

from datetime import date, datetime
from itertools import islice

from pydantic import JsonValue

from domain.calendar import BRASILIA, BusinessCalendar, local_day
from domain.courses import Course
from domain.message import Event, message_key
from domain.training_class import ScheduledClass


def class_key(scheduled: ScheduledClass, event: Event) -> str:
    """The key of what is told of a class at its present correction; calendars know it by the part before the `#`."""
    return _key(scheduled, event, scheduled.correction)


def older_keys(scheduled: ScheduledClass) -> list[str]:
    """The keys of what was told of the earlier corrections."""
    told = (Event.CONVITE_CAPACITACAO, Event.LEMBRETE_CAPACITACAO)
    return [_key(scheduled, event, number) for number in range(scheduled.correction) for event in told]


def _key(scheduled: ScheduledClass, event: Event, correction: int) -> str:
    key = message_key(event, scheduled.ibge, scheduled.course, scheduled.code)
    return f"{key}#{correction}" if correction else key


def class_variables(scheduled: ScheduledClass, course: Course, event: Event) -> dict[str, JsonValue]:
    """What a message about the class tells."""
    variables: dict[str, JsonValue] = {
        "curso": course.title,
        "turma": scheduled.code,
        "inicio": _local(scheduled.starts_at),
        "local": scheduled.place,
    }
    if event is Event.LEMBRETE_CAPACITACAO:
        return variables
    variables["fim"] = _local(scheduled.ends_at)
    if event is Event.CONVITE_CAPACITACAO:
        variables |= {"vagas": scheduled.seats, "situacao": "remarcada" if scheduled.correction else "marcada"}
    return variables


def reminder_day(scheduled: ScheduledClass, business_days: int, calendar: BusinessCalendar) -> date:
    """The day on which so many business days are left until the class."""
    before = calendar.business_days_before(local_day(scheduled.starts_at))
    return next(islice(before, business_days - 1, None))


def is_reminder_due(scheduled: ScheduledClass, business_days: int, calendar: BusinessCalendar, now: datetime) -> bool:
    """Whether to remind of a class: its day has come, it has not begun, and it was told of earlier than that."""
    if scheduled.cancelled_at is not None or scheduled.starts_at <= now:
        return False
    day = reminder_day(scheduled, business_days, calendar)
    return local_day(scheduled.told_at) < day <= local_day(now)


def _local(moment: datetime) -> str:
    return moment.astimezone(BRASILIA).isoformat()
