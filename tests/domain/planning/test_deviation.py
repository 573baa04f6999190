"""How far from the plan, and due to whom."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.planning.days import BusinessDays
from domain.planning.deviation import Deviation, business_days_late, deviation_of
from domain.sla import Pause
from tests.domain.planning.fleets import CALENDARS

DAYS = BusinessDays(CALENDARS[0], date(2025, 1, 1), lambda _: ())
PLANNED = (date(2026, 3, 2), date(2026, 3, 6))  # a week of five business days
SOME_DAY = st.dates(date(2025, 6, 1), date(2027, 6, 1))


def owed(first: date, last: date) -> Pause:
    """Something owed from the evening before a day until its evening."""
    return Pause(
        since=datetime(first.year, first.month, first.day, 12, tzinfo=UTC) - timedelta(days=1),
        until=datetime(last.year, last.month, last.day, 12, tzinfo=UTC),
    )


def deviation(
    turn: date, end: date, *pauses: Pause, today: date = date(2027, 12, 1), frozen: tuple[date, ...] = ()
) -> Deviation:
    return deviation_of(
        planned=PLANNED, turn=turn, end=end, today=today, pauses=pauses, frozen=frozen.__contains__, days=DAYS
    )


@pytest.mark.parametrize(
    ("start", "end", "pauses", "expected"),
    [
        (date(2026, 3, 2), date(2026, 3, 6), [], Deviation()),
        (date(2026, 3, 2), date(2026, 3, 11), [], Deviation(team=3)),
        (
            date(2026, 3, 2),
            date(2026, 3, 11),
            [owed(date(2026, 3, 5), date(2026, 3, 6))],
            Deviation(prefeitura=2, team=1),
        ),
        (date(2026, 3, 2), date(2026, 3, 11), [owed(date(2026, 3, 2), date(2026, 3, 31))], Deviation(prefeitura=3)),
        (date(2026, 3, 9), date(2026, 3, 13), [], Deviation(inherited=5)),
        (date(2026, 3, 9), date(2026, 3, 11), [], Deviation(inherited=5, team=-2)),
        (date(2026, 2, 23), date(2026, 2, 27), [owed(date(2026, 2, 24), date(2026, 2, 25))], Deviation(inherited=-5)),
    ],
)
def test_the_days_beyond_the_plan_are_given_to_who_caused_them(
    start: date, end: date, pauses: list[Pause], expected: Deviation
) -> None:
    assert deviation(start, end, *pauses) == expected


@settings(deadline=None)
@given(SOME_DAY, st.integers(0, 90), SOME_DAY, st.integers(0, 60))
def test_the_causes_add_up_to_the_deviation_of_the_end(start: date, length: int, paused: date, days: int) -> None:
    end = start + timedelta(days=length)
    found = deviation(start, end, owed(paused, paused + timedelta(days=days)))
    assert found.total == business_days_late(PLANNED[1], end, DAYS)
    assert found.prefeitura >= 0


@settings(deadline=None)
@given(SOME_DAY, SOME_DAY)
def test_late_one_way_is_early_the_other(one: date, other: date) -> None:
    assert business_days_late(one, other, DAYS) == -business_days_late(other, one, DAYS)
    assert business_days_late(one, one, DAYS) == 0


def test_the_days_that_are_still_to_come_are_nobodys_debt_yet() -> None:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    found = deviation(PLANNED[0], date(2026, 3, 20), Pause(since=since), today=date(2026, 3, 4))
    assert found == Deviation(prefeitura=3, team=7)


def test_frozen_days_are_nobodys_fault_and_come_after_what_was_owed() -> None:
    frozen = (date(2026, 3, 5), date(2026, 3, 6), date(2026, 3, 7), date(2026, 3, 9))
    assert deviation(PLANNED[0], date(2026, 3, 12), frozen=frozen) == Deviation(freeze=3, team=1), "not the Saturday"
    owing = owed(date(2026, 3, 10), date(2026, 3, 11))
    assert deviation(PLANNED[0], date(2026, 3, 12), owing, frozen=frozen) == Deviation(prefeitura=2, freeze=2)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Deviation(), "no prazo"),
        (Deviation(inherited=2, team=-2), "no prazo (+2 herdado, -2 da equipe)"),
        (Deviation(freeze=9), "+9 dias úteis (+9 do congelamento)"),
        (Deviation(prefeitura=1), "+1 dia útil (+1 da prefeitura)"),
        (Deviation(inherited=5, prefeitura=4, team=-2), "+7 dias úteis (+5 herdado, +4 da prefeitura, -2 da equipe)"),
    ],
)
def test_a_deviation_is_told_with_its_causes(found: Deviation, told: str) -> None:
    assert found.told == told
