"""Campaigns' events: numbered without a gap, one writer after the other, never changed; the newest of every kind."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pymysql
import pytest

from domain.errors import IntegrityError
from registry import Registry
from tests.registry.conftest import Schema
from tests.registry.examples import make_municipality

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def append(registry: Registry, number: int, campaign: str = "4.1.0", **details: str) -> bool:
    return registry.campaigns.append(
        campaign,
        number,
        kind="campaign.paused",
        actor="infraestrutura",
        flow_run_id=None,
        details={**details},
        occurred_at=NOW,
    )


def test_what_happened_comes_back_in_order_and_from_where_it_was_left(registry: Registry) -> None:
    assert all(append(registry, number, reason=f"motivo {number}") for number in (1, 2, 3))
    assert append(registry, 1, "4.1.0-2")
    events = registry.campaigns.events("4.1.0")
    assert [event.number for event in events] == [1, 2, 3]
    assert events[0].details == {"reason": "motivo 1"}
    assert (events[0].occurred_at, events[0].actor) == (NOW, "infraestrutura")
    assert [event.number for event in registry.campaigns.events("4.1.0", after=2)] == [3]
    assert registry.campaigns.names() == ["4.1.0", "4.1.0-2"]


@pytest.mark.parametrize("number", [1, 3])
def test_only_the_next_number_is_taken(registry: Registry, number: int) -> None:
    assert append(registry, 1)
    assert not append(registry, number)
    assert len(registry.campaigns.events("4.1.0")) == 1


def test_of_many_writers_of_the_same_number_one_is_first(registry: Registry) -> None:
    for number in range(1, 6):
        with ThreadPoolExecutor(8) as pool:
            added = list(pool.map(lambda _, number=number: append(registry, number), range(8)))
        assert sum(added) == 1
    assert [event.number for event in registry.campaigns.events("4.1.0")] == [1, 2, 3, 4, 5]


def test_nothing_is_changed_removed_or_personal(registry: Registry, migrated: Schema) -> None:
    assert append(registry, 1)
    with migrated.raw() as cursor:
        for statement in ("UPDATE campaign_event SET actor = 'x'", "DELETE FROM campaign_event"):
            with pytest.raises(pymysql.err.OperationalError, match="A tabela campaign_event só cresce"):
                cursor.execute(statement)
    with pytest.raises(IntegrityError, match="traz dado pessoal"):
        append(registry, 2, reason="falei com pessoa@exemplo.gov.br")
    assert len(registry.campaigns.events("4.1.0")) == 1


def test_the_newest_event_of_a_kind_of_every_environment_at_once(registry: Registry) -> None:
    registry.ensure_municipality(make_municipality())
    for environment, hours in (("timoteo-producao", 0), ("timoteo-producao", 2), ("timoteo-treinamento", 1)):
        registry.record_event(
            "versions.seen",
            ibge="3168705",
            environment=environment,
            actor="implanta",
            details={"hours": hours},
            occurred_at=NOW + timedelta(hours=hours),
        )
    registry.record_event("versions.seen", ibge="3168705", actor="implanta", details={}, occurred_at=NOW)
    found = registry.newest_events("versions.seen")
    assert {environment: event.details["hours"] for environment, event in found.items()} == {
        "timoteo-producao": 2,
        "timoteo-treinamento": 1,
    }
    assert registry.newest_events("outro") == {}
