"""A backup is kept for as long as the longest period that it is the first proved one of."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.backup.retention import KeepingRule, Period, period_of
from domain.calendar import BRASILIA

START = datetime(2025, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 4 * 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
RULE = KeepingRule.model_validate({"diarias": 14, "semanais": 8, "mensais": 12, "anuais": 5})
ORDER = [Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR]


@given(MOMENTS, st.lists(MOMENTS, max_size=10))
def test_the_first_of_a_period_stands_for_it(taken_at: datetime, before: list[datetime]) -> None:
    day = taken_at.astimezone(BRASILIA)
    earlier = [moment.astimezone(BRASILIA) for moment in before if moment < taken_at]
    found = period_of(taken_at, before)
    same = {
        Period.YEAR: [moment for moment in earlier if moment.year == day.year],
        Period.MONTH: [moment for moment in earlier if (moment.year, moment.month) == (day.year, day.month)],
        Period.WEEK: [moment for moment in earlier if moment.isocalendar()[:2] == day.isocalendar()[:2]],
    }
    assert found is next((period for period, others in same.items() if not others), Period.DAY)


@given(MOMENTS, st.lists(MOMENTS, max_size=10), MOMENTS)
def test_another_proved_one_never_makes_it_stand_for_more(
    taken_at: datetime, before: list[datetime], other: datetime
) -> None:
    assert ORDER.index(period_of(taken_at, [*before, other])) <= ORDER.index(period_of(taken_at, before))


def test_a_year_of_nights_has_one_of_each_period() -> None:
    nights = [datetime(2026, 5, 20, 2, 30, tzinfo=UTC) + timedelta(days=number) for number in range(365)]
    periods = [period_of(night, nights) for night in nights]
    days = [night.astimezone(BRASILIA) for night in nights]
    assert periods.count(Period.YEAR) == len({day.year for day in days})
    first_of_months = len({(day.year, day.month) for day in days})
    assert periods.count(Period.MONTH) + periods.count(Period.YEAR) == first_of_months


@given(MOMENTS)
def test_longer_periods_are_kept_longer(taken_at: datetime) -> None:
    kept = [RULE.until(taken_at, period) for period in ORDER]
    assert kept == sorted(set(kept))
    assert kept[0] == taken_at + timedelta(days=14)
    assert kept[-1] - taken_at >= timedelta(days=5 * 366)


def test_midnight_is_that_of_brasilia() -> None:
    before = datetime(2026, 12, 31, 12, tzinfo=UTC)
    assert period_of(datetime(2027, 1, 1, 2, 59, tzinfo=UTC), [before]) is Period.DAY
    assert period_of(datetime(2027, 1, 1, 3, 0, tzinfo=UTC), [before]) is Period.YEAR


@pytest.mark.parametrize("days", [0, -1])
def test_nothing_is_kept_for_no_time(days: int) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        KeepingRule.model_validate({"diarias": days, "semanais": 8, "mensais": 12, "anuais": 5})
