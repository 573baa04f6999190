"""What sources of webhooks may say, and what the catalog makes of it."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import InvalidInputError
from domain.webhook.contracts import CONTRACTS, Source, read_contract
from domain.webhook.delivery import LONGEST_WAIT, wait_after
from domain.webhook.rule import WebhookRule, WebhookTable


@given(st.sampled_from(list(Source)), st.binary(max_size=200))
def test_whatever_is_sent_is_a_message_or_refused_without_being_repeated(source: Source, body: bytes) -> None:
    try:
        read_contract(source, body)
    except InvalidInputError as error:
        assert source.value in error.where
        assert set(error.what.partition(": ")[2].split(", ")) <= {
            *CONTRACTS[source].model_fields,
            "um que não se conhece",
            "ou a mensagem toda",
        }


@pytest.mark.parametrize("key", ["usuarios.xlsx", "rh/../usuarios.csv", "rh/a/b.csv", "rh/Ana Souza.csv", "rh/.csv"])
def test_a_delivered_spreadsheet_lies_in_its_own_folder(key: str) -> None:
    body = {"municipality": "timoteo", "object_key": key, "sha256": "0" * 64}
    with pytest.raises(InvalidInputError, match="errados ou faltando: object_key"):
        read_contract(Source.HUMAN_RESOURCES, json.dumps(body).encode())


def test_the_bucket_names_the_municipality() -> None:
    body = b'{"bucket":"olhos-dagua-entrada","object_key":"unidades.csv"}'
    assert read_contract(Source.BUCKET, body).subject == "olhos-dagua"
    for bucket in ("timoteo-producao", "-entrada", "entrada", "timoteo-entrada\n"):
        with pytest.raises(InvalidInputError, match="bucket"):
            read_contract(Source.BUCKET, json.dumps({"bucket": bucket, "object_key": "unidades.csv"}).encode())


@pytest.mark.parametrize("release", ["", "4.1.0 ", "4..1", "../4.1.0", "4.1.0\n", "Maria da Silva", "x" * 41, 4.1])
@pytest.mark.parametrize("source", [Source.RELEASE_PUBLISHED, Source.STATE_UPGRADED])
def test_a_release_is_named_by_its_code(source: Source, release: object) -> None:
    with pytest.raises(InvalidInputError, match="errados ou faltando: release"):
        read_contract(source, json.dumps({"release": release, "ready_on": "2027-03-01"}).encode())


def test_what_the_state_has_is_offered_as_a_flow_takes_it_and_is_no_municipality_s() -> None:
    told = read_contract(Source.STATE_UPGRADED, b'{"release":"pen-3.7.0","ready_on":"2027-03-01"}')
    assert told.offered() == {"release": "pen-3.7.0", "ready_on": "2027-03-01"}
    assert (told.subject, told.OF_A_REGISTERED_ONE) == ("estado", False)


@pytest.mark.parametrize("source", Source)
def test_every_contract_offers_what_it_says(source: Source) -> None:
    contract = CONTRACTS[source]
    assert contract.OFFERS
    for name in contract.OFFERS:
        assert name in contract.model_fields or hasattr(contract, name)


def test_a_rule_gives_only_what_its_source_has() -> None:
    with pytest.raises(ValidationError, match="não tem senha"):
        WebhookRule(source=Source.TRAINING, deployment="x-y", parameters={"municipality": "senha"})
    with pytest.raises(ValidationError, match="em parametros e em fixos"):
        WebhookRule(source=Source.TRAINING, deployment="x-y", parameters={"a_b": "municipality"}, fixed={"a_b": 1})
    rule = WebhookRule(source=Source.TRAINING, deployment="x-y", parameters={"a_b": "municipality"}, fixed={"c_d": 1})
    with pytest.raises(ValidationError, match="aparece duas vezes"):
        WebhookTable(kept_days=1, rules=(rule, rule))
    assert rule.parameters_of(read_contract(Source.TRAINING, b'{"municipality":"timoteo"}')) == {
        "a_b": "timoteo",
        "c_d": 1,
    }


@given(st.integers(0, 10_000))
def test_each_wait_is_longer_until_it_is_the_longest(attempts: int) -> None:
    assert timedelta(0) < wait_after(attempts) <= wait_after(attempts + 1) <= LONGEST_WAIT
