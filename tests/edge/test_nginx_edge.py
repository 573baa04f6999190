"""One site an environment: served as declared, changed whole or not at all, never at a neighbour's cost."""

import errno
import os
import shutil
import ssl
import stat
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import httpx
import psutil
import pytest
from pydantic import ValidationError

import blocks.nginx_edge
import blocks.nginx_records
from blocks.http_client import client_for
from blocks.nginx_edge import NginxEdge
from blocks.probes.waf import probe_waf
from blocks.rehearsal import rehearsing
from blocks.waiting import comes_true
from domain.change import Change
from domain.edge import Site, SiteLimits, Switch
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError, RetryableError
from domain.segregation import SegregationReport
from lab import down, status, up
from lab.edge import make_block
from lab.ports import choose
from lab.state import LabState
from tests.edge.certificates import Authority
from tests.edge.client import Browser
from tests.edge.conftest import Sites
from tests.edge.upstream import Upstream, running_upstream

A, B = "edge-a-producao", "edge-b-treinamento"
CHALLENGES = "/.well-known/acme-challenge/"
LOGIN = "/sip/login.php?sigla_sistema=SEI"


def snapshot(home: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of the configuration, to tell whether anything at all was written."""
    return {
        str(path.relative_to(home)): (path.read_bytes(), path.stat().st_mtime_ns)
        for folder in ("declared", "open", "releases")
        for path in sorted((home / folder).rglob("*"))
        if path.is_file()
    }


def processes_of(edge: NginxEdge) -> list[int]:
    """The living processes of this nginx, by the directory they work in."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "nginx" and process.cwd() == str(edge.home):
                found.append(process.pid)
    return found


def live(edge: NginxEdge, name: str) -> Path:
    return edge.home / "live" / name


# ---- serving ---------------------------------------------------------------------------------------------------------


def test_a_site_is_served_under_its_public_name_and_a_second_run_changes_nothing(
    empty_edge: NginxEdge, sites: Sites, upstream: Upstream
) -> None:
    site = sites.make(A)
    assert empty_edge.ensure_site(site) == Change(created=1, details=(f"site {A}",))
    before = snapshot(empty_edge.home)
    upstream.received.clear()
    with sites.browser(A) as browser:
        answer = browser.get(LOGIN, {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"})
    assert (answer.status, answer.text) == (200, "aplicação")
    (received,) = upstream.received
    assert received.target == LOGIN
    assert received.headers["host"] == site.upstream_host
    assert received.headers["x-forwarded-for"] == "127.0.0.1", "what the client claims of itself is not handed on"
    assert received.headers["x-forwarded-proto"] == "https"
    assert received.headers["x-forwarded-host"] == empty_edge.address(site.environment).host
    assert empty_edge.ensure_site(site) == Change(unchanged=1)
    assert snapshot(empty_edge.home) == before
    assert empty_edge.list_sites() == (site,)
    assert empty_edge.probe().serving
    assert empty_edge.probe().sites == 1


def test_headers_protect_the_visitor_and_tell_little_of_the_server(empty_edge: NginxEdge, sites: Sites) -> None:
    empty_edge.ensure_site(sites.make(A))
    with sites.browser(A) as browser:
        headers = browser.get(LOGIN).headers
        redirect = browser.get("/redireciona").headers["location"]
    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["server"] == "nginx", "without its version"
    assert "secure" in headers["set-cookie"].lower()
    assert redirect == f"{empty_edge.url(EnvironmentName.parse(A))}/sip/login.php"


@pytest.mark.parametrize(
    ("version", "served"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
def test_only_current_versions_of_tls_are_spoken(
    empty_edge: NginxEdge, sites: Sites, version: ssl.TLSVersion, served: bool
) -> None:
    empty_edge.ensure_site(sites.make(A))
    with sites.browser(A) as browser:
        browser._context.set_ciphers("ALL:@SECLEVEL=0")
        browser._context.minimum_version = browser._context.maximum_version = version
        if served:
            assert browser.get(LOGIN).status == 200
        else:
            with pytest.raises(ssl.SSLError):
                browser.get(LOGIN)


def test_a_name_that_is_nobodys_gets_no_certificate_and_one_tenants_certificate_opens_no_other(
    empty_edge: NginxEdge, sites: Sites
) -> None:
    for slug in (A, B):
        empty_edge.ensure_site(sites.make(slug))
    address = empty_edge.address(EnvironmentName.parse(A))
    with Browser(address, server_name="estranho.sei.localhost") as browser, pytest.raises(ssl.SSLError):
        browser.get(LOGIN)
    with sites.browser(A) as browser:
        assert browser.get(LOGIN, {"Host": "estranho.sei.localhost"}).status == 0, "closed without an answer"
    with sites.browser(A) as browser:
        assert browser.get(LOGIN, {"Host": empty_edge.address(EnvironmentName.parse(B)).host}).status == 421


def plainly(edge: NginxEdge, host: str, target: str, method: str = "GET") -> httpx.Response:
    """Ask without TLS, as a browser does for an address that somebody typed by hand."""
    return httpx.request(
        method, f"http://127.0.0.1:{edge.http_port}{target}", headers={"Host": host}, timeout=20, trust_env=False
    )


def test_without_tls_there_is_only_the_way_to_the_public_address(
    empty_edge: NginxEdge, sites: Sites, upstream: Upstream
) -> None:
    site = sites.make(A)
    empty_edge.ensure_site(site)
    upstream.received.clear()
    answer = plainly(empty_edge, site.server_name, LOGIN)
    assert answer.status_code == 301
    assert answer.headers["location"] == f"{empty_edge.url(site.environment)}{LOGIN}"
    assert plainly(empty_edge, site.server_name, "/sei/", "POST").status_code == 301
    with pytest.raises(httpx.RemoteProtocolError):
        plainly(empty_edge, "estranho.sei.localhost", LOGIN)
    assert not upstream.received, "nothing that came without TLS reaches an application"


@pytest.mark.parametrize("host", ["ainda-sem-site.sei.localhost", f"{A}.sei.localhost"])
def test_an_authority_finds_the_answer_to_its_challenge_and_nothing_else(
    empty_edge: NginxEdge, sites: Sites, host: str
) -> None:
    directory = empty_edge.challenge_dir
    assert directory is not None
    real = empty_edge.home.parent / "desafios"
    real.mkdir()
    directory.symlink_to(real)  # whoever set the place up may have put it on another disk
    empty_edge.ensure_site(sites.make(A, maintenance=True))
    (directory / "ficha").write_text("ficha.impressao")
    (directory / "atalho").symlink_to(empty_edge.home / "declared" / f"{A}.json")
    try:
        found = plainly(empty_edge, host, f"{CHALLENGES}ficha")
        assert (found.status_code, found.text) == (200, "ficha.impressao")
        refused = {
            target: plainly(empty_edge, host, target).status_code
            for target in (f"{CHALLENGES}outra", f"{CHALLENGES}atalho")
        }
        assert refused == {f"{CHALLENGES}outra": 404, f"{CHALLENGES}atalho": 403}
        assert plainly(empty_edge, host, f"{CHALLENGES}ficha", "PUT").status_code == 403
        for outside in ("", "../nginx.conf", "%2e%2e/nginx.conf", f"..%2fdeclared/{A}.json", "ficha/", ".ficha"):
            with suppress(httpx.RemoteProtocolError):  # closed without an answer, where the name has no site
                assert plainly(empty_edge, host, f"{CHALLENGES}{outside}").status_code in {301, 400}, outside
    finally:
        directory.unlink()
        shutil.rmtree(real)


def test_what_strangers_ask_for_is_not_taken_for_nginxs_own_refusal(empty_edge: NginxEdge, sites: Sites) -> None:
    """Their words stand in the log in which nginx says why it takes no configuration over."""
    directory = empty_edge.challenge_dir
    assert directory is not None
    site = sites.make(A)
    empty_edge.ensure_site(site)
    directory.mkdir()
    log = empty_edge.home / "log" / "error.log"
    before, done = log.stat().st_size, Event()

    def ask() -> None:
        while not done.is_set():
            with suppress(httpx.HTTPError):
                plainly(empty_edge, site.server_name, f"{CHALLENGES}x?[emerg]", "PUT")

    stranger = Thread(target=ask)
    stranger.start()
    try:
        for upload_mb in (20, 21, 22):
            assert empty_edge.ensure_site(sites.make(A, max_upload_mb=upload_mb)).updated == 1
    finally:
        done.set()
        stranger.join()
        directory.rmdir()
    assert b"[emerg]" in log.read_bytes()[before:], "the words were there to be mistaken"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"challenge_dir": ""}, "caminho absoluto"),
        ({"challenge_dir": "relativo"}, "caminho absoluto"),
        ({"challenge_dir": '/srv/a"b'}, "caminho absoluto"),
        ({"challenge_dir": "/srv/$host"}, "caminho absoluto"),
        ({"challenge_dir": "/srv/edge/../../etc"}, "caminho absoluto"),
        ({"challenge_dir": "/srv/edge"}, "publicaria chaves"),
        ({"challenge_dir": "/srv"}, "publicaria chaves"),
        ({"challenge_dir": "/srv/edge/declared"}, "publicaria chaves"),
        ({"challenge_dir": "/srv/edge/live/sites"}, "publicaria chaves"),
        ({"http_port": None}, "http_port"),
    ],
)
def test_a_directory_that_holds_keys_or_leads_who_knows_where_is_never_published(
    changed: dict[str, object], why: str
) -> None:
    wanted = {
        "home": "/srv/edge",
        "public_domain": "sei.localhost",
        "status_port": 1,
        "http_port": 80,
        "challenge_dir": "/srv/edge/challenges",
    }
    assert NginxEdge.model_validate(wanted).challenge_dir == Path("/srv/edge/challenges")
    with pytest.raises(ValidationError, match=why):
        NginxEdge.model_validate(wanted | changed)


def test_without_a_port_for_it_nothing_is_served_without_tls(empty_edge: NginxEdge, sites: Sites) -> None:
    quiet = empty_edge.model_copy(update={"http_port": None, "challenge_dir": None})
    quiet.ensure_site(sites.make(A))
    with pytest.raises(httpx.ConnectError):
        plainly(empty_edge, sites.make(A).server_name, LOGIN)
    with sites.browser(A) as browser:
        assert browser.get(LOGIN).status == 200


def test_the_limit_of_one_environment_is_not_anothers(empty_edge: NginxEdge, sites: Sites) -> None:
    empty_edge.ensure_site(sites.make(A, limits=SiteLimits(requests_per_second=1, burst=5, connections=100)))
    empty_edge.ensure_site(sites.make(B))
    with sites.browser(A) as browser, sites.browser(B) as neighbour:
        statuses = [browser.get(LOGIN).status for _ in range(20)]
        assert statuses.count(429) >= 10
        assert statuses[0] == 200
        assert neighbour.get(LOGIN).status == 200


def test_who_asks_by_our_own_client_waits_a_turn_and_is_let_in(empty_edge: NginxEdge, sites: Sites) -> None:
    site = sites.make(A, limits=SiteLimits(requests_per_second=5, burst=1, connections=100))
    empty_edge.ensure_site(site)
    with client_for(empty_edge.address(site.environment)) as client:
        answers = [client.post(LOGIN, data={"pwdSenha": "x" * 100}) for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200}


# ---- maintenance -----------------------------------------------------------------------------------------------------


def test_maintenance_is_a_page_of_the_environments_own_and_ends_when_it_is_lifted(
    empty_edge: NginxEdge, sites: Sites, upstream: Upstream
) -> None:
    empty_edge.ensure_site(sites.make(A))
    empty_edge.ensure_site(sites.make(B))
    assert empty_edge.ensure_site(sites.make(A, maintenance=True)) == Change(
        updated=1, details=(f"site {A}: fechado ao público",)
    )
    upstream.received.clear()
    with sites.browser(A) as browser, sites.browser(B) as neighbour:
        for answer in (
            browser.get(LOGIN),
            browser.request("POST", LOGIN, body=b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"}),
        ):
            assert answer.status == 503
            assert answer.headers["retry-after"] == "300"
            assert "Sistema em manutenção" in answer.text
            assert sites.make(A).server_name in answer.text
        assert upstream.received == []
        assert neighbour.get(LOGIN).status == 200
    empty_edge.ensure_site(sites.make(A))
    with sites.browser(A) as browser:
        assert browser.get(LOGIN).status == 200


def test_an_application_that_is_down_shows_the_maintenance_page_of_that_environment_only(
    empty_edge: NginxEdge, sites: Sites
) -> None:
    with running_upstream("outra") as other:
        empty_edge.ensure_site(sites.make(A, upstream=other.url))
        empty_edge.ensure_site(sites.make(B))
        with sites.browser(A) as browser:
            assert browser.get(LOGIN).text == "outra"
    with sites.browser(A) as browser, sites.browser(B) as neighbour:
        answer = browser.get(LOGIN)
        assert (answer.status, answer.headers["retry-after"]) == (502, "300")
        assert "Sistema em manutenção" in answer.text
        assert neighbour.get(LOGIN).status == 200


def test_an_application_whose_name_does_not_resolve_is_one_tenants_trouble(empty_edge: NginxEdge, sites: Sites) -> None:
    empty_edge.ensure_site(sites.make(A, upstream="http://nao-existe.invalid:8080"))
    empty_edge.ensure_site(sites.make(B))
    with sites.browser(A) as browser, sites.browser(B) as neighbour:
        assert browser.get(LOGIN).status == 502
        assert neighbour.get(LOGIN).status == 200


# ---- changes, refusals, drift ----------------------------------------------------------------------------------------


def test_a_new_certificate_is_served_without_losing_a_request(
    empty_edge: NginxEdge, sites: Sites, authority: Authority
) -> None:
    site = sites.make(A)
    empty_edge.ensure_site(site)
    renewed = authority.issue(site.server_name)
    done, statuses = Event(), []

    def visit() -> None:
        while not done.is_set():
            with sites.browser(A) as browser:
                statuses.append(browser.get(LOGIN).status)

    visitor = Thread(target=visit)
    visitor.start()
    change = empty_edge.ensure_site(sites.make(A, chain_pem=renewed.chain_pem, key_pem=renewed.key_pem))
    done.set()
    visitor.join()
    assert change == Change(updated=1, details=(f"site {A}: certificado", f"site {A}: chave do certificado"))
    assert statuses
    assert set(statuses) == {200}
    served = _served_certificate(empty_edge, site)
    assert served == ssl.PEM_cert_to_DER_cert(
        renewed.chain_pem.partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    )


def _served_certificate(edge: NginxEdge, site: Site) -> bytes:
    with Browser(edge.address(site.environment)) as browser:
        connection = browser._connect()
        with connection:
            return connection.getpeercert(binary_form=True) or b""


@pytest.mark.parametrize("flaw", ["key of another", "not a certificate"])
def test_a_bad_certificate_is_refused_by_name_and_nobody_notices(
    empty_edge: NginxEdge, sites: Sites, authority: Authority, flaw: str
) -> None:
    empty_edge.ensure_site(sites.make(A))
    empty_edge.ensure_site(sites.make(B))
    before = snapshot(empty_edge.home)
    other = authority.issue("outro.example")
    bad = {"key_pem": other.key_pem} if flaw == "key of another" else {"chain_pem": "isto não é um certificado"}
    with pytest.raises(InvalidInputError, match=f"O nginx recusou a configuração do ambiente {B}") as refusal:
        empty_edge.ensure_site(sites.make(B, **bad))
    assert "PRIVATE KEY" not in repr(refusal.value)
    assert "Nada mudou" in str(refusal.value)
    assert snapshot(empty_edge.home) == before
    for slug in (A, B):
        with sites.browser(slug) as browser:
            assert browser.get(LOGIN).status == 200
    assert empty_edge.ensure_site(sites.make(B)) == Change(unchanged=1)


def test_a_bad_first_configuration_leaves_no_trace(empty_edge: NginxEdge, sites: Sites) -> None:
    with pytest.raises(InvalidInputError, match=A):
        empty_edge.ensure_site(sites.make(A, chain_pem="nada"))
    assert empty_edge.list_sites() == ()
    assert not live(empty_edge, f"sites/{A}.conf").exists()


def test_a_name_belongs_to_one_environment(empty_edge: NginxEdge, sites: Sites) -> None:
    empty_edge.ensure_site(sites.make(A))
    with pytest.raises(InvalidInputError, match=rf"já é do ambiente {A}"):
        empty_edge.ensure_site(sites.make(B, server_name=sites.make(A).server_name))


def test_an_upload_that_the_firewall_could_not_inspect_is_not_promised(empty_edge: NginxEdge, sites: Sites) -> None:
    with pytest.raises(InvalidInputError, match="pede envios de 5000 MB"):
        empty_edge.ensure_site(sites.make(A, max_upload_mb=5000))


@pytest.mark.parametrize(
    ("file", "named"),
    [
        (f"sites/{A}.conf", f"site {A}: configuração"),
        (f"sites/{A}.pem", f"site {A}: certificado"),
        (f"sites/{A}.key", f"site {A}: chave do certificado"),
        (f"pages/{A}.html", f"site {A}: página de manutenção"),
        ("waf/exclusions.conf", "regras do WAF: exclusions.conf"),
        ("nginx.conf", "configuração comum da borda: nginx.conf"),
    ],
)
@pytest.mark.parametrize("damage", ["edited", "deleted"])
def test_what_was_changed_by_hand_is_named_and_mended(
    empty_edge: NginxEdge, sites: Sites, file: str, named: str, damage: str
) -> None:
    site = sites.make(A)
    empty_edge.ensure_site(site)
    right = live(empty_edge, file).read_bytes()
    if damage == "edited":
        live(empty_edge, file).write_bytes(right + b"\n# acrescentado\n")
    else:
        live(empty_edge, file).unlink()
    with rehearsing():
        assert empty_edge.ensure_site(site) == Change(updated=1, details=(named,))
    assert (live(empty_edge, file).exists(), empty_edge.probe().serving) == (damage == "edited", True)
    assert empty_edge.ensure_site(site) == Change(updated=1, details=(named,))
    if file != "nginx.conf":  # it alone carries the number of its release
        assert live(empty_edge, file).read_bytes() == right
    assert empty_edge.ensure_site(site) == Change(unchanged=1)


def test_a_neighbours_file_broken_by_hand_stops_nobody(empty_edge: NginxEdge, sites: Sites) -> None:
    for slug in (A, B):
        empty_edge.ensure_site(sites.make(slug))
    live(empty_edge, f"sites/{A}.conf").write_text("server { isto não é nginx")
    (empty_edge.home / "declared" / f"{B}.json").write_text("{ nem isto")
    assert empty_edge.ensure_site(sites.make("edge-c-producao")).created == 1
    for slug in (A, B, "edge-c-producao"):
        with sites.browser(slug) as browser:
            assert browser.get(LOGIN).status == 200
    assert empty_edge.ensure_site(sites.make(B)) == Change(
        updated=1, details=(f"site {B}: registro do que foi declarado",)
    )


def test_a_rehearsal_names_the_change_and_makes_none(empty_edge: NginxEdge, sites: Sites) -> None:
    empty_edge.ensure_site(sites.make(A))
    before, link = snapshot(empty_edge.home), (empty_edge.home / "live").readlink()
    with rehearsing():
        assert empty_edge.ensure_site(sites.make(B)) == Change(created=1, details=(f"site {B}",))
        assert empty_edge.ensure_site(sites.make(A, maintenance=True)).details == (f"site {A}: fechado ao público",)
        assert empty_edge.remove_site(sites.make(A).environment) == Change(removed=1, details=(f"site {A}",))
    assert (snapshot(empty_edge.home), (empty_edge.home / "live").readlink()) == (before, link)
    with sites.browser(A) as browser:
        assert browser.get(LOGIN).status == 200


def test_a_removed_site_is_served_no_more_and_leaves_no_key(empty_edge: NginxEdge, sites: Sites) -> None:
    for slug in (A, B):
        empty_edge.ensure_site(sites.make(slug))
    name = EnvironmentName.parse(A)
    assert empty_edge.remove_site(name) == Change(removed=1, details=(f"site {A}",))
    assert empty_edge.remove_site(name) == Change()
    with sites.browser(A) as browser, pytest.raises(ssl.SSLError):
        browser.get(LOGIN)
    with sites.browser(B) as browser:
        assert browser.get(LOGIN).status == 200
    secret = sites.make(A).key_pem.get_secret_value().splitlines()[1]
    assert not [path for path, (content, _) in snapshot(empty_edge.home).items() if secret.encode() in content]


def test_keys_are_for_their_owner_alone_and_in_no_repr(empty_edge: NginxEdge, sites: Sites) -> None:
    site = sites.make(A)
    empty_edge.ensure_site(site)
    for path in (*(empty_edge.home / "declared").iterdir(), live(empty_edge, f"sites/{A}.key")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "PRIVATE" not in repr(site) + str(site) + repr(empty_edge.list_sites())


def test_who_closes_a_site_between_reading_and_writing_it_finds_it_closed(
    empty_edge: NginxEdge, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renewal read the site while it was open, and writes it after somebody closed it."""
    for switch in ("maintenance", "closed"):
        empty_edge.ensure_site(sites.make(A))
        renewed = sites.make(A, max_upload_mb=50)
        with monkeypatch.context() as patch:
            closing_meanwhile(patch, empty_edge, switch)
            assert empty_edge.ensure_site(renewed, keeping=("maintenance", "closed")).updated == 1
        (site,) = empty_edge.list_sites()
        assert site == renewed.model_copy(update={switch: True})
        with sites.browser(A) as browser:
            assert browser.get(LOGIN).status == 503


def closing_meanwhile(patch: pytest.MonkeyPatch, edge: NginxEdge, switch: str) -> None:
    """Let somebody else be the first to get the lock for which a change waits."""
    real = blocks.nginx_edge._wait_for_lock

    def slow(descriptor: int, home: Path) -> None:
        patch.setattr(blocks.nginx_edge, "_wait_for_lock", real)
        assert edge.switch_site(EnvironmentName.parse(A), **{switch: True}).updated == 1
        real(descriptor, home)

    patch.setattr(blocks.nginx_edge, "_wait_for_lock", slow)


def test_each_of_the_two_who_close_a_site_opens_only_what_it_closed(empty_edge: NginxEdge, sites: Sites) -> None:
    site = sites.make(A)
    empty_edge.ensure_site(site)

    def after(**switches: bool) -> int:
        empty_edge.switch_site(site.environment, **switches)
        assert empty_edge.switch_site(site.environment, **switches) == Change(unchanged=1)
        with sites.browser(A) as browser:
            return browser.get(LOGIN).status

    assert after(closed=True) == 503
    assert after(maintenance=True) == 503
    assert after(closed=False) == 503
    assert after(closed=True) == 503
    assert after(maintenance=False) == 503
    assert after(closed=False) == 200
    with rehearsing():
        assert empty_edge.switch_site(site.environment, closed=True).updated == 1
    assert empty_edge.list_sites() == (site,)
    with pytest.raises(InvalidInputError, match="não está declarado na borda"):
        empty_edge.switch_site(EnvironmentName.parse(B), closed=True)


def test_a_closed_site_whose_record_is_damaged_stays_closed(empty_edge: NginxEdge, sites: Sites) -> None:
    keeping: tuple[Switch, ...] = ("maintenance", "closed")
    for switch in keeping:
        for damage in ("{ nem isto", None):
            empty_edge.ensure_site(sites.make(A, **{switch: True}))
            record = empty_edge.home / "declared" / f"{A}.json"
            record.unlink() if damage is None else record.write_text(damage)
            empty_edge.ensure_site(sites.make(A, closed=switch == "closed"), keeping=keeping)
            assert empty_edge.list_sites() == (sites.make(A, **{switch: True}),)


def test_closing_and_opening_take_no_new_configuration_and_hold_for_connections_that_are_there(
    empty_edge: NginxEdge, sites: Sites, upstream: Upstream
) -> None:
    site = sites.make(A)
    empty_edge.ensure_site(site)
    before, link = processes_of(empty_edge), (empty_edge.home / "live").readlink()
    with sites.browser(A) as browser:
        for closed, status in ((True, 503), (False, 200), (True, 503)):
            empty_edge.switch_site(site.environment, closed=closed)
            upstream.received.clear()
            assert browser.get(LOGIN).status == status
            assert browser.request("POST", LOGIN, body=b"a" * 3_000_000).status == status, "as large as it may be"
            assert len(upstream.received) == (0 if closed else 2)
    assert (processes_of(empty_edge), (empty_edge.home / "live").readlink()) == (before, link)


def test_a_site_that_nobody_marked_as_open_is_closed_and_mended(empty_edge: NginxEdge, sites: Sites) -> None:
    """As a kill leaves it between the record and the mark, or somebody who empties the directory."""
    site = sites.make(A)
    empty_edge.ensure_site(site)
    (empty_edge.home / "open" / A).unlink()
    with sites.browser(A) as browser:
        assert browser.get(LOGIN).status == 503
        with rehearsing():
            assert empty_edge.ensure_site(site).details == (f"site {A}: aberto ao público",)
        assert empty_edge.ensure_site(site) == Change(updated=1, details=(f"site {A}: aberto ao público",))
        assert browser.get(LOGIN).status == 200
        empty_edge.switch_site(site.environment, maintenance=True)
        (empty_edge.home / "open" / A).touch()
        assert empty_edge.switch_site(site.environment, maintenance=True).updated == 1
        assert browser.get(LOGIN).status == 503


def test_a_site_closes_also_when_nothing_can_be_written(
    empty_edge: NginxEdge, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = sites.make(A)
    empty_edge.ensure_site(site)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(blocks.nginx_records, "write", full)
    with pytest.raises(RetryableError, match="No space left"):
        empty_edge.switch_site(site.environment, closed=True)
    with sites.browser(A) as browser:
        assert browser.get(LOGIN).status == 503
        monkeypatch.undo()
        empty_edge.switch_site(site.environment, closed=False)
        assert browser.get(LOGIN).status == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's nginx has workers of another user")
def test_workers_of_another_user_find_who_is_open_and_read_no_key(
    light_edge: NginxEdge, sites: Sites, authority: Authority, upstream: Upstream
) -> None:
    with tempfile.TemporaryDirectory() as above:
        Path(above).chmod(0o711)
        home = Path(above) / "edge"
        block = light_edge.model_copy(
            update={
                "home": home,
                **choose(("public_port", "http_port", "status_port"), ()),
                "challenge_dir": home / "challenges",
                "user": "daemon",
                "foreground": True,
            }
        )
        block.prepare()
        started = ["-e", "stderr", "-p", f"{home}/", "-c", str(block.configuration_file)]
        with subprocess.Popen([block.nginx, *started]) as nginx:
            try:
                assert comes_true(lambda: block.probe().serving, seconds=20, every=0.1)
                own = Sites(block, authority, upstream)
                block.ensure_site(own.make(A))
                with own.browser(A) as browser:
                    assert browser.get(LOGIN).status == 200
                    block.switch_site(own.make(A).environment, closed=True)
                    assert (browser.get(LOGIN).status, "em manutenção" in browser.get(LOGIN).text) == (503, True)
                secret = ["setpriv", "--reuid", "daemon", "--clear-groups", "cat", str(live(block, f"sites/{A}.key"))]
                assert subprocess.run(secret, capture_output=True, check=False).returncode != 0
            finally:
                nginx.terminate()


def test_the_firewall_stands_also_before_a_closed_site(full_edge: NginxEdge, sites: Sites) -> None:
    site = sites.make(A, closed=True)
    full_edge.ensure_site(site)
    results = tuple(probe_waf(full_edge.address(site.environment)))
    assert SegregationReport(environment=A, neighbour=None, results=results).problems() == []


# ---- at once, and killed ---------------------------------------------------------------------------------------------


def test_sites_that_are_made_at_once_are_all_there(empty_edge: NginxEdge, sites: Sites) -> None:
    slugs = [f"edge-{letter}-producao" for letter in "cdefgh"]
    made = [sites.make(slug) for slug in slugs]
    with ThreadPoolExecutor(max_workers=len(made)) as pool:
        changes = list(pool.map(empty_edge.ensure_site, made))
    assert [change.created for change in changes] == [1] * len(made)
    assert [site.slug for site in empty_edge.list_sites()] == slugs
    for slug in slugs:
        with sites.browser(slug) as browser:
            assert browser.get(LOGIN).status == 200
    assert [empty_edge.ensure_site(site).total for site in made] == [0] * len(made)


def test_a_run_that_was_killed_half_way_is_completed_by_the_next_one(empty_edge: NginxEdge, sites: Sites) -> None:
    """Killed after the new configuration was put in place and before nginx was told."""
    empty_edge.ensure_site(sites.make(B))
    site = sites.make(A)
    edge = empty_edge
    generation = edge._make_candidate({**edge._records.read_all(), A: site}, A)
    edge._records.write(A, site)
    edge._put_live(generation)
    shutil.copytree(edge.home / "live", edge.home / "releases" / "abandonada")
    assert not edge.probe().serving
    assert edge.probe().detail == "o nginx serve uma configuração anterior à gravada"
    details = (f"site {A}: configuração gravada, que o nginx ainda não servia", f"site {A}: aberto ao público")
    with rehearsing():
        assert edge.ensure_site(site) == Change(updated=1, details=details)
    assert edge.ensure_site(site) == Change(updated=1, details=details)
    for slug in (A, B):
        with sites.browser(slug) as browser:
            assert browser.get(LOGIN).status == 200
    assert [path.name for path in (edge.home / "releases").iterdir()] == [(edge.home / "live").readlink().name]


def test_a_killed_nginx_is_brought_back_with_every_site(
    full_edge: NginxEdge, sites: Sites, edge_state: LabState
) -> None:
    """Its workers go on serving, and hold the port."""
    full_edge.ensure_site(sites.make(A))
    master = psutil.Process(int(full_edge.pid_file.read_text()))
    workers = master.children()
    master.kill()
    psutil.wait_procs([master], timeout=5)
    assert all(worker.is_running() for worker in workers)
    with pytest.raises(RetryableError, match="O nginx da borda não está no ar"):
        full_edge.ensure_site(sites.make(B))
    assert not live(full_edge, f"sites/{B}.conf").exists()
    up(edge_state.lab_dir, services=["edge"])
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    assert full_edge.ensure_site(sites.make(A)) == Change(unchanged=1)
    assert full_edge.ensure_site(sites.make(B)).created == 1
    for slug in (A, B):
        with sites.browser(slug) as browser:
            assert browser.get(LOGIN).status == 200


def test_the_lab_stops_its_nginx_and_no_other_and_starts_it_with_its_sites(
    full_edge: NginxEdge, sites: Sites, edge_state: LabState
) -> None:
    full_edge.ensure_site(sites.make(A))
    started = time.monotonic()
    assert down(edge_state.lab_dir) == ("edge",)
    assert processes_of(full_edge) == []
    up(edge_state.lab_dir, services=["edge"])
    assert time.monotonic() - started < 20
    (state,) = [service for service in status(edge_state.lab_dir) if service.service == "edge"]
    assert state.state == "running"
    with sites.browser(A) as browser:
        assert browser.get(LOGIN).status == 200


def test_fifty_sites_are_taken_over_in_seconds(full_edge: NginxEdge, sites: Sites) -> None:
    """Rules are loaded once for all: the fiftieth site costs what the first did, but for its own few lines."""
    template = sites.make(A)
    prepared = {
        f"edge-n{number}-producao": template.model_copy(
            update={
                "environment": EnvironmentName.parse(f"edge-n{number}-producao"),
                "server_name": f"edge-n{number}-producao.{full_edge.public_domain}",
            }
        )
        for number in range(49)
    }
    # As if other runs had been killed before they told nginx: the next one brings their sites along.
    for slug, site in prepared.items():
        full_edge._records.write(slug, site)
    started = time.monotonic()
    assert full_edge.ensure_site(template).created == 1
    seconds = time.monotonic() - started
    with sites.browser(A) as browser:
        assert browser.get(LOGIN).status == 200
    master = psutil.Process(int(full_edge.pid_file.read_text()))
    resident_mb = max(worker.memory_info().rss for worker in master.children()) / 1024**2
    # Measured with eight runs at once on two cores: 2.8 s, 56 MB. A copy of the rules a site: 1.7 GB (baselines, E).
    assert seconds < 15
    assert resident_mb < 150


# ---- what does not become a site -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"server_name": "a.example; } server {"},
        {"server_name": "A.example"},
        {"upstream": "http://127.0.0.1:80/; evil"},
        {"upstream": "ftp://127.0.0.1"},
        {"upstream_host": "host\nX: y"},
        {"max_upload_mb": 0},
    ],
)
def test_what_could_break_out_of_a_configuration_file_is_no_site(sites: Sites, changes: dict[str, object]) -> None:
    fields = sites.make(A).model_dump()
    with pytest.raises(ValidationError):
        Site.model_validate(fields | changes)


def test_an_edge_that_was_never_prepared_says_what_to_do(tmp_path: Path, sites: Sites) -> None:
    edge = make_block(tmp_path / "nada", 1, 2, 3)
    with pytest.raises(RetryableError, match="A borda ainda não foi preparada"):
        edge.ensure_site(sites.make(A))
    assert edge.probe().detail == "o nginx não responde"
