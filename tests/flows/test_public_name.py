"""An environment's name in the DNS of the lab, as the tasks keep it."""

from collections.abc import Iterator

import pytest

from blocks.rehearsal import rehearsing
from blocks.settings import Settings
from domain.change import Change
from domain.errors import InvalidInputError
from tasks import doors
from tasks.dns import ensure_public_name, remove_public_name

ENVIRONMENT = "cidade-do-dns-producao"
NAME = f"{ENVIRONMENT}.sei.localhost"


@pytest.fixture(autouse=True)
def lab_zone(programme: Settings) -> Iterator[None]:
    assert programme.dns_block == "implanta-rfc2136-zone/principal"
    yield
    remove_public_name.fn(ENVIRONMENT)


def test_the_name_leads_to_the_edge_once_and_then_nowhere() -> None:
    zone = doors.dns_zone()
    assert zone is not None
    with rehearsing():
        assert ensure_public_name.fn(ENVIRONMENT).created == 1
    assert zone.lookup(NAME) == ()
    assert ensure_public_name.fn(ENVIRONMENT).created == 1
    assert zone.lookup(NAME) == doors.edge().public_addresses == ("127.0.0.1",)
    assert ensure_public_name.fn(ENVIRONMENT) == Change(unchanged=1)
    assert remove_public_name.fn(ENVIRONMENT).removed == 1
    assert remove_public_name.fn(ENVIRONMENT) == Change(unchanged=1)
    assert zone.lookup(NAME) == ()


def test_an_edge_that_does_not_say_where_it_is_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = doors.edge().model_copy(update={"public_addresses": ()})
    monkeypatch.setattr(doors, "edge", lambda: lost)
    with pytest.raises(InvalidInputError, match="public_addresses"):
        ensure_public_name.fn(ENVIRONMENT)


def test_without_a_zone_to_keep_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "dns_zone", lambda: None)
    assert ensure_public_name.fn(ENVIRONMENT) == remove_public_name.fn(ENVIRONMENT) == Change()


def test_a_block_of_another_kind_is_no_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPLANTA_DNS_BLOCK", "implanta-mailer/principal")
    with pytest.raises(InvalidInputError, match="não é uma zona de DNS"):
        ensure_public_name.fn(ENVIRONMENT)
