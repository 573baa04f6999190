"""What a prefeitura is written about its training gate, night after night."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendar import BusinessCalendar
from domain.gate_notices import (
    GateNews,
    GateNotice,
    GateNoticeRule,
    GateState,
    ToldOfGate,
    notice_variables,
    plan_notice,
)
from domain.message import Event
from tests.domain.examples import CATALOG

RULE = CATALOG.gates().training_notices
CALENDAR = BusinessCalendar(uf="MG")
MONDAY = date(2027, 5, 31)  # no holiday on a weekday in the ten weeks that follow
RESULT, REMINDER, ESCALATION = Event.RESULTADO_PORTAO, Event.LEMBRETE_PORTAO, Event.ESCALONAMENTO_PORTAO


def closed(*reasons: str) -> GateNews:
    return GateNews(state=GateState.CLOSED, reasons=reasons or ("7 de 10 usuários capacitados.",))


OPEN = GateNews(state=GateState.OPEN, reasons=("10 de 10 usuários capacitados.",))


def waived(until: str) -> GateNews:
    return GateNews(state=GateState.WAIVED, reasons=(f"A dispensa vale até {until}.",))


def nights(news: Iterable[GateNews], rule: GateNoticeRule = RULE) -> list[tuple[int, Event, GateState]]:
    """Judge each night from a Monday on: on which day what is written, with the state that it tells."""
    told: list[ToldOfGate] = []
    for number, found in enumerate(news):
        today = MONDAY + timedelta(days=number)
        notice = plan_notice(found, told, rule, CALENDAR, today)
        if notice is not None:
            assert notice.order == len(told) + 1
            told.append(ToldOfGate(**dict(found), event=notice.event, on=today))
    return [((one.on - MONDAY).days, one.event, one.state) for one in told]


def days(written: list[tuple[int, Event, GateState]], event: Event) -> list[int]:
    return [day for day, told, _ in written if told is event]


def test_the_first_result_is_told_and_again_the_same_night_nothing_is() -> None:
    assert nights([closed()]) == [(0, RESULT, GateState.CLOSED)]
    first = plan_notice(closed(), (), RULE, CALENDAR, MONDAY)
    assert first == GateNotice(event=RESULT, order=1, closed_since=MONDAY, business_days=0)
    told = [ToldOfGate(**dict(closed()), event=RESULT, on=MONDAY)]
    assert plan_notice(closed(), told, RULE, CALENDAR, MONDAY) is None


def test_a_count_that_changes_each_night_is_told_once_a_week() -> None:
    written = nights(closed(f"{number} de 100 usuários capacitados.") for number in range(25))
    assert written == [(day, RESULT, GateState.CLOSED) for day in (0, 7, 14, 21)]


def test_a_count_that_never_changes_is_a_reminder_every_two_weeks_and_goes_up_after_four() -> None:
    written = nights([closed()] * 60)
    assert days(written, RESULT) == [0]
    assert days(written, REMINDER) == [14, 42], "the escalation tells the focal point too, and the waiting begins anew"
    assert days(written, ESCALATION) == [28, 56]


def test_an_opening_is_told_at_once_and_never_again() -> None:
    assert nights([closed(), OPEN, OPEN, *[OPEN.model_copy(update={"reasons": ("9 de 10.",)})] * 40]) == [
        (0, RESULT, GateState.CLOSED),
        (1, RESULT, GateState.OPEN),
    ]
    assert nights([OPEN] * 3) == [(0, RESULT, GateState.OPEN)]


def test_a_waiver_its_extension_and_its_end_are_told_at_once() -> None:
    written = nights([closed(), waived("03/06/2027"), waived("03/06/2027"), waived("04/06/2027"), closed(), OPEN])
    assert written == [
        (0, RESULT, GateState.CLOSED),
        (1, RESULT, GateState.WAIVED),
        (3, RESULT, GateState.WAIVED),
        (4, RESULT, GateState.CLOSED),
        (5, RESULT, GateState.OPEN),
    ]


def test_the_days_of_waiting_begin_with_the_last_time_it_closed() -> None:
    written = nights([*[closed()] * 27, OPEN, *[closed()] * 30])
    assert days(written, ESCALATION) == [56], "28 days after it closed again, though it waited 27 before"
    told = [
        ToldOfGate(**dict(closed()), event=RESULT, on=MONDAY),
        ToldOfGate(**dict(closed()), event=REMINDER, on=MONDAY + timedelta(days=14)),
    ]
    notice = plan_notice(closed(), told, RULE, CALENDAR, MONDAY + timedelta(days=28))
    assert notice == GateNotice(event=ESCALATION, order=3, closed_since=MONDAY, business_days=20)
    assert notice_variables(notice, closed("x"), "da capacitação") == {
        "portao": "da capacitação",
        "motivos": ["x"],
        "desde": "2027-05-31",
        "dias_uteis": 20,
    }


STATES = st.sampled_from([closed("1 de 9."), closed("2 de 9."), waived("01/07/2027"), OPEN])


@given(st.lists(STATES, max_size=80), st.integers(1, 12), st.integers(1, 12), st.integers(1, 30))
def test_whatever_happens_the_last_told_state_is_true_and_nobody_is_flooded(
    found: list[GateNews], result_every: int, reminder_after: int, escalation_after: int
) -> None:
    rule = GateNoticeRule(result_every=result_every, reminder_after=reminder_after, escalation_after=escalation_after)
    for until in range(1, len(found) + 1):
        written = nights(found[:until], rule)
        assert written[-1][2] is found[until - 1].state
    written = nights(found, rule)
    assert len({day for day, _, _ in written}) == len(written), "one a day at most"
    for (before, _, state), (day, event, same) in pairwise(written):
        if state is same is GateState.CLOSED and event is not ESCALATION:
            waited = CALENDAR.business_days_between(MONDAY + timedelta(before), MONDAY + timedelta(day))
            assert waited >= min(result_every, reminder_after)
        assert not (state is same is GateState.OPEN)


@pytest.mark.parametrize("event", [RESULT, REMINDER, ESCALATION])
def test_a_notice_has_the_variables_of_its_event(event: Event) -> None:
    notice = GateNotice(event=event, order=1, closed_since=MONDAY, business_days=3)
    for news in (closed(), OPEN, waived("01/07/2027")):
        CATALOG.messages().rule(event).accept(notice_variables(notice, news, "da capacitação"))


def test_a_period_of_no_days_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater_than"):
        GateNoticeRule.model_validate({"resultado_a_cada": 0, "lembrete_apos": 1, "escalonamento_apos": 1})
