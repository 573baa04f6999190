"""Public names on a real DNS server: made, changed and removed, once, below the zone alone."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dns.message
import dns.name
import dns.query
import dns.resolver
import dns.tsigkeyring
import dns.update
import pytest
from pydantic import SecretStr, ValidationError

from blocks.dns import ManualZone, Rfc2136Zone
from blocks.rehearsal import rehearsing
from domain.change import Change
from domain.errors import GateClosedError, InvalidInputError, RetryableError
from lab.ports import choose
from lab.state import LabState

NAME = "blocos-a-producao.sei.localhost"
EDGE, OTHER = "203.0.113.10", "203.0.113.20"
EDGE_6 = "2001:db8::10"


@pytest.fixture
def zone(lab_state: LabState) -> Iterator[Rfc2136Zone]:
    server = lab_state.dns
    made = Rfc2136Zone(
        server=server.host,
        port=server.port,
        zone=server.zone,
        key_name=server.key_name,
        key_secret=server.key_secret,
        timeout_seconds=5,
    )
    yield made
    for name in ("blocos-a-producao", "*", "borda"):
        change(made, lambda update, name=name: update.delete(name))  # type: ignore[misc]


@pytest.fixture
def manual(zone: Rfc2136Zone) -> ManualZone:
    """The same zone as who may only read it sees it."""
    return ManualZone(zone=zone.zone, resolvers=(zone.server,), port=zone.port, timeout_seconds=5)


def change(zone: Rfc2136Zone, act: Callable[[dns.update.UpdateMessage], Any]) -> None:
    """What an administrator of the server does."""
    keyring = dns.tsigkeyring.from_text({zone.key_name: zone.key_secret.get_secret_value()})
    update = dns.update.UpdateMessage(zone.zone, keyring=keyring, keyalgorithm=zone.key_algorithm)
    act(update)
    assert dns.query.tcp(update, zone.server, port=zone.port).rcode() == 0


def records(zone: Rfc2136Zone, kind: str, name: str = NAME) -> dict[str, int]:
    """What anybody is answered by UDP: values, and for how long they may be kept."""
    answer = dns.query.udp(dns.message.make_query(name, kind), zone.server, port=zone.port, timeout=5)
    return {str(item): rrset.ttl for rrset in answer.answer for item in rrset}


def test_a_name_is_made_changed_and_removed_and_each_again_changes_nothing(zone: Rfc2136Zone) -> None:
    assert zone.lookup(NAME) == ()
    made = zone.ensure_record(NAME, (EDGE,))
    assert made == Change(created=1, details=(f"nome {NAME}: vazio → {EDGE}",))
    assert records(zone, "A") == {EDGE: 300}
    assert zone.ensure_record(NAME, (EDGE,)) == Change(unchanged=1)
    moved = zone.ensure_record(NAME, (EDGE_6, OTHER))
    assert moved == Change(updated=1, details=(f"nome {NAME}: {EDGE} → {OTHER}, {EDGE_6}",))
    assert (records(zone, "A"), records(zone, "AAAA")) == ({OTHER: 300}, {EDGE_6: 300})
    assert zone.lookup(NAME) == (OTHER, EDGE_6)
    assert zone.ensure_record(NAME, (OTHER, EDGE_6, "2001:DB8:0::10")) == Change(unchanged=1)
    assert zone.remove_record(NAME).removed == 1
    assert zone.lookup(NAME) == ()
    assert zone.remove_record(NAME) == Change(unchanged=1)


def test_a_rehearsal_counts_and_changes_nothing(zone: Rfc2136Zone, manual: ManualZone) -> None:
    with rehearsing():
        assert zone.ensure_record(NAME, (EDGE,)).created == 1
        assert manual.ensure_record(NAME, (EDGE,)).created == 1
    assert zone.lookup(NAME) == ()
    zone.ensure_record(NAME, (EDGE,))
    with rehearsing():
        assert zone.ensure_record(NAME, (OTHER,)).updated == 1
        assert zone.remove_record(NAME).removed == 1
    assert zone.lookup(NAME) == (EDGE,)


def test_an_alias_gives_way_and_other_records_stay(zone: Rfc2136Zone) -> None:
    change(zone, lambda update: update.add("blocos-a-producao", 60, "CNAME", "borda.example.org."))
    assert zone.lookup(NAME) == ("borda.example.org",)
    assert zone.ensure_record(NAME, (EDGE,)).updated == 1
    change(zone, lambda update: update.add("blocos-a-producao", 60, "TXT", '"de outro"'))
    zone.ensure_record(NAME, (OTHER,))
    zone.remove_record(NAME)
    assert (records(zone, "A"), records(zone, "TXT")) == ({}, {'"de outro"': 60})


def test_an_alias_within_the_zone_leads_where_it_leads(zone: Rfc2136Zone) -> None:
    change(zone, lambda update: update.add("borda", 60, "A", EDGE))
    change(zone, lambda update: update.add("blocos-a-producao", 60, "CNAME", "borda"))
    assert zone.ensure_record(NAME, (EDGE,)) == Change(unchanged=1)


def test_what_a_wildcard_answers_is_no_record_of_the_name(zone: Rfc2136Zone) -> None:
    change(zone, lambda update: update.add("*", 60, "A", EDGE))
    assert zone.ensure_record(NAME, (EDGE,)) == Change(unchanged=1)
    assert zone.remove_record(NAME) == Change(unchanged=1)
    assert zone.ensure_record(NAME, (OTHER,)).updated == 1
    assert zone.lookup(NAME) == (OTHER,)


@pytest.mark.parametrize(
    "name",
    [
        *("blocos-a.example.org", "sei.localhost", "localhost", "xsei.localhost", "*.sei.localhost", ".sei.localhost"),
        *("-a.sei.localhost", "a..sei.localhost", "A.sei.localhost", "a.sei.localhost.", "a b.sei.localhost", ""),
        *("a.sei.localhost\n", f"{'a' * 64}.sei.localhost", f"{'a.' * 125}sei.localhost", "ç.sei.localhost"),
    ],
)
def test_a_name_outside_the_zone_is_refused(zone: Rfc2136Zone, manual: ManualZone, name: str) -> None:
    for act in (zone.lookup, zone.remove_record, manual.lookup, lambda n: zone.ensure_record(n, (EDGE,))):
        with pytest.raises(InvalidInputError, match=r"não fica sob a zona sei\.localhost"):
            act(name)


@pytest.mark.parametrize(("targets", "message"), [((), "public_addresses"), (("borda.example.org",), "não é um ender")])
def test_a_target_has_to_be_an_address(zone: Rfc2136Zone, targets: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        zone.ensure_record(NAME, targets)


OTHER_KEY = base64.b64encode(b"outra chave, de 32 bytes, errada").decode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"key_secret": SecretStr(OTHER_KEY)}, r"recusou a chave TSIG implanta \(PeerBadSignature\)"),
        ({"key_name": "desconhecida"}, r"recusou a chave TSIG desconhecida \(PeerBadKey\)"),
        ({"key_algorithm": "hmac-sha512"}, "recusou a chave TSIG implanta"),
        ({"key_secret": SecretStr("não é base64!")}, "não é um texto em base64"),
        ({"zone": "outra.localhost"}, "recusou o pedido|não responde por esta zona"),
    ],
)
def test_what_the_server_does_not_take_is_told(zone: Rfc2136Zone, fields: dict[str, Any], message: str) -> None:
    wrong = zone.model_copy(update=fields)
    with pytest.raises(InvalidInputError, match=message) as refusal:
        wrong.ensure_record(NAME.replace(zone.zone, wrong.zone), (EDGE,))
    assert wrong.key_secret.get_secret_value() not in str(refusal.value)
    assert zone.lookup(NAME) == ()


def test_a_clock_that_differs_is_told(zone: Rfc2136Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    tomorrow = (datetime.now(tz=UTC) + timedelta(days=1)).timestamp()
    monkeypatch.setattr("dns.renderer.time.time", lambda: tomorrow)
    monkeypatch.setattr("dns.message.time.time", lambda: tomorrow)
    with pytest.raises(InvalidInputError, match="o relógio dele e o desta máquina diferem"):
        zone.ensure_record(NAME, (EDGE,))


@pytest.mark.parametrize("host", ["127.0.0.1", "servidor.invalid"])
def test_a_server_that_is_down_may_come_back(zone: Rfc2136Zone, host: str) -> None:
    (port,) = choose(["dns"], avoid=()).values()
    with pytest.raises(RetryableError, match="O servidor DNS não respondeu"):
        zone.model_copy(update={"server": host, "port": port}).ensure_record(NAME, (EDGE,))
    with pytest.raises(RetryableError, match="O DNS não respondeu"):
        ManualZone(zone=zone.zone, resolvers=("127.0.0.1",), port=port, timeout_seconds=1).lookup(NAME)


def test_by_hand_the_record_to_create_is_told_and_then_seen(zone: Rfc2136Zone, manual: ManualZone) -> None:
    with pytest.raises(GateClosedError) as missing:
        manual.ensure_record(NAME, (EDGE, EDGE_6))
    assert missing.value.what == "No DNS o nome leva a lugar nenhum"
    assert f"{NAME}. 300 IN A {EDGE}; {NAME}. 300 IN AAAA {EDGE_6}" in missing.value.fix
    zone.ensure_record(NAME, (OTHER,))
    with pytest.raises(GateClosedError, match=f"leva a {OTHER}"):
        manual.ensure_record(NAME, (EDGE,))
    assert zone.lookup(NAME) == (OTHER,), "it only looks"
    zone.ensure_record(NAME, (EDGE, EDGE_6))
    assert manual.ensure_record(NAME, (EDGE_6, EDGE)) == Change(unchanged=1)
    with pytest.raises(GateClosedError, match=f"apague os registros de {NAME}"):
        manual.remove_record(NAME)
    zone.remove_record(NAME)
    assert manual.remove_record(NAME) == Change(unchanged=1)


@pytest.mark.parametrize("zone_name", ["", ".localhost", "sei localhost", "sei.localhost.", "SEI"])
def test_a_zone_has_to_be_a_domain(zone_name: str) -> None:
    with pytest.raises(ValidationError):
        ManualZone(zone=zone_name)
