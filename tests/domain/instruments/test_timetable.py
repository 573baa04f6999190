"""The timetable: business days, order, durations, what really happened."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendar import BusinessCalendar
from domain.instruments.communication import date_messages
from domain.instruments.timetable import Timetable, TimetableRule, plan_timetable, shift
from domain.lifecycle import Stage
from domain.sla import SlaRule, sla_status
from tests.domain.examples import CATALOG, make_municipality

RULE = CATALOG.timetable()
CALENDARS = [
    CATALOG.holidays().calendar_for(make_municipality()),
    CATALOG.holidays().calendar_for(make_municipality("3155009", "Rio Doce", "rio-doce")),
    BusinessCalendar(uf="SP"),
]
DAYS = st.dates(date(2024, 1, 1), date(2029, 12, 31))
CALENDAR = st.sampled_from(CALENDARS)
FOLLOWED = [activity.stage for activity in RULE.activities if activity.stage is not None]
DONE = st.dictionaries(st.sampled_from(FOLLOWED), st.integers(0, 200), max_size=5)


def planned(start: date, calendar: BusinessCalendar, done: dict[Stage, date] | None = None) -> Timetable:
    return plan_timetable(RULE, start, calendar, environment_business_days=15, done=done or {})


@settings(deadline=None)  # the holidays of a year are worked out once, whoever comes first
@given(DAYS, CALENDAR)
def test_every_activity_takes_exactly_its_business_days_and_begins_and_ends_on_one(
    start: date, calendar: BusinessCalendar
) -> None:
    for window in planned(start, calendar).windows:
        assert calendar.is_business_day(window.start)
        assert calendar.is_business_day(window.end)
        assert calendar.business_days_between(window.start - timedelta(days=1), window.end) == window.business_days


@settings(deadline=None)  # the holidays of a year are worked out once, whoever comes first
@given(DAYS, CALENDAR, DONE)
def test_an_activity_begins_on_the_first_business_day_after_all_that_it_waits_for(
    start: date, calendar: BusinessCalendar, done: dict[Stage, int]
) -> None:
    real = {stage: start + timedelta(days=days) for stage, days in done.items()}
    table = planned(start, calendar, real)
    windows = {window.code: window for window in table.windows}
    for window in table.windows:
        if not window.done:
            waited = max((windows[code].end for code in window.after), default=start)
            assert window.start == next(calendar.business_days_after(waited))
            assert calendar.is_business_day(window.end)
        assert window.start <= window.end


@settings(deadline=None)  # the holidays of a year are worked out once, whoever comes first
@given(DAYS, CALENDAR, DONE)
def test_what_is_finished_has_its_real_day_and_the_plan_of_the_start_stays_beside_it(
    start: date, calendar: BusinessCalendar, done: dict[Stage, int]
) -> None:
    real = {stage: start + timedelta(days=days) for stage, days in done.items()}
    before, now = planned(start, calendar), planned(start, calendar, real)
    stages = {activity.code: activity.stage for activity in RULE.activities}
    for then, window in zip(before.windows, now.windows, strict=True):
        assert (window.planned_start, window.planned_end) == (then.start, then.end)
        stage = stages[window.code]
        assert window.done == (stage in real)
        if stage is not None and window.done:
            assert window.end == real[stage]
    assert not any(window.done for window in before.windows)


@settings(deadline=None)  # the holidays of a year are worked out once, whoever comes first
@given(DAYS, CALENDAR)
def test_the_training_environment_ends_on_the_due_date_of_the_agreed_delivery(
    start: date, calendar: BusinessCalendar
) -> None:
    moment = datetime.combine(start, time(15), tzinfo=UTC)
    clock = sla_status(
        moment, (), finished_at=None, now=moment, rule=SlaRule(agreed_business_days=15), calendar=calendar
    )
    window = planned(start, calendar).window("ambiente_de_treinamento")
    assert window is not None
    assert window.end == clock.due_date


@settings(deadline=None)  # the holidays of a year are worked out once, whoever comes first
@given(DAYS, st.integers(-30, 30), CALENDAR)
def test_shifting_counts_business_days_in_both_directions(day: date, days: int, calendar: BusinessCalendar) -> None:
    found = shift(day, days, calendar)
    assert calendar.is_business_day(found)
    if days > 0:
        assert calendar.business_days_between(day, found) == days
    elif days < 0:
        assert found < day
        inside = calendar.business_days_between(found - timedelta(days=1), day - timedelta(days=1))
        assert inside == -days
    else:
        assert found == next(islice(calendar.business_days_after(day - timedelta(days=1)), 1))


@settings(deadline=None)  # the holidays of a year are worked out once, whoever comes first
@given(DAYS, CALENDAR, DONE)
def test_messages_are_in_order_on_business_days_and_none_before_the_start(
    start: date, calendar: BusinessCalendar, done: dict[Stage, int]
) -> None:
    table = planned(start, calendar, {stage: start + timedelta(days=days) for stage, days in done.items()})
    messages = date_messages(CATALOG.communication(), table, calendar)
    days = [message.day for message in messages]
    assert len(messages) == len(CATALOG.communication().messages)
    assert days == sorted(days)
    assert all(day >= start and calendar.is_business_day(day) for day in days)


def test_the_dates_of_timoteo_are_those_counted_by_hand() -> None:
    # 20 November, a Friday, is a holiday; 25 December and 1 January fall on Fridays.
    windows = {window.code: (window.start, window.end) for window in planned(date(2026, 11, 18), CALENDARS[0]).windows}
    assert windows["abertura"] == (date(2026, 11, 19), date(2026, 11, 24))
    assert windows["ambiente_de_treinamento"] == (date(2026, 11, 19), date(2026, 12, 10))
    assert [holiday.day for holiday in planned(date(2026, 11, 18), CALENDARS[0]).holidays][:3] == [
        date(2026, 11, 20),
        date(2026, 12, 25),
        date(2027, 1, 1),
    ]


@pytest.mark.parametrize(
    ("activities", "message"),
    [
        ([{"codigo": "b", "depois_de": ["a"]}, {"codigo": "a"}], "'b' vem depois de 'a', que não está acima dela"),
        ([{"codigo": "a"}, {"codigo": "a"}], "a atividade 'a' aparece duas vezes"),
        ([{"codigo": "a", "etapa": "users"}, {"codigo": "b", "etapa": "users"}], "a etapa users está em duas"),
    ],
)
def test_a_timetable_that_could_not_be_placed_does_not_build(activities: list[dict[str, object]], message: str) -> None:
    common = {"titulo": "T", "responsavel": "R", "entrega": "E", "dias_uteis": 1}
    with pytest.raises(ValidationError, match=message):
        TimetableRule.model_validate({"atividades": [common | activity for activity in activities]})
