"""Messages to other systems in the registry: none lost, none made twice, whoever derives and whoever commits late."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import InvalidInputError
from domain.webhook.endpoint import EndpointState, OutgoingState
from domain.webhook.outgoing import Notice
from registry import EventRecord, Registry
from tests.domain.examples import make_municipality
from tests.registry.conftest import Schema

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
DAYS = timedelta(days=3)
URL = "https://avisos.exemplo/sei"


def tell(event: EventRecord) -> list[Notice]:
    return [Notice(type="a.b", timestamp=event.occurred_at, data={"event": event.id})] if event.kind == "told" else []


def happen(registry: Registry, kind: str = "told") -> None:
    registry.record_event(kind, ibge=make_municipality().ibge, actor="implanta", details={})


def derive(registry: Registry, now: datetime = NOW) -> int:
    """How many messages come of what is news."""
    made = 0
    while (batch := registry.outgoing.derive(tell, now, DAYS)).events:
        made += batch.made
    return made


@pytest.fixture
def listening(registry: Registry) -> Registry:
    """A registry with a municipality, of which two endpoints are told."""
    registry.ensure_municipality(make_municipality())
    happen(registry)
    for name in ("a", "b"):
        registry.outgoing.add_endpoint(name, URL, (), NOW)
    return registry


def test_each_event_after_the_endpoint_becomes_one_message_to_each(listening: Registry) -> None:
    happen(listening)
    happen(listening, "not told")
    assert derive(listening) == 2, "the event before the endpoints is no message"
    assert derive(listening) == 0
    assert [one.endpoint for one in listening.outgoing.list()] == ["b", "a"]
    assert {name: len(numbers) for name, numbers in listening.outgoing.due(NOW).items()} == {"a": 1, "b": 1}


def test_an_endpoint_is_told_only_the_types_it_asked_for(listening: Registry) -> None:
    listening.outgoing.add_endpoint("c", URL, ("c.d",), NOW)
    happen(listening)
    derive(listening)
    assert listening.outgoing.list("c") == []


def test_an_event_that_is_committed_after_a_later_one_was_told_is_told_too(
    listening: Registry, migrated: Schema
) -> None:
    with migrated.raw() as late:
        late.execute("BEGIN")
        late.execute(
            "INSERT INTO event (occurred_at, kind, ibge, actor, details) VALUES (NOW(), 'told', %s, 'x', '{}')",
            (make_municipality().ibge,),
        )
        number = late.lastrowid
        happen(listening)
        assert derive(listening) == 2
        late.execute("COMMIT")
    assert derive(listening) == 2
    assert {one.event_id for one in listening.outgoing.list()} == {number, number + 1}


def test_many_derivers_and_recorders_at_once_make_each_message_once(listening: Registry) -> None:
    with ThreadPoolExecutor(4) as pool:
        works: list[Callable[[Registry], object]] = [happen, happen, derive]
        for work in [pool.submit(works[number % 3], listening) for number in range(90)]:
            work.result()
    derive(listening)
    told = [(one.endpoint, one.event_id) for one in listening.outgoing.list(limit=1000)]
    assert len(told) == len(set(told)) == 120


def test_an_error_while_deriving_keeps_the_news(listening: Registry) -> None:
    def fail(event: EventRecord) -> list[Notice]:
        raise ZeroDivisionError

    happen(listening)
    with pytest.raises(ZeroDivisionError):
        listening.outgoing.derive(fail, NOW, DAYS)
    assert derive(listening) == 2


def test_a_claimed_message_is_nobody_elses_and_an_error_gives_it_back(listening: Registry) -> None:
    happen(listening)
    derive(listening)
    (number,) = listening.outgoing.due(NOW)["a"]
    with pytest.raises(ZeroDivisionError), listening.outgoing.claim(number, NOW) as claim:
        assert claim is not None
        with listening.outgoing.claim(number, NOW) as second:
            assert second is None
        claim.deliver(NOW)
        raise ZeroDivisionError
    (message,) = listening.outgoing.list("a")
    assert (message.state, message.attempts) == (OutgoingState.WAITING, 0)


def test_three_days_of_refusals_end_the_message_and_set_the_endpoint_aside(listening: Registry) -> None:
    happen(listening)
    derive(listening)
    now, attempts = NOW, 0
    while numbers := listening.outgoing.due(now).get("a"):
        with listening.outgoing.claim(numbers[0], now) as claim:
            assert claim is not None
            claim.fail("sem conexão", now, timedelta(hours=5), DAYS)
        attempts, now = attempts + 1, min(now + timedelta(hours=5), NOW + DAYS)
    (message,) = listening.outgoing.list("a", OutgoingState.FAILED)
    assert (message.attempts, message.decided_at, message.problem) == (attempts, NOW + DAYS, "sem conexão")
    assert attempts == 16, "one each five hours, and the last when the three days are over"
    assert listening.outgoing.endpoint("a").state is EndpointState.SET_ASIDE
    assert listening.outgoing.endpoint("b").state is EndpointState.ACTIVE

    happen(listening)
    derive(listening)
    assert "a" not in listening.outgoing.due(now)
    listening.outgoing.reopen("a")
    assert "a" not in listening.outgoing.due(now), "what was missed goes out when somebody asks"
    assert listening.outgoing.resend(now, DAYS, since=NOW, endpoint="a") == 2
    assert len(listening.outgoing.due(now)["a"]) == 2


def test_one_message_taken_in_those_days_keeps_the_endpoint(listening: Registry) -> None:
    for _ in range(2):
        happen(listening)
    derive(listening)
    first, second = listening.outgoing.due(NOW)["a"]
    with listening.outgoing.claim(first, NOW) as claim:
        assert claim is not None
        claim.fail("resposta 500", NOW, timedelta(days=3), DAYS)
    with listening.outgoing.claim(second, NOW) as claim:
        assert claim is not None
        claim.deliver(NOW)
    with listening.outgoing.claim(first, NOW + DAYS) as claim:
        assert claim is not None
        claim.fail("resposta 500", NOW + DAYS, timedelta(days=1), DAYS)
    assert [one.state for one in listening.outgoing.list("a")] == [OutgoingState.DELIVERED, OutgoingState.FAILED]
    assert listening.outgoing.endpoint("a").state is EndpointState.ACTIVE


def test_who_wants_no_more_is_told_no_more(listening: Registry) -> None:
    for _ in range(2):
        happen(listening)
    derive(listening)
    with listening.outgoing.claim(listening.outgoing.due(NOW)["a"][0], NOW) as claim:
        assert claim is not None
        claim.close("resposta 410", NOW)
    happen(listening)
    derive(listening)
    assert "a" not in listening.outgoing.due(NOW)
    assert (len(listening.outgoing.list("a")), len(listening.outgoing.list("b"))) == (2, 3)


def test_messages_are_sent_again_while_they_are_kept_and_then_forgotten(listening: Registry) -> None:
    happen(listening)
    derive(listening)
    (number,) = listening.outgoing.due(NOW)["a"]
    with listening.outgoing.claim(number, NOW) as claim:
        assert claim is not None
        claim.deliver(NOW)
    assert listening.outgoing.resend(NOW + DAYS, DAYS, number=number) == 1
    assert listening.outgoing.due(NOW + DAYS)["a"] == (number,)
    assert listening.outgoing.forget(NOW) == 0
    assert listening.outgoing.forget(NOW + timedelta(seconds=1)) == 2
    assert listening.outgoing.resend(NOW, DAYS, number=number) == 0


def test_a_removed_endpoint_takes_its_messages_along(listening: Registry) -> None:
    happen(listening)
    derive(listening)
    listening.outgoing.remove_endpoint("a")
    assert {one.endpoint for one in listening.outgoing.list()} == {"b"}
    for refused in (listening.outgoing.remove_endpoint, listening.outgoing.endpoint, listening.outgoing.reopen):
        with pytest.raises(InvalidInputError, match="Não há endereço"):
            refused("ção")
    with pytest.raises(InvalidInputError, match="Já há"):
        listening.outgoing.add_endpoint("b", URL, (), NOW)


def test_a_message_with_personal_data_is_not_made_and_holds_up_no_other(listening: Registry) -> None:
    happen(listening)
    personal = Notice(type="a.b", timestamp=NOW, data={"x": "maria@exemplo.com"})
    fine = Notice(type="a.c", timestamp=NOW, data={"x": 1})
    derived = listening.outgoing.derive(lambda event: [personal, fine], NOW, DAYS)
    assert (derived.made, derived.refused) == (2, 2), "the event before the endpoints is looked at as well"
    assert {one.type for one in listening.outgoing.list()} == {"a.c"}
