"""Which incidents have one cause, whom it touches, and what the registry is told of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.incident import CLOSED, OPENED
from domain.monitoring.causes import MANY
from domain.monitoring.facts import Expectation
from domain.monitoring.rules import Probe
from domain.monitoring.state import Observation
from tests.domain.monitoring.examples import BEGAN, RULE, SWEEP, Months, answer, watched

OPEN_AFTER, CLOSE_AFTER = RULE.damping.open_after, RULE.damping.close_after
SERVER = "banco/segundo"


def database(*, good: bool) -> Observation:
    return answer(SERVER, Probe.DATABASE, good=good)


def test_a_server_that_is_down_is_one_cause_with_one_event_for_each_environment_on_it() -> None:
    here = [watched(f"cidade-{n}-treinamento", server="segundo") for n in range(8)]
    shut = watched("fechada-treinamento", server="segundo", expectation=Expectation.CLOSED)
    months = Months(*here, shut, watched("outra-treinamento"))
    for _ in range(OPEN_AFTER - 1):
        assert months.sweep(database(good=False)) == []
    events = months.sweep(database(good=False))
    assert [event.environment for event in events] == [one.slug for one in here]
    assert {event.kind for event in events} == {OPENED}
    assert [event.details.leads for event in events] == [True] + [False] * 7
    assert len({event.details.incident for event in events}) == 1
    assert {(event.details.cause, event.details.scope, event.details.affected) for event in events} == {
        ("banco", "segundo", 8)
    }
    assert {event.details.since for event in events} == {BEGAN}, "before the damping"
    (cause,) = months.settled[-1].opened
    assert cause.told == "servidor de banco (segundo)"
    assert months.sweep(database(good=False)) == [], "told once"
    first_good = months.now
    months.sweep(database(good=True))
    over = months.sweep(database(good=True))
    assert [(event.kind, event.details.leads) for event in over] == [(CLOSED, n == 0) for n in range(8)]
    assert {(event.details.since, event.details.until) for event in over} == {(BEGAN, first_good)}
    (closed,) = months.settled[-1].closed
    assert (closed.incident, closed.since, closed.until) == (cause.incident, BEGAN, first_good)


def test_who_comes_into_service_in_the_middle_has_it_too_and_leads_nobody() -> None:
    months = Months(watched("a-treinamento", server="segundo"))
    for _ in range(OPEN_AFTER):
        months.sweep(database(good=False))
    months.fleet = (*months.fleet, watched("b-treinamento", server="segundo"))
    (event,) = months.sweep(database(good=False))
    assert (event.environment, event.details.leads) == ("b-treinamento", False)


def test_many_pages_that_fail_in_one_sweep_have_one_cause_and_a_late_one_joins_it() -> None:
    slugs = [f"cidade-{n}-treinamento" for n in range(RULE.together + 1)]
    months = Months(*map(watched, slugs))
    late = slugs.pop()
    for _ in range(OPEN_AFTER - 1):
        months.sweep(*(answer(slug, good=False) for slug in slugs))
    events = months.sweep(*(answer(slug, good=False) for slug in [*slugs, late]))
    assert sum(event.details.leads for event in events) == 1
    assert {event.details.scope for event in events} == {MANY}
    months.sweep(*(answer(slug, good=False) for slug in [*slugs, late]))
    (joined,) = months.sweep(*(answer(slug, good=False) for slug in [*slugs, late]))
    assert (joined.environment, joined.details.leads) == (late, False)
    assert joined.details.incident == events[0].details.incident
    assert months.settled[-1].opened == ()
    for _ in range(CLOSE_AFTER):
        over = months.sweep(*(answer(slug, good=True) for slug in slugs), answer(late, good=False))
    assert len(over) == len(slugs)
    assert not any(event.details.leads for event in over), "one of them still has it"
    assert months.settled[-1].closed == ()
    for _ in range(CLOSE_AFTER):
        months.sweep(answer(late, good=True))
    assert months.settled[-1].closed
    assert months.incidents.open_of_monitoring == frozenset()


def test_a_few_pages_that_fail_each_have_their_own() -> None:
    slugs = [f"cidade-{n}-treinamento" for n in range(RULE.together - 1)]
    months = Months(*map(watched, slugs))
    for _ in range(OPEN_AFTER):
        events = months.sweep(*(answer(slug, good=False) for slug in slugs))
    assert [event.details.scope for event in events] == slugs
    assert all(event.details.leads for event in events)


def test_a_warning_is_told_and_is_nobodys_incident() -> None:
    months = Months(watched("a-treinamento"))
    for _ in range(OPEN_AFTER):
        events = months.sweep(
            answer("a-treinamento", Probe.USERS, good=False), answer("objetos/principal", Probe.STORAGE, good=False)
        )
    assert events == []
    assert {cause.probe for cause in months.settled[-1].opened} == {Probe.USERS, Probe.STORAGE}


@pytest.mark.parametrize("reinstated", [False, True])
def test_who_leaves_service_has_its_incident_closed_and_may_have_it_again(reinstated: bool) -> None:
    months = Months(watched("a-treinamento", server="segundo"), watched("b-treinamento", server="segundo"))
    for _ in range(OPEN_AFTER):
        months.sweep(database(good=False))
    (left,) = months.sweep(database(good=False), gone=("a-treinamento",))
    assert (left.kind, left.environment, left.details.leads) == (CLOSED, "a-treinamento", False)
    assert months.incidents.counts()["a-treinamento"] == 0
    if reinstated:
        (again,) = months.sweep(database(good=False))
        assert (again.kind, again.environment) == (OPENED, "a-treinamento")
        keys = {f"{one.environment}:{one.kind}" for one in months.happenings}
        assert again.key.endswith("#2"), keys


WEATHER = st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=40)


@given(WEATHER)
def test_the_registry_always_agrees_with_the_states_and_planning_again_plans_nothing(weather: list[list[bool]]) -> None:
    slugs = ["a-treinamento", "b-treinamento", "c-treinamento"]
    months = Months(*(watched(slug, server="segundo") for slug in slugs))
    keys: set[str] = set()
    led = 0
    for server, *pages in weather:
        events = months.sweep(database(good=server), *(answer(s, good=g) for s, g in zip(slugs, pages, strict=True)))
        assert not keys & {event.key for event in events}, "no key twice"
        keys |= {event.key for event in events}
        led += sum(event.details.leads for event in events)
        states = [one for one in months.states.values() if one.incident]
        shared = [slug for one in states if one.subject == SERVER for slug in slugs]
        subjects = [*shared, *(one.subject for one in states if one.subject in slugs)]
        assert sorted(slug for slug, _ in months.incidents.open_of_monitoring) == sorted(subjects)
    told = sum(len(settled.opened) + len(settled.closed) for settled in months.settled)
    assert led == told, "one webhook for each mail"
    months.now -= SWEEP
    assert months.sweep() == []
