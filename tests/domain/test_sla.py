"""The SLA clock."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendar import BRASILIA, BusinessCalendar, HolidayRule
from domain.sla import Pause, SlaRule, SlaState, SlaStatus, sla_status

RULE = SlaRule(agreed_business_days=15, warn_at_business_days=(9, 12))
PLAIN = BusinessCalendar(uf="MG")
MONDAY = datetime(2026, 3, 2, 10, tzinfo=BRASILIA)  # no holiday in the four weeks after it

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 — aware by strategy
PAUSES = st.lists(
    st.builds(
        lambda since, hours: Pause(since=since, until=None if hours is None else since + timedelta(hours=hours)),
        MOMENTS,
        st.none() | st.integers(0, 24 * 30),
    ),
    max_size=4,
).map(tuple)
few = settings(max_examples=60, deadline=None)


def clock(
    now: datetime,
    *pauses: Pause,
    started_at: datetime = MONDAY,
    finished_at: datetime | None = None,
    calendar: BusinessCalendar = PLAIN,
) -> SlaStatus:
    return sla_status(started_at, pauses, finished_at=finished_at, now=now, rule=RULE, calendar=calendar)


def at(day: int, hour: int = 10, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=BRASILIA)


def test_the_day_of_the_start_does_not_count_and_the_fifteenth_business_day_is_due() -> None:
    status = clock(at(3))
    assert (status.state, status.elapsed_business_days, status.due_date) == (SlaState.RUNNING, 1, date(2026, 3, 23))


@pytest.mark.parametrize(
    ("finished_at", "state"),
    [(at(23, 23), SlaState.MET), (at(24, 0), SlaState.LATE), (at(28), SlaState.LATE)],
)
def test_the_due_date_ends_at_midnight(finished_at: datetime, state: SlaState) -> None:
    assert clock(at(30), finished_at=finished_at).state is state


def test_saturday_is_late_for_a_due_date_on_friday() -> None:
    friday_start = datetime(2026, 2, 27, 10, tzinfo=BRASILIA)
    status = clock(at(21), started_at=friday_start, finished_at=at(21))
    assert (status.due_date, status.state) == (date(2026, 3, 20), SlaState.LATE)


@pytest.mark.parametrize(("day", "warning"), [(12, None), (13, 9), (17, 9), (18, 12), (24, 12)])
def test_the_clock_warns_at_the_ninth_and_the_twelfth_day(day: int, warning: int | None) -> None:
    assert clock(at(day)).warning == warning


def test_a_finished_delivery_warns_nobody() -> None:
    assert clock(at(20), finished_at=at(18)).warning is None


def test_a_pause_stops_the_clock_from_the_day_after_it_opens_to_the_day_it_closes() -> None:
    status = clock(at(12), Pause(since=at(4), until=at(10)))
    # 3 and 4 are ours, 5, 6, 9 and 10 are the prefeitura's, 11 and 12 are ours again.
    assert (status.elapsed_business_days, status.paused_business_days) == (4, 4)
    assert status.due_date == date(2026, 3, 27)


def test_overlapping_pauses_stop_each_day_once() -> None:
    status = clock(at(12), Pause(since=at(4), until=at(10)), Pause(since=at(5), until=at(9)), Pause(since=at(6)))
    assert (status.state, status.elapsed_business_days, status.paused_business_days) == (SlaState.PAUSED, 2, 6)


def test_a_pause_within_one_day_stops_nothing() -> None:
    assert clock(at(12), Pause(since=at(4, 9), until=at(4, 17))) == clock(at(12))


def test_an_open_pause_keeps_the_delivery_from_being_late() -> None:
    status = clock(at(30, month=4), Pause(since=at(20)))
    assert (status.state, status.elapsed_business_days) == (SlaState.PAUSED, 14)
    assert status.due_date == date(2026, 5, 4)  # 1 May is a holiday


def test_a_pause_after_the_due_date_does_not_hide_the_delay() -> None:
    assert clock(at(31), Pause(since=at(25))).state is SlaState.LATE


def test_a_pause_that_ends_before_it_begins_does_not_build() -> None:
    with pytest.raises(ValidationError, match="termina antes de começar"):
        Pause(since=at(10), until=at(9))


def test_a_warning_after_the_agreed_time_does_not_build() -> None:
    with pytest.raises(ValidationError, match="alerta no dia 16"):
        SlaRule(agreed_business_days=15, warn_at_business_days=(9, 16))


@few
@given(MOMENTS, MOMENTS, PAUSES, PAUSES)
def test_pausing_never_advances_the_clock_nor_brings_the_due_date_forward(
    started_at: datetime, now: datetime, pauses: tuple[Pause, ...], more: tuple[Pause, ...]
) -> None:
    before = clock(now, *pauses, started_at=started_at)
    after = clock(now, *pauses, *more, started_at=started_at)
    assert after.elapsed_business_days <= before.elapsed_business_days
    assert after.due_date >= before.due_date
    total = before.elapsed_business_days + before.paused_business_days
    assert after.elapsed_business_days + after.paused_business_days == total


@few
@given(MOMENTS, MOMENTS, PAUSES, st.dates(date(2026, 1, 1), date(2026, 12, 31)))
def test_a_new_holiday_never_advances_the_clock(
    started_at: datetime, now: datetime, pauses: tuple[Pause, ...], holiday: date
) -> None:
    calendar = BusinessCalendar(uf="MG", rules=(HolidayRule(description="Luto oficial", once=holiday),))
    before = clock(now, *pauses, started_at=started_at)
    after = clock(now, *pauses, started_at=started_at, calendar=calendar)
    assert after.elapsed_business_days <= before.elapsed_business_days
    assert after.due_date >= before.due_date


@few
@given(MOMENTS, MOMENTS, MOMENTS, PAUSES)
def test_time_never_takes_the_clock_back_and_late_stays_late(
    started_at: datetime, one: datetime, other: datetime, pauses: tuple[Pause, ...]
) -> None:
    earlier, later = sorted((one, other))
    first, second = (clock(now, *pauses, started_at=started_at) for now in (earlier, later))
    assert first.elapsed_business_days <= second.elapsed_business_days
    assert first.due_date <= second.due_date
    assert first.state is not SlaState.LATE or second.state is SlaState.LATE


@few
@given(MOMENTS, MOMENTS, PAUSES)
def test_the_due_date_is_a_business_day_after_the_start(
    started_at: datetime, now: datetime, pauses: tuple[Pause, ...]
) -> None:
    due = clock(now, *pauses, started_at=started_at).due_date
    assert PLAIN.is_business_day(due)
    assert due > started_at.astimezone(BRASILIA).date()


@few
@given(MOMENTS, MOMENTS, PAUSES)
def test_more_than_the_agreed_days_is_always_late(
    started_at: datetime, now: datetime, pauses: tuple[Pause, ...]
) -> None:
    status = clock(now, *pauses, started_at=started_at)
    if status.elapsed_business_days > status.agreed_business_days:
        assert status.state is SlaState.LATE


@few
@given(MOMENTS, MOMENTS, MOMENTS, PAUSES)
def test_what_happens_after_the_delivery_changes_nothing(
    started_at: datetime, finished_at: datetime, now: datetime, pauses: tuple[Pause, ...]
) -> None:
    if now >= finished_at:
        on_time = clock(finished_at, *pauses, started_at=started_at, finished_at=finished_at)
        assert clock(now, *pauses, started_at=started_at, finished_at=finished_at) == on_time
