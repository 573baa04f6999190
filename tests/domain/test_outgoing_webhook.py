"""What other systems may be told: only what the contracts name, in its shape; and how hard it is tried."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from blocks.catalog import Catalog
from domain.errors import InvalidInputError
from domain.webhook.endpoint import require_name, require_url
from domain.webhook.outgoing import (
    CONTENTS,
    Content,
    Notice,
    Told,
    ToldOfBackup,
    ToldOfIncident,
    ToldOfStage,
    ToldOfUpgrade,
)
from domain.webhook.outgoing_rule import OutgoingRule

BASE = Told(event=7, municipality="timoteo", ibge="3168705", environment="timoteo-producao")
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def details_with(leaf: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[dict[str, JsonValue]]:
    """Details as the registry's events have them, with anything at the places that contracts read."""
    names = ("taken_at", "release_version", "rpo_seconds", "rto_seconds", "stored_bytes", "findings")
    group = st.dictionaries(st.sampled_from(names), leaf)
    return st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("backup", "certificate"), group | leaf),
            **dict.fromkeys(
                ("from_version", "to_version", "stage", "reasons", "cause", "scope", "affected", "leads"), leaf
            ),
            **dict.fromkeys(("reason", "role"), leaf),
        },
    )


@given(st.sampled_from(Content), details_with(JSON))
def test_any_details_make_a_message_of_their_contract(content: Content, details: dict[str, JsonValue]) -> None:
    told = CONTENTS[content].of(BASE, details)
    assert (told.event, told.municipality, told.environment) == (7, "timoteo", "timoteo-producao")
    again = CONTENTS[content].model_validate_json(told.model_dump_json())
    assert again == told


@given(
    st.sampled_from(Content),
    details_with(
        st.sampled_from(
            [
                "Maria da Silva",
                "maria@exemplo.com",
                "529.982.247-25",
                "Falhou em Maria da Silva",
                [{"of": "prefeitura", "text": "Maria da Silva não veio"}],
                [{"of": "Maria da Silva"}],
            ]
        )
    ),
)
def test_nobodys_name_is_in_any_message(content: Content, details: dict[str, JsonValue]) -> None:
    body = Notice.of("a.b", NOW, CONTENTS[content].of(BASE, details)).model_dump_json()
    assert "Maria" not in body
    assert "@" not in body
    assert "529" not in body


def test_a_backup_is_told_with_its_figures_and_its_findings_are_counted() -> None:
    certificate: dict[str, JsonValue] = {
        "release_version": "4.0.0",
        "rpo_seconds": 61.5,
        "stored_bytes": 10_000_000_000,
    }
    told = ToldOfBackup.of(
        BASE,
        {"backup": {"taken_at": "2026-12-01T04:00:00Z"}, "certificate": {**certificate, "findings": [{}, {}]}},
    )
    assert (told.taken_at, told.release_version) == (datetime(2026, 12, 1, 4, tzinfo=UTC), "4.0.0")
    assert (told.rpo_seconds, told.rto_seconds, told.stored_bytes, told.findings) == (61.5, None, 10_000_000_000, 2)


def test_an_upgrade_is_told_with_both_its_versions() -> None:
    told = ToldOfUpgrade.of(BASE, {"from_version": "4.0.0", "to_version": "4.1.0", "reason": "Homologada"})
    assert told.model_dump(exclude=set(Told.model_fields)) == {"from_version": "4.0.0", "to_version": "4.1.0"}


@pytest.mark.parametrize(
    ("reasons", "types", "owed_by"),
    [
        ([], ["portao.aberto"], ()),
        (
            [{"of": "prefeitura", "text": "x"}, {"of": "estado", "text": "y"}],
            ["portao.fechado"],
            ("estado", "prefeitura"),
        ),
    ],
)
def test_a_gate_is_told_closed_or_open_by_whether_something_is_owed(
    reasons: list[JsonValue], types: list[str], owed_by: tuple[str, ...]
) -> None:
    told = ToldOfStage.of(BASE, {"stage": "training", "reasons": reasons})
    assert told.owed_by == owed_by
    assert [rule.type for rule in Catalog().webhook_events().rules_of("stage.waiting") if rule.tells(told)] == types


@pytest.mark.parametrize(
    ("details", "types"),
    [
        ({"reason": "Lentidão"}, ["incidente.aberto"]),
        ({"cause": "banco", "scope": "principal", "affected": 37, "leads": True}, ["incidente.aberto"]),
        ({"cause": "banco", "scope": "principal", "affected": 37, "leads": False}, []),
    ],
)
def test_a_cause_that_many_have_in_common_is_told_once(details: dict[str, JsonValue], types: list[str]) -> None:
    told = ToldOfIncident.of(BASE, details)
    assert (told.cause, told.affected) == (details.get("cause"), details.get("affected"))
    assert [rule.type for rule in Catalog().webhook_events().rules_of("incident.opened") if rule.tells(told)] == types


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.0.9", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.1.2.3", False),
        ("::ffff:10.9.2.3", True),
        ("10.9.0.1", True),
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
    ],
)
def test_only_public_addresses_and_named_networks_are_sent_to(address: str, allowed: bool) -> None:
    assert changed(redes_permitidas=["10.9.0.0/16"]).allows(address) is allowed


@given(st.integers(1, 60), st.floats(0, 1))
def test_pauses_grow_within_their_jitter_and_never_pass_the_last(attempts: int, chance: float) -> None:
    rule = Catalog().webhook_events()
    longest = max(rule.pauses_seconds) * (1 + rule.jitter)
    pause = rule.pause_after(attempts, chance).total_seconds()
    assert 0 < pause <= longest + 0.001
    assert rule.pause_after(attempts + 1, chance).total_seconds() >= pause


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"pausas_segundos": [60, 5]}, "têm de crescer"),
        ({"guarda_dias": 3}, "mais que tenta_dias"),
        (
            {"eventos": [{"tipo": "a.b", "evento": "x.y", "conteudo": "copia", "quando": {"waiting": True}}]},
            "não tem waiting",
        ),
        ({"eventos": [{"tipo": "a.b", "evento": "x.y", "conteudo": "copia"}] * 2}, "aparece duas vezes"),
        ({"eventos": [{"tipo": "teste.enviado", "evento": "x.y", "conteudo": "copia"}]}, "do comando de teste"),
    ],
)
def test_a_catalog_that_makes_no_sense_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        changed(**change)


def changed(**change: object) -> OutgoingRule:
    """The shipped rule, but for what is said."""
    return OutgoingRule.model_validate({**Catalog().webhook_events().model_dump(by_alias=True), **change})


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://a.example/x",
            "https://",
            "/x",
            "https://u:p@a.example/",
            "https://a.example/?chave=1",
            "https://a.example/#x",
        ),
        *(
            "https://a.example:99999/",
            "https://[::1",
            "https://a.example/ x",
            "https://a.example/\\x",
            "https://ção.example/",
        ),
        "https://a.example/" + "x" * 500,
    ],
)
def test_an_address_with_anything_secret_or_odd_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError):
        require_url(url)


def test_addresses_and_names_as_they_should_be_pass() -> None:
    assert require_url("https://avisos.exemplo:8443/sei") == "https://avisos.exemplo:8443/sei"
    assert require_name("monitoracao-2") == "monitoracao-2"
    for name in ("", "Monitoracao", "a b", "ção", "-a"):
        with pytest.raises(InvalidInputError):
            require_name(name)
