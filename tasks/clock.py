"""The only place that asks what time it is; rules take the time as an argument."""

from datetime import UTC, date, datetime

from domain.calendar import local_day


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(tz=UTC)


def today() -> date:
    """The prefeituras' local day."""
    return local_day(now())
