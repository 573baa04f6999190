"""One prefeitura tries to reach another by every way in: refused as things are, found as soon as one door is opened."""

import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from ldap3 import BASE
from pydantic import SecretStr

from blocks.edge import EdgeAddress
from blocks.probes.files import probe_files
from blocks.probes.http import WebTenant, probe_hidden_paths, probe_http
from blocks.probes.ldap import probe_ldap
from blocks.probes.s3 import probe_s3
from blocks.probes.sql import probe_foreign_server, probe_migration_account, probe_sql
from blocks.probes.waf import probe_waf
from blocks.rehearsal import rehearsing
from blocks.runtime import LabRuntime, ServiceAddress
from blocks.settings import Settings
from domain.edge import SiteLimits
from domain.errors import IntegrityError, RetryableError
from domain.person import TECHNICAL_LOGIN
from domain.segregation import ProbeResult, SegregationReport, Way
from flows.check_segregation import check_segregation
from flows.verify_environment import verify_environment
from tasks import doors
from tasks.instance import Instance, load_instance
from tasks.neighbourhood import list_neighbours
from tasks.segregation import probe_segregation
from tests.conformity.breakage import BREAKAGES, link_to_neighbour
from tests.conformity.conftest import ATTACKER, NEIGHBOUR, PRODUCTION, Fleet, create, latest_artifact

TENANT_WAYS = {Way.SQL, Way.LDAP, Way.S3, Way.HTTP, Way.FILES}


@pytest.fixture(scope="module")
def attacker(fleet: Fleet) -> Instance:
    return fleet.instance(ATTACKER)


@pytest.fixture(scope="module")
def neighbour(fleet: Fleet) -> Instance:
    return fleet.instance(NEIGHBOUR)


def probe(slug: str = ATTACKER, at: str | None = NEIGHBOUR) -> SegregationReport:
    return probe_segregation.fn(slug, at)


def titles(results: tuple[ProbeResult, ...]) -> set[str]:
    return {result.title for result in results}


# ---- as things are ---------------------------------------------------------------------------------------------------


def test_every_attempt_is_refused_and_every_control_gets_through(fleet: Fleet) -> None:
    report = probe()
    assert report.problems() == []
    assert report.refused >= 40
    attempts = Counter(result.way for result in report.results if not result.control)
    controls = Counter(result.way for result in report.results if result.control)
    assert set(attempts) == set(controls) == TENANT_WAYS
    assert min(attempts.values()) >= 10
    assert len({(result.way, result.title) for result in report.results}) == len(report.results)


def test_a_neighbour_on_another_server_and_closed_to_users_is_tried_as_far_as_that_goes(fleet: Fleet) -> None:
    production = fleet.instance(PRODUCTION)
    assert production.record.database_server != fleet.instance(NEIGHBOUR).record.database_server
    report = probe(PRODUCTION)
    assert report.problems() == []
    assert "entrar no servidor de banco do vizinho" in titles(report.results)
    # Nobody signs in to an environment in maintenance, so that a session is refused there would prove nothing.
    assert "entrar no próprio SEI" not in titles(report.results)
    assert {result.way for result in report.results} == TENANT_WAYS


def test_an_environment_without_a_neighbour_still_tries_what_is_nobodys(fleet: Fleet) -> None:
    report = probe(at=None)
    assert report.problems() == []
    assert {result.way for result in report.results} == TENANT_WAYS
    assert not any("vizinho" in title for title in titles(report.results))


def test_each_environment_is_sent_to_another_prefeitura(fleet: Fleet) -> None:
    pairs = list_neighbours()
    assert pairs == {PRODUCTION: NEIGHBOUR, ATTACKER: NEIGHBOUR, NEIGHBOUR: PRODUCTION}


def test_the_probes_leave_nothing_behind(fleet: Fleet, attacker: Instance) -> None:
    probe()
    with rehearsing():
        assert ensure_everything_is_as_declared(attacker) == []
    storage = doors.object_storage()
    assert [item["Key"] for item in storage.client.list_objects_v2(Bucket=NEIGHBOUR).get("Contents", [])] == [
        "entrega/certificado.html",
        "entrega/certificado.json",
    ]


def test_trying_a_neighbour_again_and_again_locks_nobody_out(attacker: Instance, neighbour: Instance) -> None:
    """The directory closes an account after five wrong passwords; a proof must not be an attack on the neighbour."""
    accounts = (
        doors.directory().search_dn(neighbour.name),
        f"uid={TECHNICAL_LOGIN},{doors.directory().people_dn(neighbour.name)}",
    )
    for _ in range(6):
        report = SegregationReport(
            environment=ATTACKER,
            neighbour=NEIGHBOUR,
            results=(
                *probe_ldap(
                    doors.directory(),
                    attacker.name,
                    doors.environment_secrets(ATTACKER).directory_password,
                    neighbour.name,
                    doors.environment_secrets(NEIGHBOUR).directory_password,
                ),
                *probe_http(web_tenant(ATTACKER), web_tenant(NEIGHBOUR)),
            ),
        )
        assert report.problems() == []
    with doors.directory().connect(doors.directory().admin_dn, doors.directory().admin_password) as connection:
        for dn in accounts:
            _ok, _result, (entry,), _request = connection.search(
                dn, "(objectClass=*)", BASE, attributes=["pwdFailureTime", "pwdAccountLockedTime"]
            )
            assert not any(entry["attributes"].values()), dn


def ensure_everything_is_as_declared(instance: Instance) -> list[str]:
    return [detail for breakage in BREAKAGES.values() for detail in breakage.mend(instance.name.slug).details]


def test_a_neighbour_that_takes_no_more_requests_for_now_is_tried_when_it_does(attacker: Instance) -> None:
    """Whom the edge sends away for the number of requests was refused nothing, and came in nowhere."""
    (site,) = (site for site in doors.edge().list_sites() if site.slug == NEIGHBOUR)
    in_plenty = titles(probe().results)
    try:
        # nginx goes on counting from what came before the change, so it has to drain soon.
        doors.edge().ensure_site(
            site.model_copy(update={"limits": SiteLimits(requests_per_second=10, burst=1, connections=10)})
        )
        report = probe()
    finally:
        doors.edge().ensure_site(site)
    assert report.problems() == []
    assert titles(report.results) == in_plenty
    assert not any("429" in result.evidence for result in report.results)


# ---- broken on purpose -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", BREAKAGES)
def test_a_door_opened_by_hand_is_found_named_and_closed(broken: str, attacker: Instance, neighbour: Instance) -> None:
    breakage = BREAKAGES[broken]
    slug = breakage.mended_at(attacker, neighbour)
    try:
        breakage.open(attacker, neighbour)
        report = probe()
        assert titles(report.open_doors) >= set(breakage.doors)
        assert report.failed_controls == ()
        for title in breakage.doors:
            assert any(title in problem and NEIGHBOUR in problem for problem in report.problems())
        with rehearsing():
            rehearsed = breakage.mend(slug)
        assert titles(probe().open_doors) >= set(breakage.doors), "a rehearsal closes nothing"
    finally:
        mended = breakage.mend(slug)
    # Replication, which comes after a new account, is only counted when it really ran.
    assert (rehearsed.total, rehearsed.details) == (mended.total, mended.details)
    assert any(breakage.drift in detail for detail in mended.details), mended
    assert probe().problems() == []
    assert breakage.mend(slug).total == 0


def test_what_could_not_be_tried_for_want_of_a_key_is_a_problem_and_not_passed_over(
    attacker: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = doors.environment_secrets(ATTACKER)
    without = whole.model_copy(update={"s3_secret_key": None, "migration_password": None, "probe_password": None})
    monkeypatch.setattr(doors, "environment_secrets", lambda slug: without if slug == ATTACKER else whole)
    report = probe_segregation.fn(ATTACKER, None)
    assert [problem.partition(": ")[2] for problem in report.problems()] == [
        "SQL, usar a senha da conta de migração (não foi tentado: ela ainda não foi gerada)",
        "S3, usar a chave do S3 (não foi tentado: ela ainda não foi gerada)",
        "HTTP, usar a senha da conta técnica (não foi tentado: ela ainda não foi gerada)",
    ]


def test_everything_broken_at_once_fails_the_nightly_check_and_is_named_and_mended(
    fleet: Fleet, attacker: Instance, neighbour: Instance, programme: Settings
) -> None:
    together = [
        BREAKAGES[name]
        for name in (
            "a grant on the neighbour's schema",
            "a weakened access rule",
            "a storage policy with the neighbour's bucket",
            "a repository open to everybody",
        )
    ]
    expected = {title for breakage in together for title in breakage.doors}
    expected.add(f"sair de files/{ATTACKER} por um atalho")
    link = link_to_neighbour(attacker, neighbour)
    try:
        for breakage in together:
            breakage.open(attacker, neighbour)
        with pytest.raises(IntegrityError) as failure:
            check_segregation()
        assert failure.value.exit_code == 40
        artifact = latest_artifact(programme, "segregacao")
        inspection = verify_environment(ATTACKER)
        for title in expected:
            assert title in artifact
            assert any(title in problem for problem in inspection.problems), title
        drift = [*inspection.drift(), *verify_environment(NEIGHBOUR).drift()]
        for breakage in together:
            assert any(breakage.drift in text for text in drift), breakage.drift
        with pytest.raises(IntegrityError, match="difere do declarado"):
            inspection.raise_if_wrong()
        # What is declared is mended; a link that nobody declared is told until who made it takes it away.
        create(NEIGHBOUR)
        with pytest.raises(IntegrityError, match="por um atalho"):
            create(ATTACKER)
    finally:
        link.unlink(missing_ok=True)
        for breakage in together:
            breakage.mend(breakage.mended_at(attacker, neighbour))
    report = create(ATTACKER)
    assert report.change.total == 0
    fleet_report = check_segregation()
    assert fleet_report.problems() == []
    assert {report.environment for report in fleet_report.reports} == {ATTACKER, NEIGHBOUR, PRODUCTION}


def test_a_session_that_opens_the_neighbour_is_told() -> None:
    """No product can be made to do that, so the environment stands in for its own neighbour."""
    tenant = web_tenant(ATTACKER)
    results = {result.title: result for result in probe_http(tenant, tenant)}
    for title in (
        "abrir processos do vizinho com a própria sessão",
        "entrar no vizinho com a própria senha",
        "chamar o web service do vizinho com a própria chave",
        "pedir o vizinho pela própria conexão TLS",
    ):
        assert results[title].label == "ABERTO", title
    assert results["abrir processos do vizinho sem sessão"].label == "recusado"


def web_tenant(slug: str, **changed: object) -> WebTenant:
    instance = load_instance(slug)
    secrets = doors.environment_secrets(slug)
    service_id = instance.sei.service_id()
    assert secrets.probe_password is not None
    assert service_id is not None
    tenant = WebTenant(
        public=doors.edge().address(instance.name),
        application=doors.runtime().address(instance.name),
        login=TECHNICAL_LOGIN,
        password=secrets.probe_password,
        service_key=secrets.service_key(service_id),
    )
    return tenant.model_copy(update=changed)


# ---- whoever cannot be asked did not refuse --------------------------------------------------------------------------


@pytest.fixture
def dead_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


NOBODY_ANSWERS: dict[str, Callable[[Instance, Instance, int], object]] = {
    "sql": lambda a, n, port: probe_sql(
        a.server.model_copy(update={"port": port}), a.name, SecretStr("x"), n.name, "implanta"
    ),
    "sql of another server": lambda a, n, port: probe_foreign_server(
        n.server.model_copy(update={"port": port}), a.name, SecretStr("x"), n.name
    ),
    "migration account": lambda a, n, port: probe_migration_account(
        a.server.model_copy(update={"port": port}), a.name, a.name.database_migration_user, SecretStr("x")
    ),
    "ldap": lambda a, n, port: probe_ldap(
        doors.directory().model_copy(update={"port": port}), a.name, SecretStr("x"), n.name
    ),
    "s3": lambda a, n, port: probe_s3(
        type(doors.object_storage())(endpoint=f"http://127.0.0.1:{port}", access_key="x", secret_key=SecretStr("x")),
        a.name,
        n.name,
    ),
    "http at the neighbour's edge": lambda a, n, port: probe_http(
        web_tenant(ATTACKER), web_tenant(NEIGHBOUR, public=dead_edge(n, port))
    ),
    "http at the neighbour's application": lambda a, n, port: probe_http(
        web_tenant(ATTACKER),
        web_tenant(NEIGHBOUR, application=ServiceAddress(connect_to=f"http://127.0.0.1:{port}", host="nada.localhost")),
    ),
    "http at the own edge": lambda a, n, port: probe_http(
        web_tenant(ATTACKER, public=dead_edge(a, port)), web_tenant(NEIGHBOUR)
    ),
    "hidden paths": lambda a, n, port: probe_hidden_paths(dead_edge(n, port)),
    "waf": lambda a, n, port: probe_waf(dead_edge(a, port)),
}


def dead_edge(instance: Instance, port: int) -> EdgeAddress:
    address = doors.edge().address(instance.name)
    assert isinstance(address, EdgeAddress)
    return address.model_copy(update={"connect_to": f"https://127.0.0.1:{port}"})


@pytest.mark.parametrize("way", NOBODY_ANSWERS)
def test_a_server_that_is_down_is_no_refusal(way: str, attacker: Instance, neighbour: Instance, dead_port: int) -> None:
    with pytest.raises(RetryableError):
        NOBODY_ANSWERS[way](attacker, neighbour, dead_port)


def test_a_file_tree_that_is_not_there_fails_its_control(attacker: Instance, tmp_path: Path) -> None:
    runtime = doors.runtime()
    assert isinstance(runtime, LabRuntime)
    gone = runtime.model_copy(update={"files_dir": tmp_path / "desmontado"})
    failed = [result for result in probe_files(gone, attacker.name, None) if not result.as_expected]
    assert [(result.title, result.evidence) for result in failed] == [(f"achar desmontado/{ATTACKER}", "não existe")]


def test_an_account_that_cannot_even_come_in_proves_nothing(attacker: Instance, neighbour: Instance) -> None:
    """Were only refusals counted, an account with a wrong password would be the best segregated of all."""
    wrong = SecretStr("errada")
    for results in (
        probe_sql(attacker.server, attacker.name, wrong, neighbour.name, "implanta"),
        probe_ldap(doors.directory(), attacker.name, wrong, neighbour.name),
        probe_s3(doors.object_storage().as_identity("NINGUEM", wrong), attacker.name, neighbour.name),
        probe_http(web_tenant(ATTACKER, password=wrong), web_tenant(NEIGHBOUR)),
    ):
        report = SegregationReport(environment=ATTACKER, neighbour=NEIGHBOUR, results=tuple(results))
        assert report.failed_controls
        assert "o controle falhou e a recusa nada prova" in report.problems()[0]
