"""The month of an environment, in minutes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.monitoring.availability import Interval, judge_availability, merge

FIRST = datetime(2027, 6, 1, 3, tzinfo=UTC)
MONTH = (FIRST, FIRST + timedelta(days=30))
SWEEP = timedelta(minutes=5)
ALL_SWEEPS = 30 * 24 * 12
MINUTE = timedelta(minutes=1)


def part(start: float, end: float) -> Interval:
    return FIRST + start * MINUTE, FIRST + end * MINUTE


PARTS = st.lists(
    st.tuples(st.integers(-500, 44_000), st.integers(0, 2_000)).map(lambda one: part(one[0], one[0] + one[1])),
    max_size=12,
)


def test_a_quiet_month_is_whole() -> None:
    found = judge_availability(MONTH, [], [], sweeps=ALL_SWEEPS, every=SWEEP)
    assert (found.percent, found.down, found.watched) == (100, 0, 1)
    assert found.told == "Disponibilidade de 100,00 %: 0 min sem serviço."


def test_what_is_down_twice_at_once_counts_once_and_planned_time_is_apart() -> None:
    down = [part(60, 100), part(80, 120), part(600, 700)]
    found = judge_availability(MONTH, down, [part(90, 150), part(690, 720)], sweeps=ALL_SWEEPS // 2, every=SWEEP)
    assert (found.down, found.planned, found.incidents) == (30 + 90, 60 + 30, 2)
    assert found.percent == pytest.approx(100 * (43_200 - 90 - 120) / (43_200 - 90))
    assert found.told == (
        "Disponibilidade de 99,72 %: 2 h 0 min sem serviço, 1 h 30 min de manutenção programada à parte,"
        " medida em 50 % do tempo."
    )


def test_less_than_all_is_never_told_as_all() -> None:
    found = judge_availability(MONTH, [part(0, 1)], [], sweeps=ALL_SWEEPS, every=SWEEP)
    assert found.told.startswith("Disponibilidade de 99,99 %: 1 min")


def test_a_month_of_maintenance_promises_nothing() -> None:
    found = judge_availability(MONTH, [part(0, 99)], [MONTH], sweeps=0, every=SWEEP)
    assert (found.percent, found.down) == (None, 0)
    assert "manutenção programada" in found.told


@given(PARTS)
def test_merged_time_is_in_order_inside_and_the_same_minutes(parts: list[Interval]) -> None:
    found = merge(parts, MONTH)
    assert all(MONTH[0] <= start < end <= MONTH[1] for start, end in found)
    assert all(one[1] < other[0] for one, other in pairwise(found))
    minutes = {m for start, end in parts for m in range(int((start - FIRST) / MINUTE), int((end - FIRST) / MINUTE))}
    wanted = len([m for m in minutes if 0 <= m < 43_200])
    assert sum((end - start) / MINUTE for start, end in found) == wanted


@given(PARTS, PARTS, PARTS)
def test_more_trouble_never_makes_a_better_month_and_no_share_leaves_its_bounds(
    down: list[Interval], more: list[Interval], planned: list[Interval]
) -> None:
    found = judge_availability(MONTH, down, planned, sweeps=5, every=SWEEP)
    worse = judge_availability(MONTH, [*down, *more], planned, sweeps=5, every=SWEEP)
    assert found.down <= worse.down <= worse.total - worse.planned
    if found.percent is not None and worse.percent is not None:
        assert 0 <= worse.percent <= found.percent <= 100
