"""The queue: a key once, a claim for one, nothing of a block that failed, nobody named."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue

from domain.errors import IntegrityError, InvalidInputError, RetryableError
from registry import QueuedMessage, Registry
from tests.domain.examples import make_municipality
from tests.registry.conftest import Schema

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
KEY = "adesao:3168705"


def make_message(key: str = KEY, variables: dict[str, JsonValue] | None = None) -> QueuedMessage:
    return QueuedMessage(key=key, ibge="3168705", event="adesao", variables=variables or {"usuarios": 750})


@pytest.fixture
def queue(registry: Registry) -> Registry:
    """A registry with one message that is due."""
    registry.ensure_municipality(make_municipality())
    assert registry.queue_message(make_message(), NOW)
    return registry


def test_a_key_enters_the_queue_once_whoever_is_first(queue: Registry) -> None:
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda _: queue.queue_message(make_message(f"{KEY}:x"), NOW), range(8)))
    assert sorted(added) == [False] * 7 + [True]
    assert not queue.queue_message(make_message(variables={"usuarios": 1}), NOW)
    assert [message.variables for message in queue.messages("3168705")] == [{"usuarios": 750}] * 2


@pytest.mark.parametrize(
    "variables", [{"nome": "Ana"}, {"descricao": "fale com ana@example.org"}, {"motivo": "CPF 529.982.247-25"}]
)
def test_a_message_about_a_person_is_refused_without_being_repeated(
    queue: Registry, variables: dict[str, JsonValue]
) -> None:
    with pytest.raises(IntegrityError, match="A mensagem 'adesao' traz dado pessoal") as refusal:
        queue.queue_message(make_message("adesao:3168705:y", variables), NOW)
    assert "ana@" not in str(refusal.value)
    assert len(queue.messages("3168705")) == 1


def test_a_message_to_nobody_that_is_registered_is_refused(registry: Registry) -> None:
    with pytest.raises(InvalidInputError, match="município deste dado ainda não está no registro"):
        registry.queue_message(make_message(), NOW)
    with pytest.raises(InvalidInputError, match="Não há mensagem"):
        registry.message(KEY)


def test_one_process_at_a_time_has_a_message_and_the_others_do_not_wait(queue: Registry) -> None:
    with queue.claim_message(KEY, NOW) as first, queue.claim_message(KEY, NOW) as second:
        assert first is not None
        assert second is None
    with queue.claim_message(KEY, NOW) as again:
        assert again is not None
    with queue.claim_message(KEY, NOW - timedelta(seconds=1)) as early:
        assert early is None, "it is not due yet"


def test_what_a_block_told_is_kept_only_when_it_ends_well(queue: Registry) -> None:
    with pytest.raises(ZeroDivisionError), queue.claim_message(KEY, NOW) as claim:
        assert claim is not None
        claim.record_delivery("a" * 64, "ponto focal", NOW)
        raise ZeroDivisionError
    assert queue.message(KEY).done == frozenset()
    with queue.claim_message(KEY, NOW) as claim:
        assert claim is not None
        claim.record_delivery("a" * 64, "ponto focal", NOW)
        claim.record_delivery("b" * 64, "prefeito", NOW)
        claim.mark_refused("b" * 64)
    message = queue.message(KEY)
    assert message.done == {"a" * 64, "b" * 64}
    assert (message.sent_by_role, message.refused_by_role, message.refused) == ({"ponto focal": 1}, {"prefeito": 1}, 1)


def test_what_is_sent_is_out_of_the_queue_and_in_the_history(queue: Registry) -> None:
    with queue.claim_message(KEY, NOW) as claim:
        assert claim is not None
        claim.record_delivery("a" * 64, "ponto focal", NOW)
        claim.finish(NOW)
    assert queue.due_messages(NOW + timedelta(days=9)) == []
    with queue.claim_message(KEY, NOW) as claim:
        assert claim is None
    (event,) = queue.events("3168705", kinds=["message.sent"])
    assert event.details == {"event": "adesao", "message": KEY, "sent": {"ponto focal": 1}, "refused": {}}


def test_what_is_put_back_waits_its_time(queue: Registry) -> None:
    with queue.claim_message(KEY, NOW) as claim:
        assert claim is not None
        claim.postpone(NOW + timedelta(minutes=5))
    assert queue.due_messages(NOW + timedelta(minutes=4)) == []
    assert queue.due_messages(NOW + timedelta(minutes=5)) == [KEY]
    assert queue.message(KEY).attempts == 1


def test_a_claim_goes_away_with_its_connection(queue: Registry, migrated: Schema) -> None:
    """As with `kill -9`: the server takes back what the dead one wrote and lets the next one have the message."""
    other = Registry(migrated.url)
    with pytest.raises(RetryableError), other.claim_message(KEY, NOW) as claim:
        assert claim is not None
        claim.record_delivery("a" * 64, "ponto focal", NOW)
        with migrated.server.root() as root:
            root.execute(
                "SELECT id FROM information_schema.processlist WHERE user = %s AND id IN"
                " (SELECT trx_mysql_thread_id FROM information_schema.innodb_trx)",
                (migrated.name,),
            )
            (dead,) = root.fetchall()
            root.execute(f"KILL {dead[0]}")
        with queue.claim_message(KEY, NOW) as taken:
            assert taken is not None
            assert not taken.is_done("a" * 64)
    other.dispose()


def deliver(queue: Registry, digest: str, *, refused: bool = False) -> None:
    with queue.claim_message(KEY, NOW) as claim:
        assert claim is not None
        claim.record_delivery(digest, "ponto focal", NOW)
        if refused:
            claim.mark_refused(digest)


def test_a_letter_that_came_back_is_told_of_its_message_once(queue: Registry) -> None:
    deliver(queue, "a" * 64)
    first = queue.record_return("a" * 32, "5.1.1", NOW)
    again = queue.record_return("a" * 32, "5.2.2", NOW)
    assert first is not None
    assert (first.key, first.ibge, first.role, first.is_new) == (KEY, "3168705", "ponto focal", True)
    assert again is not None
    assert not again.is_new
    message = queue.message(KEY)
    assert (message.sent_by_role, message.returned_by_role) == ({}, {"ponto focal": 1})
    assert message.done == {"a" * 64}, "it is not sent to that address again"
    (event,) = queue.events("3168705", kinds=["message.returned"])
    assert event.details["status"] == "5.1.1"


@pytest.mark.parametrize("reference", ["b" * 32, "%", "_" * 32])
def test_what_is_no_letter_of_ours_came_back_to_nobody(queue: Registry, reference: str) -> None:
    deliver(queue, "a" * 64)
    assert queue.record_return(reference, "5.1.1", NOW) is None
    assert queue.message(KEY).returned_by_role == {}


def test_what_was_refused_at_once_stays_refused(queue: Registry) -> None:
    deliver(queue, "a" * 64, refused=True)
    assert queue.record_return("a" * 32, "5.1.1", NOW) is None
    assert queue.message(KEY).refused_by_role == {"ponto focal": 1}


def test_a_return_waits_for_no_other_message(queue: Registry) -> None:
    """A claim keeps its own new delivery locked; looking for another one must not stumble over it."""
    deliver(queue, "a" * 64)
    other = f"{KEY}:outra"
    queue.queue_message(make_message(other), NOW)
    with queue.claim_message(other, NOW) as claim, ThreadPoolExecutor(1) as pool:
        assert claim is not None
        claim.record_delivery("c" * 64, "prefeito", NOW)
        found = pool.submit(queue.record_return, "a" * 32, "5.1.1", NOW).result(timeout=10)
    assert found is not None
    assert found.is_new
