"""A municipality's business days as numbers, so that a thousand simulated dates move in one step."""

from collections.abc import Callable, Iterable
from datetime import date

import numpy as np
from numpy.typing import NDArray

from domain.calendar import BusinessCalendar
from domain.errors import InvalidInputError

Days = NDArray[np.int32]
"""Days as `date.toordinal` counts them, one a round of the simulation."""

HORIZON_YEARS = 60
_FIRST_YEARS = 4
_SATURDAY = 5


class BusinessDays:
    """The business days from a day on, and which of them are frozen; reaches further whenever it is asked to."""

    def __init__(self, calendar: BusinessCalendar, first: date, frozen_in: Callable[[int], Iterable[date]]) -> None:
        """Take the calendar, the earliest day that will be asked about, and the frozen days of any year."""
        self._calendar = calendar
        self._first = first.replace(day=1)  # which every year has
        self._frozen_in = frozen_in
        self._years = 0
        self._reach(_FIRST_YEARS)

    def place(self, after: Days, durations: Days, *, avoiding_freezes: bool = False) -> tuple[Days, Days]:
        """The first and the last day of work that takes so many business days, on the first ones after a day.

        No later day in, no earlier day out: neither a longer duration nor a later `after` ever ends sooner.

        Raises:
            InvalidInputError: it would end after more than HORIZON_YEARS.
        """
        while True:
            try:
                return self._place(after, durations, avoiding_freezes=avoiding_freezes)
            except IndexError:
                self._reach(self._years * 2)

    def count(self, first: date, last: date) -> int:
        """How many business days lie from the one to the other, both inside; negative when `last` is the day before."""
        ends = np.array([first.toordinal() - 1, last.toordinal()], dtype=np.int32)
        while ends[1] - self._origin >= len(self._next):
            self._reach(self._years * 2)
        before, until = self._next[ends - self._origin]
        return int(until - before)

    def _place(self, after: Days, durations: Days, *, avoiding_freezes: bool) -> tuple[Days, Days]:
        first = self._next[after - self._origin]
        last = first + durations - 1
        if avoiding_freezes:
            while (touched := self._next_frozen[first] <= self._known(last)).any():
                first = np.where(touched, self._after_freeze[self._next_frozen[first]], first)
                last = first + durations - 1
        return self._days[first], self._days[last]

    def _known(self, places: Days) -> Days:
        if places.max() >= len(self._days):
            raise IndexError
        return places

    def _reach(self, years: int) -> None:
        if self._years >= HORIZON_YEARS:
            raise InvalidInputError(
                f"O cronograma passa de {HORIZON_YEARS} anos",
                "catalog/capacity.yaml e catalog/freezes.yaml",
                "Aumente as vagas das equipes ou encurte os congelamentos.",
            )
        self._years = min(years, HORIZON_YEARS)
        self._origin = self._first.toordinal() - 1
        days = np.arange(self._first.toordinal(), self._first.replace(year=self._first.year + self._years).toordinal())
        covered = range(self._first.year, self._first.year + self._years + 1)
        holidays = [holiday.day.toordinal() for year in covered for holiday in self._calendar.list_holidays(year)]
        # Ordinal 1 was a Monday.
        works = ((days - 1) % 7 < _SATURDAY) & ~np.isin(days, holidays)
        self._days: Days = days[works].astype(np.int32)
        # For each day, the place of the first business day after it; the day before the first one stands at 0.
        self._next: Days = np.concatenate(([0], np.cumsum(works))).astype(np.int32)
        places = np.arange(len(self._days), dtype=np.int32)
        frozen = np.isin(self._days, [day.toordinal() for year in covered for day in self._frozen_in(year)])
        beyond = len(places)  # past the end: looking there is an IndexError, which reaches further
        self._next_frozen = _first_at_or_after(frozen, beyond)
        self._after_freeze = _first_at_or_after(~frozen, beyond)


def _first_at_or_after(marked: NDArray[np.bool_], beyond: int) -> Days:
    """For each place, and the one past the end, the first marked place that is not before it."""
    places = np.where(marked, np.arange(len(marked)), beyond)
    found = np.minimum.accumulate(places[::-1])[::-1]
    return np.append(found, beyond).astype(np.int32)
