"""Classes: what a correction is, when one is reminded of."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendar import BRASILIA, BusinessCalendar, local_day
from domain.class_messages import class_key, class_variables, is_reminder_due, older_keys, reminder_day
from domain.errors import InvalidInputError
from domain.message import Event
from domain.training_class import (
    ClassState,
    Meeting,
    ScheduledClass,
    plan_cancellation,
    plan_class,
)
from tests.domain.examples import CATALOG

IBGE = "3168705"
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
CALENDAR = BusinessCalendar(uf="MG")
COURSE = CATALOG.courses().courses[0]


def meeting(**facts: object) -> Meeting:
    starts = datetime(2027, 3, 15, 13, 30, tzinfo=BRASILIA)
    given = {
        "course": "sei-usar",
        "code": "1",
        "starts_at": starts,
        "ends_at": starts + timedelta(hours=4),
        "place": "Sala 2",
        "seats": 40,
    }
    return Meeting.model_validate(given | facts)


def scheduled(**facts: object) -> ScheduledClass:
    return plan_class(IBGE, meeting(**facts), None, NOW)


def test_a_class_is_told_under_one_key_and_its_corrections_under_the_same_with_a_number() -> None:
    first = scheduled()
    assert class_key(first, Event.CONVITE_CAPACITACAO) == "convite_capacitacao:3168705:sei-usar:1"
    assert older_keys(first) == []
    assert plan_class(IBGE, meeting(), first, NOW + timedelta(days=1)) is first
    moved = plan_class(IBGE, meeting(place="Sala 3"), first, NOW + timedelta(days=1))
    assert (moved.correction, moved.place, moved.told_at) == (1, "Sala 3", NOW + timedelta(days=1))
    cancelled = plan_cancellation(moved, NOW + timedelta(days=2))
    assert class_key(cancelled, Event.CANCELAMENTO_CAPACITACAO) == "cancelamento_capacitacao:3168705:sei-usar:1#2"
    assert plan_cancellation(cancelled, NOW + timedelta(days=3)) is cancelled
    assert set(older_keys(cancelled)) == {
        f"{event}:3168705:sei-usar:1{number}"
        for event in ("convite_capacitacao", "lembrete_capacitacao")
        for number in ("", "#1")
    }


def test_a_class_in_the_past_and_one_that_was_cancelled_are_not_registered() -> None:
    after = meeting().starts_at
    with pytest.raises(InvalidInputError, match="começaria no passado"):
        plan_class(IBGE, meeting(), None, after)
    with pytest.raises(InvalidInputError, match="foi cancelada"):
        plan_class(IBGE, meeting(), plan_cancellation(scheduled(), NOW), NOW)
    with pytest.raises(InvalidInputError, match="já começou"):
        plan_cancellation(scheduled(), after)


@pytest.mark.parametrize(
    "wrong",
    [{"ends_at": NOW}, {"code": "Turma 1"}, {"code": "1#2"}, {"seats": 0}, {"place": " "}, {"place": "x" * 201}],
)
def test_a_class_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        meeting(**wrong)


def test_how_a_class_stands() -> None:
    assert scheduled().state(NOW) is ClassState.SCHEDULED
    assert scheduled().state(meeting().ends_at) is ClassState.PAST
    assert plan_cancellation(scheduled(), NOW).state(meeting().ends_at) is ClassState.CANCELLED


def test_the_reminder_goes_business_days_before_and_not_for_what_was_told_of_as_late() -> None:
    one = scheduled()  # a Monday
    assert reminder_day(one, 2, CALENDAR) == date(2027, 3, 11)
    due = [day for day in range(20) if is_reminder_due(one, 2, CALENDAR, NOW + timedelta(days=day))]
    assert due == [10, 11, 12, 13, 14], "from Thursday on, until it begins"
    late = one.model_copy(update={"told_at": datetime(2027, 3, 11, 12, tzinfo=UTC)})
    assert not is_reminder_due(late, 2, CALENDAR, NOW + timedelta(days=12))
    assert not is_reminder_due(plan_cancellation(one, NOW), 2, CALENDAR, NOW + timedelta(days=12))


@given(st.integers(1, 400), st.integers(1, 15))
def test_as_many_business_days_are_left_as_the_catalog_says(days_ahead: int, business_days: int) -> None:
    starts = NOW + timedelta(days=days_ahead)
    one = scheduled(starts_at=starts, ends_at=starts + timedelta(hours=1))
    day = reminder_day(one, business_days, CALENDAR)
    assert CALENDAR.is_business_day(day)
    # The class itself may be on a Saturday, which is no business day.
    last = 0 if CALENDAR.is_business_day(local_day(starts)) else 1
    assert CALENDAR.business_days_between(day, local_day(starts)) + last == business_days


@pytest.mark.parametrize(
    "event", [Event.CONVITE_CAPACITACAO, Event.LEMBRETE_CAPACITACAO, Event.CANCELAMENTO_CAPACITACAO]
)
def test_each_message_about_a_class_has_the_variables_of_its_event(event: Event) -> None:
    variables = class_variables(scheduled(), COURSE, event)
    shown = CATALOG.messages().rule(event).show(variables)
    assert shown["curso"] == "SEI Usar"
    assert shown["inicio"] == "15 de março de 2027, às 13h30 (horário de Brasília)"


def test_a_correction_says_that_it_is_one() -> None:
    moved = plan_class(IBGE, meeting(seats=30), scheduled(), NOW)
    assert class_variables(moved, COURSE, Event.CONVITE_CAPACITACAO)["situacao"] == "remarcada"
