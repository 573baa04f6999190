"""The certificate of delivery: complete, the same as long as the environment is, and silent on secrets and people."""

import json
import re

import pytest
from pydantic import SecretStr

from blocks.secrets import EnvironmentSecrets
from domain.delivery import DeliveryCertificate
from domain.environment import Purpose
from tasks import doors
from tasks.certificate import DELIVERED, JSON_KEY, PAGE_KEY, find_certificate
from tests.cli.conftest import CommandLine
from tests.conformity.conftest import ATTACKER, CONTACT, NEIGHBOUR, PRODUCTION, Fleet, create

EVERY = (ATTACKER, NEIGHBOUR, PRODUCTION)
KEYS = {
    "environment",
    "municipality",
    "ibge",
    "purpose",
    "plan",
    "release",
    "url",
    "database_server",
    "names",
    "limits",
    "reference",
    "checks",
    "segregation",
    "neighbour",
    "service_time",
    "durations",
    "issued_at",
    "substance",
    "closing",
}


@pytest.mark.parametrize("slug", EVERY)
def test_the_certificate_says_what_the_environment_is_and_what_was_proved(fleet: Fleet, slug: str) -> None:
    certificate = find_certificate(slug)
    assert certificate is not None
    instance = fleet.instance(slug)
    assert certificate.names["banco do SEI"] == instance.name.database_sei
    assert certificate.database_server == instance.record.database_server
    assert certificate.limits
    assert certificate.reference.tables > 150
    assert {check.title for check in certificate.checks} == {
        "Banco de dados",
        "Portas publicadas",
        "Aplicação",
        "Agendador",
        "Borda e WAF",
        "Certificado TLS",
        "Segregação",
    }
    assert certificate.report.problems() == []
    assert certificate.report.refused >= 40
    assert set(certificate.durations) >= {"bancos de referência", "borda", "conta técnica"}


@pytest.mark.parametrize("slug", EVERY)
@pytest.mark.parametrize("key", [JSON_KEY, PAGE_KEY])
def test_neither_a_secret_nor_a_person_is_in_it(fleet: Fleet, slug: str, key: str) -> None:
    body = doors.object_storage().find_object(fleet.instance(slug).name.bucket, key)
    assert body is not None
    text = body.decode()
    secrets = doors.environment_secrets(slug)
    hidden = {name: getattr(secrets, name) for name in EnvironmentSecrets.model_fields}
    values = {name: v.get_secret_value() for name, v in hidden.items() if isinstance(v, SecretStr)}
    assert len(values) >= 9
    assert [name for name, value in values.items() if value in text] == []
    assert str(secrets.s3_access_key) not in text
    for server in doors.mariadb_servers().values():
        assert server.password.get_secret_value() not in text
    assert CONTACT.name not in text
    assert re.findall(r"[\w.]+@[\w-]+\.\w+", text) == []
    assert re.findall(r"\d{3}\.\d{3}\.\d{3}-\d{2}", text) == []
    assert "PRIVATE KEY" not in text


def test_the_page_is_one_that_a_person_can_read(fleet: Fleet) -> None:
    body = doors.object_storage().find_object(ATTACKER, PAGE_KEY)
    assert body is not None
    page = body.decode()
    certificate = find_certificate(ATTACKER)
    assert certificate is not None
    for text in ("Pequi (MG)", certificate.url, certificate.reference.digest[:12], *certificate.limits):
        assert text in page, text
    assert all(check.title in page for check in certificate.checks)


def test_a_second_run_leaves_the_certificate_as_it_is(fleet: Fleet) -> None:
    before = find_certificate(ATTACKER)
    events = fleet.registry.events(ibge=fleet.instance(ATTACKER).municipality.ibge, kinds=[DELIVERED])
    report = create(ATTACKER)
    assert any("já emitido, sem mudança" in fact for fact in report.facts)
    assert find_certificate(ATTACKER) == before
    found = doors.object_storage().client.list_object_versions(Bucket=ATTACKER, Prefix="entrega/")
    assert sorted(version["Key"] for version in found["Versions"]) == [PAGE_KEY, JSON_KEY]
    again = fleet.registry.events(ibge=fleet.instance(ATTACKER).municipality.ibge, kinds=[DELIVERED])
    assert len(again) == len(events)


def test_the_command_line_shows_it(cli: CommandLine, fleet: Fleet) -> None:
    shown = cli.run("environment", "show", ATTACKER, "--json").json_result
    assert set(shown) == KEYS
    substance = shown.pop("substance")
    assert shown.pop("closing") is None, "no operator closed it"
    certificate = DeliveryCertificate.model_validate(shown)
    assert certificate.substance == substance
    assert certificate == find_certificate(ATTACKER)
    text = cli.run("environment", "show", ATTACKER).stdout
    assert certificate.url in " ".join(text.split())
    assert json.dumps(shown)


def test_an_environment_without_one_is_told_how_to_get_it(cli: CommandLine, fleet: Fleet) -> None:
    slug = "pequi-homologacao"
    record = fleet.instance(ATTACKER).record
    fleet.registry.ensure_environment(
        record.model_copy(
            update={
                "slug": slug,
                "purpose": Purpose.HOMOLOGACAO,
                "bucket": slug,
                "reference_digest": None,
                "created_at": None,
            }
        )
    )
    refusal = cli.refuse("environment", "show", slug)
    assert "ainda não tem certificado de entrega" in refusal
    assert f"./implanta environment apply {slug}" in refusal
