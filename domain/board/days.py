"""Business days as places in a row, so that counting them takes no walk."""

from bisect import bisect_left
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from domain.calendar import BRASILIA, BusinessCalendar, HolidayRule

_YEARS_BEFORE, _YEARS_AFTER = 8, 2
_MIDNIGHT = time()


class DayCount:
    """The business days of some years around one, in order."""

    def __init__(self, calendar: BusinessCalendar, around: int) -> None:
        """Take the calendar, and the year around which days are asked about."""
        first, last = date(around - _YEARS_BEFORE, 1, 1), date(around + _YEARS_AFTER, 12, 31)
        years = range(first.year, last.year + 1)
        # The state's are looked up once for all its municipalities: the law takes a while to read.
        state = BusinessCalendar(uf=calendar.uf)
        holidays = {holiday.day for year in years for holiday in state.list_holidays(year)}
        holidays |= {day for rule in calendar.rules for year in years for day in rule.days_in(year)}
        every = (first + timedelta(days=n) for n in range((last - first).days + 1))
        self._days = [day.toordinal() for day in every if day.weekday() < 5 and day not in holidays]  # noqa: PLR2004  # Saturday

    def place(self, ordinal: int) -> int:
        """How many business days lie before a day, given as `date.toordinal` counts."""
        return bisect_left(self._days, ordinal)

    def after(self, start: date, end: date) -> int:
        """How many business days follow `start` up to `end`, which counts; 0 when `end` is not after `start`."""
        return max(self.place(end.toordinal() + 1) - self.place(start.toordinal() + 1), 0)


def day_count(calendar: BusinessCalendar, around: int) -> DayCount:
    """The days of a calendar; municipalities without holidays of their own share those of the state."""
    return _day_count(calendar.uf, calendar.rules, around)


@lru_cache(maxsize=1024)
def _day_count(uf: str, rules: tuple[HolidayRule, ...], around: int) -> DayCount:
    return DayCount(BusinessCalendar(uf=uf, rules=rules), around)


def first_day_from(moment: datetime) -> int:
    """The first day that begins in Brasília at a moment or after it."""
    local = moment.astimezone(BRASILIA)
    return local.toordinal() + (local.time() != _MIDNIGHT)
