"""The outbox of webhooks: stored once, in order within a municipality, one deliverer at a time."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import IntegrityError, InvalidInputError
from domain.webhook.contracts import Source
from domain.webhook.delivery import WebhookState, wait_after
from registry import ArrivedWebhook, Registry
from registry.webhooks import WEBHOOK_ACCEPTED, WEBHOOK_FAILED, WEBHOOK_STARTED
from tests.domain.examples import make_municipality

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
RUN = "0d2b9a3e-7c55-4c86-9a7b-1f0e8c8f6f11"


def arrive(registry: Registry, number: str, municipality: str = "timoteo", body: str = "{}") -> None:
    arrived = ArrivedWebhook(
        source=Source.TRAINING, webhook_id=number, municipality=municipality, sha256="a" * 64, body=body
    )
    registry.webhooks.accept(arrived, NOW)


def due(registry: Registry, now: datetime = NOW) -> list[str]:
    return [number for _, number in registry.webhooks.due(now)]


def test_of_each_municipality_what_came_first_is_due_and_what_waits_holds_up_its_own_alone(registry: Registry) -> None:
    for number, municipality in (("a", "timoteo"), ("b", "timoteo"), ("c", "lavras")):
        arrive(registry, number, municipality)
    assert due(registry) == ["a", "c"]
    with registry.webhooks.claim("capacitacao", "a", NOW) as claim:
        assert claim is not None
        claim.postpone("fora do ar", NOW)
    assert due(registry) == ["c"], "b came after a"
    later = NOW + wait_after(1)
    assert due(registry, later) == ["a", "c"]
    with registry.webhooks.claim("capacitacao", "a", later) as claim:
        assert claim is not None
        claim.fail("não existe", later)
    assert due(registry, later) == ["b", "c"], "what failed holds nobody up"


def test_what_is_claimed_is_nobody_elses_and_an_error_gives_it_back_as_it_was(registry: Registry) -> None:
    arrive(registry, "a")
    with pytest.raises(ZeroDivisionError), registry.webhooks.claim("capacitacao", "a", NOW) as claim:
        assert claim is not None
        with registry.webhooks.claim("capacitacao", "a", NOW) as second:
            assert second is None
        claim.start(RUN, NOW)
        raise ZeroDivisionError
    found = registry.webhooks.find("capacitacao", "a")
    assert found is not None
    assert (found.state, found.attempts, found.flow_run_id) == (WebhookState.ACCEPTED, 0, None)


def test_the_history_of_a_registered_municipality_tells_each_thing_once(registry: Registry) -> None:
    municipality = make_municipality()
    arrive(registry, "before", municipality.slug)
    registry.ensure_municipality(municipality)
    for _ in range(2):
        arrive(registry, "a", municipality.slug)
    with registry.webhooks.claim("capacitacao", "a", NOW) as claim:
        assert claim is not None
        claim.fail("x", NOW)
    registry.webhooks.replay("capacitacao", "a", NOW)
    with registry.webhooks.claim("capacitacao", "a", NOW) as claim:
        assert claim is not None
        claim.start(RUN, NOW)
    told = [(event.kind, event.details["webhook"]) for event in registry.events(municipality.ibge)]
    assert told == [(kind, "a") for kind in (WEBHOOK_ACCEPTED, WEBHOOK_FAILED, WEBHOOK_STARTED)]
    assert len(registry.webhooks.list()) == 2


def test_only_what_was_not_started_is_replayed(registry: Registry) -> None:
    arrive(registry, "a")
    with registry.webhooks.claim("capacitacao", "a", NOW) as claim:
        assert claim is not None
        claim.start(RUN, NOW)
    for number, problem in (("a", "já foi iniciada"), ("b", "Não há webhook"), ("não", "Não há webhook")):
        with pytest.raises(InvalidInputError, match=problem):
            registry.webhooks.replay("capacitacao", number, NOW)
    assert registry.webhooks.drop_bodies(NOW) == 0
    assert registry.webhooks.drop_bodies(NOW + timedelta(seconds=1)) == 1
    assert registry.webhooks.drop_bodies(NOW + timedelta(seconds=1)) == 0
    found = registry.webhooks.find("capacitacao", "a")
    assert found is not None
    assert (found.body, found.sha256) == (None, "a" * 64)


@pytest.mark.parametrize(("number", "body"), [("52998224725", "{}"), ("a", '{"x":"maria@exemplo.com"}')])
def test_personal_data_is_not_stored(registry: Registry, number: str, body: str) -> None:
    with pytest.raises(IntegrityError, match="dado pessoal"):
        arrive(registry, number, body=body)
    assert registry.webhooks.list() == []
