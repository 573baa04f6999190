"""The page of passwords as the public reaches it: by the environment's own address, through the firewall."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from blocks.nginx_edge import NginxEdge
from blocks.ssc import SecuritySystem
from gateway.access import FIELD_NAMES
from gateway.form_tokens import FIELD
from lab.edge import make_block
from lab.state import LabState
from tasks import doors
from tests.edge.certificates import Authority
from tests.edge.client import Answer, Browser
from tests.edge.conftest import Sites, authority, upstream
from tests.edge.corpus import FORM
from tests.edge.upstream import Upstream
from tests.gateway.conftest import CHOSEN, ENVIRONMENT, MARIA, Serve, accepts, only_ldap
from tests.waiting import wait_until

__all__ = ["authority", "upstream"]

PAGE = f"/acesso/{ENVIRONMENT.slug}/senha"
# Each part of it is an attack to some rule of the firewall.
LIKE_AN_ATTACK = "'; DROP TABLE usuario-- ${jndi:ldap://x} <script>%{# /etc/passwd"

pytestmark = only_ldap


@pytest.fixture
def edge(lab_state: LabState, authority: Authority, served: Serve) -> NginxEdge:
    """The lab's edge, that leads to a gateway of this test."""
    gateway = served(proxies=("127.0.0.1",))
    state = lab_state.edge
    ca_file = state.home / "autoridade-dos-testes.pem"
    ca_file.write_text(authority.pem)
    url = str(gateway.client.base_url).rstrip("/")
    return make_block(state.home, state.port, state.http_port, state.status_port, ca_file, gateway_url=url)


@pytest.fixture
def browser(edge: NginxEdge, authority: Authority, upstream: Upstream) -> Iterator[Browser]:
    """A visitor of the environment's public address."""
    sites = Sites(edge, authority, upstream)
    edge.ensure_site(sites.make(ENVIRONMENT.slug))
    upstream.received.clear()
    with sites.browser(ENVIRONMENT.slug) as visitor:
        yield visitor
    edge.remove_site(ENVIRONMENT)


def send(browser: Browser, current: str, new: str, login: str = MARIA.uid) -> Answer:
    opened = browser.get(PAGE)
    assert opened.status == 200
    cookie = opened.headers["set-cookie"].partition(";")[0]
    form = {
        FIELD_NAMES["login"]: login,
        FIELD_NAMES["current"]: current,
        FIELD_NAMES["new"]: new,
        FIELD_NAMES["repeated"]: new,
        FIELD: opened.text.partition(f'name="{FIELD}" value="')[2].partition('"')[0],
    }
    headers = {"Content-Type": FORM, "Cookie": cookie, "Origin": f"https://{browser.host}"}
    return browser.request("POST", PAGE, headers=headers, body=urlencode(form).encode())


def test_the_password_is_changed_and_the_application_never_sees_it(
    browser: Browser, upstream: Upstream, ssc: SecuritySystem, provisional: str
) -> None:
    answer = send(browser, provisional, CHOSEN)
    assert (answer.status, answer.headers["location"]) == (303, f"/acesso/{ENVIRONMENT.slug}/concluido")
    assert browser.get(answer.headers["location"]).status == 200
    assert accepts(ssc, CHOSEN)
    assert upstream.received == []


def test_a_password_that_looks_like_an_attack_passes_whole(
    browser: Browser, ssc: SecuritySystem, provisional: str
) -> None:
    assert send(browser, provisional, LIKE_AN_ATTACK).status == 303
    assert send(browser, LIKE_AN_ATTACK, CHOSEN).status == 303
    assert accepts(ssc, CHOSEN)


@pytest.mark.parametrize(
    "login", ["maria' OR '1'='1", "<script>alert(1)</script>", "${jndi:ldap://x/a}", "../../etc/passwd"]
)
def test_an_attack_on_the_form_is_stopped_and_its_password_is_in_no_log(
    browser: Browser, lab_state: LabState, provisional: str, login: str
) -> None:
    answer = send(browser, provisional, f"Segredo-{LIKE_AN_ATTACK}", login=login)
    assert answer.status == 403
    code = answer.text.partition("<code>")[2].partition("</code>")[0]
    logs = lab_state.edge.log_dir
    wait_until(lambda: code in (logs / "audit.log").read_text(errors="replace"), "the firewall has written it down")
    said = "".join(path.read_text(errors="replace") for path in logs.iterdir())
    for secret in (provisional, "Segredo-", "DROP TABLE usuario-- "):
        assert secret not in said


def test_a_body_larger_than_the_form_does_not_even_reach_the_page(browser: Browser) -> None:
    body = b"txtUsuario=" + b"x" * 17_000
    assert browser.request("POST", PAGE, headers={"Content-Type": FORM}, body=body).status == 413


def test_one_environments_address_leads_to_no_other_environments_page(browser: Browser, upstream: Upstream) -> None:
    for path in ("/acesso/olhos-dagua-producao/senha", "/acesso/", "/saude", "/webhooks/rh"):
        assert browser.get(path).text == "aplicação", path
    assert browser.get("/acesso/estilo.css").headers["content-type"].startswith("text/css")
    assert len(upstream.received) == 4


def test_the_pages_own_headers_reach_the_public(browser: Browser) -> None:
    headers = browser.get(PAGE).headers
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["set-cookie"].startswith("__Secure-acesso=")


def test_passwords_are_changed_while_sei_is_in_maintenance(
    edge: NginxEdge, authority: Authority, upstream: Upstream, provisional: str
) -> None:
    sites = Sites(edge, authority, upstream)
    edge.ensure_site(sites.make(ENVIRONMENT.slug, maintenance=True))
    try:
        with sites.browser(ENVIRONMENT.slug) as browser:
            assert browser.get("/sei/").status == 503
            assert send(browser, provisional, CHOSEN).status == 303
    finally:
        edge.remove_site(ENVIRONMENT)


def test_the_programmes_edge_knows_the_address_for_the_e_mail(edge: NginxEdge, lab_state: LabState) -> None:
    public = f"https://{ENVIRONMENT.slug}.sei.localhost:{lab_state.edge.port}"
    assert doors.edge().access_url(ENVIRONMENT) == f"{public}/acesso/{ENVIRONMENT.slug}/primeiro-acesso"
    assert edge.model_copy(update={"gateway_url": None}).access_url(ENVIRONMENT) is None
