"""The nightly renewal on a registry of these tests alone, with real blocks: one broken tenant stops no other."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from pydantic import JsonValue, SecretStr

from blocks.acme_issuer import AcmeIssuer
from blocks.catalog import Catalog
from blocks.certificate_authority import InternalCA
from blocks.environment_certificate import EnvironmentCertificate
from blocks.mariadb import MariaDBServer
from blocks.nginx_edge import NginxEdge
from blocks.rehearsal import rehearsing
from blocks.settings import Settings
from domain.certificate import Certificate, IssuedCertificate, judge_certificate, served_certificate
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import GateClosedError, ImplantaError, IntegrityError, InvalidInputError, RetryableError
from flows import renew_certificates as nightly
from flows.renew_certificates import renew_certificates
from lab.state import LabState
from registry import Registry, migrate
from registry.records import EnvironmentRecord
from tasks import certificates, doors
from tasks.certificates import bring_certificate, certificate_facts, ensure_certificate
from tests.domain.examples import make_municipality

RULE = Catalog().certificates()
A, B, C = (f"timoteo-{purpose}" for purpose in ("treinamento", "homologacao", "producao"))
IBGE = "3168705"
NEAR_THE_END = timedelta(days=RULE.validity_days - RULE.renewal_margin_days + 5)


def host_of(slug: str) -> str:
    """Its public address, at the lab's edge."""
    return f"{slug}.sei.localhost"


@pytest.fixture(scope="module")
def registry(programme: Settings, lab_state: LabState) -> Iterator[Registry]:
    """A registry whose fleet is one municipality with three environments; what runs here finds it by the settings."""
    database = lab_state.mariadb
    server = MariaDBServer(
        host=database.host, port=database.port, user=database.admin_user, password=database.admin_password
    )
    schema = f"implanta_certificados_{secrets.token_hex(4)}"
    with server.transaction() as cursor:
        cursor.execute(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
    account = f"{database.admin_user}:{database.admin_password.get_secret_value()}"
    url = SecretStr(f"mysql+pymysql://{account}@{database.host}:{database.port}/{schema}?charset=utf8mb4")
    migrate(url)
    opened = Registry(url)
    opened.ensure_municipality(make_municipality())
    for slug in (A, B, C):
        register(opened, slug)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPLANTA_REGISTRY_URL", url.get_secret_value())
        patch.setenv("IMPLANTA_RETRIES", "0")
        yield opened
        for slug in (A, B, C):
            if doors.environment_certificate(slug) is not None:
                EnvironmentCertificate.delete(slug)
    opened.dispose()
    server.drop_database(schema)


def register(registry: Registry, slug: str) -> None:
    name = EnvironmentName.parse(slug)
    registry.ensure_environment(
        EnvironmentRecord(
            slug=slug,
            ibge=IBGE,
            purpose=name.purpose.value,
            release_version="4.1.0",
            hostname=f"{host_of(slug)}:8443",
            database_server="principal",
            database_sei=name.database_sei,
            database_sip=name.database_sip,
            directory_ou=name.ou,
            bucket=name.bucket,
            orgao_sigla="PM-TIMOTEO",
        )
    )


@pytest.fixture(autouse=True)
def nothing_issued_yet(registry: Registry) -> None:
    """No environment has a certificate before a test, whatever the one before left."""
    assert registry
    for slug in (A, B, C):
        if doors.environment_certificate(slug) is not None:
            EnvironmentCertificate.delete(slug)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The environments for which the edge was asked, in the place where it will be wired."""
    asked: list[str] = []

    def publish(environment: str) -> Change:
        asked.append(environment)
        return Change()

    monkeypatch.setattr(certificates, "publish_certificate", publish)
    return asked


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], datetime]:
    """Move the clock of the steps and of the flow."""

    def move(distance: timedelta) -> datetime:
        moment = datetime.now(tz=UTC) + distance
        for module in (certificates, nightly):
            monkeypatch.setattr(module, "now", lambda: moment)
        return moment

    return move


def now() -> datetime:
    return datetime.now(tz=UTC)


def saved(slug: str) -> EnvironmentCertificate:
    found = doors.environment_certificate(slug)
    assert found is not None
    return found


def facts(slug: str) -> Certificate:
    return served_certificate(saved(slug).chain_pem)


def brought(slug: str, lab_state: LabState, days: int = 200) -> IssuedCertificate:
    """A certificate from an authority that the installation trusts, as a prefeitura would bring it."""
    ca = InternalCA(root_certificate=lab_state.authority.certificate, root_key=lab_state.authority.key)
    return ca.issue([host_of(slug)], RULE.model_copy(update={"validity_days": days}), now())


def issued_events(registry: Registry, slug: str) -> dict[str, dict[str, JsonValue]]:
    """What was told of an environment, by fingerprint; some was told by tests whose clock is ahead."""
    events = registry.events(ibge=IBGE, kinds=["certificate.issued"])
    mine = [dict(event.details) for event in events if event.environment == slug]
    told = {str(details["fingerprint"]): details for details in mine}
    assert len(told) == len(mine), "one certificate was told twice"
    return told


def test_an_environment_gets_one_certificate_valid_for_its_address_and_again_changes_nothing(
    registry: Registry, lab_state: LabState
) -> None:
    before = len(issued_events(registry, A))
    first = ensure_certificate(A)
    assert first == Change(created=1, details=(f"certificado de {host_of(A)}: emitido",))
    verdict = judge_certificate(
        saved(A).chain_pem,
        hosts=[host_of(A)],
        anchors_pem=lab_state.ca_file.read_text(),
        now=now(),
        key_pem=saved(A).key_pem,
    )
    assert verdict.problems == ()
    kept = facts(A)
    assert ensure_certificate(A) == Change(unchanged=1)
    assert facts(A) == kept
    told = issued_events(registry, A)
    assert len(told) == before + 1
    assert told[kept.fingerprint] == {
        "fingerprint": kept.fingerprint,
        "not_after": kept.not_after.isoformat(),
        "source": "internal",
    }
    assert certificate_facts(A)[0].startswith("Certificado TLS (autoridade interna) válido até ")


def test_a_rehearsal_names_the_change_and_makes_none(
    registry: Registry, lab_state: LabState, at: Callable[[timedelta], datetime]
) -> None:
    before = len(issued_events(registry, A))
    with rehearsing():
        assert ensure_certificate(A) == Change(created=1, details=(f"certificado de {host_of(A)}: emitido",))
    assert doors.environment_certificate(A) is None
    with rehearsing():
        assert bring_certificate(A, brought(A, lab_state)).created == 1
    assert doors.environment_certificate(A) is None
    ensure_certificate(A)
    kept, before = facts(A), before + 1
    at(NEAR_THE_END)
    with rehearsing():
        change = ensure_certificate(A)
    assert change.updated == 1
    assert "trocado, porque vence em" in change.details[0]
    assert facts(A) == kept
    assert len(issued_events(registry, A)) == before


def test_a_rehearsal_before_the_registry_knows_the_environment_looks_at_the_address_it_will_have() -> None:
    unknown = "ainda-nao-criada-treinamento"
    with rehearsing():
        assert ensure_certificate(unknown).details == (f"certificado de {host_of(unknown)}: emitido",)
        assert certificate_facts(unknown) == ()


def test_what_is_close_to_its_end_damaged_or_of_another_address_is_named_and_replaced() -> None:
    ensure_certificate(A)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificates, "now", lambda: now() + NEAR_THE_END)
        assert "trocado, porque vence em" in ensure_certificate(A).details[0]
    assert facts(A).days_left(now() + NEAR_THE_END) == RULE.validity_days - 1
    EnvironmentCertificate.delete(A)

    other = InternalCA.generate("AC de outro laboratório", now()).issue([host_of(A)], RULE, now())
    EnvironmentCertificate(chain_pem=other.chain_pem, key_pem=other.key_pem, source="internal", issued_at=now()).save(
        A, overwrite=True
    )
    assert "não é uma raiz de confiança" in ensure_certificate(A).details[0]

    saved(A).model_copy(update={"key_pem": other.key_pem}).save(A, overwrite=True)
    assert "chave privada não é a deste certificado" in ensure_certificate(A).details[0]

    with pytest.MonkeyPatch.context() as patch:
        elsewhere = doors.edge().model_copy(update={"public_domain": "novo.example"})
        patch.setattr(doors, "edge", lambda: elsewhere)
        assert f"não vale para {A}.novo.example" in ensure_certificate(A).details[0]
        assert facts(A).names == (f"{A}.novo.example",)
        assert ensure_certificate(A) == Change(unchanged=1)


def test_no_order_is_made_whose_challenge_the_edge_would_publish_from_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The authority at that address does not exist: an order would be told as one that did not answer."""
    issuer = AcmeIssuer(
        directory_url="https://127.0.0.1:9/directory",
        account_key=AcmeIssuer.new_account_key(),
        challenge_dir=Path("/srv/outro"),
    )
    monkeypatch.setattr(doors, "certificate_issuer", lambda: issuer)
    with pytest.raises(InvalidInputError, match="o mesmo challenge_dir"):
        ensure_certificate(A)
    edge = doors.edge()
    assert isinstance(edge, NginxEdge)
    published = edge.model_copy(update={"challenge_dir": issuer.challenge_dir})
    monkeypatch.setattr(doors, "edge", lambda: published)
    with pytest.raises(RetryableError, match="ACME não respondeu"):
        ensure_certificate(A)


def test_an_event_that_a_killed_run_did_not_write_is_written_by_the_next_one(
    registry: Registry, lab_state: LabState
) -> None:
    file = brought(A, lab_state)
    EnvironmentCertificate(chain_pem=file.chain_pem, key_pem=file.key_pem, source="brought", issued_at=now()).save(A)
    before = len(issued_events(registry, A))
    assert ensure_certificate(A) == Change(unchanged=1)
    assert ensure_certificate(A) == Change(unchanged=1)
    told = issued_events(registry, A)
    assert len(told) == before + 1
    assert facts(A).fingerprint in told


def test_two_runs_at_once_issue_one_certificate(registry: Registry) -> None:
    """The second waits for the first, and then finds that there is nothing left to do."""
    before = len(issued_events(registry, A))
    with registry.lock(f"certificado:{A}"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificates, "LOCK_WAIT_SECONDS", 0)
        with pytest.raises(GateClosedError):
            ensure_certificate(A)
    with ThreadPoolExecutor(2) as pool:
        # Each thread with Prefect's settings of this one, as a mapped step has them.
        runs = [pool.submit(copy_context().run, certificates._converge, A) for _ in range(2)]
        changes = [run.result() for run in runs]
    assert sorted(change.total for change in changes) == [0, 1]
    assert len(issued_events(registry, A)) == before + 1


def test_an_issuer_that_gives_what_does_not_fit_never_replaces_what_works(
    lab_state: LabState, monkeypatch: pytest.MonkeyPatch, at: Callable[[timedelta], datetime]
) -> None:
    ensure_certificate(A)
    kept = facts(A)
    at(NEAR_THE_END)
    wrong = brought(B, lab_state)

    class Confused(InternalCA):
        _block_type_slug = "implanta-teste-confusa"

        def issue(self, *_: object) -> IssuedCertificate:
            return wrong

    issuer = Confused(root_certificate=lab_state.authority.certificate, root_key=lab_state.authority.key)
    monkeypatch.setattr(doors, "certificate_issuer", lambda: issuer)
    with pytest.raises(IntegrityError, match=f"não vale para {host_of(A)}"):
        ensure_certificate(A)
    assert facts(A) == kept


def test_what_the_prefeitura_brings_is_kept_until_it_expires_and_warned_of(
    registry: Registry, lab_state: LabState, at: Callable[[timedelta], datetime]
) -> None:
    ensure_certificate(A)
    file = brought(A, lab_state)
    assert bring_certificate(A, file) == Change(
        updated=1, details=(f"certificado de {host_of(A)}: trazido pela prefeitura",)
    )
    assert bring_certificate(A, file) == Change(unchanged=1)
    kept = facts(A)
    assert issued_events(registry, A)[kept.fingerprint]["source"] == "brought"

    at(timedelta(days=190))
    assert ensure_certificate(A) == Change(unchanged=1)
    assert facts(A) == kept
    assert any("vence em 9 dias" in fact for fact in certificate_facts(A))

    at(timedelta(days=201))
    change = ensure_certificate(A)
    assert "o que a prefeitura trouxe venceu" in change.details[0]
    assert saved(A).source == "internal"


def test_what_does_not_fit_is_refused_with_every_problem_and_changes_nothing(lab_state: LabState) -> None:
    ensure_certificate(A)
    kept = facts(A)
    stranger = InternalCA.generate("AC Desconhecida", now()).issue([host_of(B)], RULE, now())
    with pytest.raises(InvalidInputError) as refusal:
        bring_certificate(A, stranger)
    message = str(refusal.value)
    assert f"não vale para {host_of(A)} (vale para {host_of(B)})" in message
    assert "“AC Desconhecida”, que não é uma raiz de confiança" in message
    assert facts(A) == kept


def test_roots_that_the_settings_name_are_trusted_for_what_is_brought(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    icp = InternalCA.generate("AC Raiz de teste da ICP", now())
    file = icp.issue([host_of(A)], RULE, now())
    with pytest.raises(InvalidInputError, match="raiz de confiança"):
        bring_certificate(A, file)
    anchors = tmp_path_factory.mktemp("icp") / "icp.pem"
    anchors.write_text(icp.root_certificate)
    monkeypatch.setenv("IMPLANTA_CERTIFICATE_ANCHORS", str(anchors))
    assert bring_certificate(A, file).created == 1


def test_one_broken_tenant_stops_no_other_and_is_named_at_the_end(
    published: list[str], monkeypatch: pytest.MonkeyPatch, at: Callable[[timedelta], datetime]
) -> None:
    ensure_certificate(C)
    later = at(NEAR_THE_END)
    ensure_certificate(A)
    working = certificates._converge

    def converge(environment: str) -> Change:
        if environment == B:
            raise InvalidInputError("A autoridade recusou", host_of(B), "Corrija o DNS.")
        return working(environment)

    monkeypatch.setattr(certificates, "_converge", converge)
    with pytest.raises(InvalidInputError) as failure:
        renew_certificates([A, B, C])
    assert f"1 de 3 ambientes ficaram sem renovação de certificado ({B})" in str(failure.value)
    assert facts(C).days_left(later) > 300
    assert sorted(published) == sorted([A, C])

    table = newest_artifact()
    assert f"| {B} | – | – | – | **falhou**: A autoridade recusou ({host_of(B)}). Corrija o DNS. |" in table
    assert "trocado, porque vence em" in next(line for line in table.splitlines() if line.startswith(f"| {C} "))
    assert "nada: em dia" in next(line for line in table.splitlines() if line.startswith(f"| {A} "))


def test_a_night_with_nothing_due_changes_nothing_and_asks_the_edge_all_the_same(
    published: list[str], lab_state: LabState, at: Callable[[timedelta], datetime]
) -> None:
    for slug in (A, B):
        ensure_certificate(slug)
    bring_certificate(C, brought(C, lab_state, days=90))
    at(timedelta(days=70))
    report = renew_certificates([A, B, C])
    assert [renewal.change.total for renewal in report.renewals] == [0, 0, 0]
    assert report.failures == ()
    assert sorted(published) == sorted([A, B, C])
    first = newest_artifact().splitlines()[6]
    assert first.startswith(f"| {C} | ")  # what ends soonest comes first
    assert "ATENÇÃO: o certificado trazido pela prefeitura vence em 19 dias" in first


def test_a_defect_is_told_by_its_kind_only(published: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def converge(environment: str) -> Change:
        raise RuntimeError("-----BEGIN PRIVATE KEY-----")

    monkeypatch.setattr(certificates, "_converge", converge)
    with pytest.raises(IntegrityError) as failure:
        renew_certificates([A])
    assert isinstance(failure.value, ImplantaError)
    assert "PRIVATE KEY" not in str(failure.value) + newest_artifact()
    assert "defeito do programa (RuntimeError)" in newest_artifact()


def test_without_a_choice_the_whole_fleet_that_has_databases_is_looked_at(published: list[str]) -> None:
    """These three were registered and never loaded: there is nothing to serve."""
    assert renew_certificates().renewals == ()
    assert published == []


def newest_artifact() -> str:
    with get_client(sync_client=True) as client:
        response = client.request("GET", "/artifacts/{key}/latest", path_params={"key": "renovacao-de-certificados"})
    return str(response.json()["data"])
