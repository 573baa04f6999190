"""Business days as numbers: the same days that the calendar counts one by one."""

from datetime import date, timedelta
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from domain.freeze import FreezeRule, FreezeWindow, freeze_on, frozen_days
from domain.planning.days import BusinessDays
from tests.domain.planning.fleets import CALENDARS, CODES, freeze_rules

FIRST = date(2026, 1, 1)
AFTER = st.dates(FIRST, date(2040, 12, 31))


def days_with(freezes: FreezeRule, calendar_number: int = 0) -> BusinessDays:
    return BusinessDays(CALENDARS[calendar_number], FIRST, lambda year: frozen_days(year, freezes, CODES[0]))


NO_FREEZE = FreezeRule(national=(), by_municipality={})


def placed(days: BusinessDays, after: date, duration: int, *, avoiding_freezes: bool = False) -> tuple[date, date]:
    start, end = days.place(
        np.array([after.toordinal()], dtype=np.int32),
        np.array([duration], dtype=np.int32),
        avoiding_freezes=avoiding_freezes,
    )
    return date.fromordinal(int(start[0])), date.fromordinal(int(end[0]))


@settings(deadline=None)
@given(AFTER, st.integers(1, 60), st.integers(0, 2))
def test_work_is_placed_on_the_days_that_the_calendar_counts(after: date, duration: int, number: int) -> None:
    counted = list(islice(CALENDARS[number].business_days_after(after), duration))
    days = days_with(NO_FREEZE, number)
    assert placed(days, after, duration) == (counted[0], counted[-1])
    assert days.count(counted[0], counted[-1]) == duration
    assert days.count(after + timedelta(days=1), counted[0]) == 1


@settings(deadline=None)
@given(AFTER, st.integers(1, 10), freeze_rules())
def test_a_frozen_window_is_passed_over_and_not_a_day_more(after: date, duration: int, freezes: FreezeRule) -> None:
    found = placed(days_with(freezes), after, duration, avoiding_freezes=True)
    window: list[date] = []
    for day in CALENDARS[0].business_days_after(after):
        window = [] if freeze_on(day, freezes, CODES[0]) else [*window, day]
        if len(window) == duration:
            break
    assert found == (window[0], window[-1])


@settings(deadline=None)
@given(AFTER, st.integers(0, 40), st.integers(1, 10), st.integers(0, 10), freeze_rules())
def test_a_later_beginning_or_a_longer_duration_never_ends_sooner(
    after: date, later: int, duration: int, longer: int, freezes: FreezeRule
) -> None:
    days = days_with(freezes)
    sooner = placed(days, after, duration, avoiding_freezes=True)
    assert sooner[1] <= placed(days, after + timedelta(days=later), duration, avoiding_freezes=True)[1]
    assert sooner[1] <= placed(days, after, duration + longer, avoiding_freezes=True)[1]


def test_freezes_that_leave_no_room_are_refused_instead_of_searched_for_ever() -> None:
    always = FreezeWindow(reason="Sempre", first="01/01", last="31/12")
    days = days_with(FreezeRule(national=(always,), by_municipality={}))
    with pytest.raises(InvalidInputError, match="passa de 60 anos"):
        placed(days, date(2026, 3, 2), 1, avoiding_freezes=True)


def test_a_queue_of_more_than_a_lifetime_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="Aumente as vagas"):
        placed(days_with(NO_FREEZE), date(2026, 3, 2), 61 * 366)
