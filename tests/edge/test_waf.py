"""What the firewall stops and what it lets through, request by request, against the real nginx."""

from collections import Counter
from collections.abc import Iterator

import pytest

from blocks.nginx_edge import NginxEdge
from lab.state import LabState
from tests.edge.client import Browser
from tests.edge.conftest import Sites
from tests.edge.corpus import EDITOR, FORM, SESSION, Entry, read_corpus, send
from tests.edge.upstream import Upstream
from tests.waiting import wait_until

SLUG = "rio-doce-producao"
# nginx itself refuses what is not HTTP (400, 405, 414, 501) or closes the connection (0); the WAF says 400, 403, 413.
STOPPED = {0, 400, 403, 405, 413, 414, 421, 501}
CATEGORIES = {"sqli", "xss", "lfi", "rfi", "rce", "php", "java", "session_fixation", "scanner", "protocol"}
PLACES = {"query", "form", "cookie", "header", "user_agent", "json", "soap_argument", "xml", "file_name", "editor"}


@pytest.fixture(scope="module")
def browser(edge: NginxEdge, sites: Sites) -> Iterator[Browser]:
    """A visitor of one environment."""
    edge.ensure_site(sites.make(SLUG))
    with sites.browser(SLUG) as visitor:
        yield visitor
    edge.remove_site(sites.make(SLUG).environment)


def test_every_attack_is_stopped_and_none_reaches_the_application(browser: Browser, upstream: Upstream) -> None:
    attacks = read_corpus("attacks")
    assert len(attacks) >= 150
    assert {attack.category for attack in attacks} == CATEGORIES
    assert {attack.place for attack in attacks} >= PLACES
    upstream.received.clear()
    passed = [
        (answer.status, attack.label) for attack in attacks if (answer := send(browser, attack)).status not in STOPPED
    ]
    assert not passed, "\n".join(f"{status} {label}" for status, label in passed)
    assert upstream.received == []


def test_what_people_and_systems_send_all_day_passes_whole(browser: Browser, upstream: Upstream) -> None:
    legitimate = read_corpus("legitimate")
    assert len(legitimate) >= 100
    assert Counter(entry.place for entry in legitimate)["editor"] >= 30
    assert max(entry.size_mb for entry in legitimate) >= 30
    upstream.received.clear()
    stopped = [(answer.status, entry.label) for entry in legitimate if (answer := send(browser, entry)).status != 200]
    assert not stopped, "\n".join(f"{status} {label}" for status, label in stopped)
    assert len(upstream.received) == len(legitimate)
    assert max(request.body_bytes for request in upstream.received) > 30 * 1024**2


def test_what_only_the_editor_may_send_is_stopped_anywhere_else(browser: Browser) -> None:
    table = b"<table style='x:y'><tr><td>select 1 from t</td></tr></table>".replace(b" ", b"+").replace(b"'", b"%27")
    headers = {"Content-Type": FORM}
    assert browser.request("POST", EDITOR, headers=headers, body=b"txaEditor_7=" + table).status == 200
    for target, field in (
        (f"/sei/controlador.php?acao=procedimento_gerar&{SESSION}", b"txaEditor_7"),
        ("/sip/login.php?sigla_sistema=SEI", b"txaEditor_7"),
        (EDITOR, b"txaEditor_7_x"),
        (EDITOR, b"txaConteudo"),
        (f"/sei/controlador.php?acao=procedimento_gerar&{SESSION}", b"txaConteudo"),
    ):
        assert browser.request("POST", target, headers=headers, body=field + b"=" + table).status == 403, target


def test_a_blocked_sign_in_leaves_its_password_in_no_log(browser: Browser, edge_state: LabState) -> None:
    password = "Segredo-da-Maria' OR 1=1--<script>"
    body = f"txtUsuario=maria' OR '1'='1&pwdSenha={password}&pwdSenhaNova={password}".replace(" ", "+").encode()
    answer = browser.request(
        "POST",
        "/sip/login.php?sigla_sistema=SEI",
        headers={"Content-Type": FORM, "Cookie": "PHPSESSID=sessao-da-maria"},
        body=body,
    )
    assert answer.status == 403
    code = answer.text.partition("<code>")[2].partition("</code>")[0]
    assert len(code) == 32
    logs = _logs_with(edge_state, code)
    assert 'id "942100"' in logs, "what was found is on record"
    for secret in ("Segredo-da-Maria", "sessao-da-maria"):
        assert secret not in logs


def test_a_password_that_looks_like_an_attack_is_a_password(browser: Browser) -> None:
    body = b"txtUsuario=maria.souza&pwdSenha=%27+OR+1%3D1--%3Cscript%3E%24%7Bx&selOrgao=0"
    assert browser.request("POST", "/sip/login.php", headers={"Content-Type": FORM}, body=body).status == 200


def test_the_answer_to_a_blocked_request_tells_people_what_to_do(browser: Browser) -> None:
    answer = send(browser, Entry(place="query", text="' OR 1=1-- "))
    assert answer.status == 403
    assert "Pedido recusado por segurança" in answer.text
    assert "nginx" not in answer.text + answer.headers["server"].removeprefix("nginx")


def test_a_refusal_of_the_application_itself_is_handed_on(browser: Browser) -> None:
    answer = browser.get("/recusa")
    assert (answer.status, answer.text) == (403, "aplicação")


def _logs_with(state: LabState, code: str) -> str:
    """All logs, once the firewall has written the request's record: it does so after it has answered."""
    audit = state.edge.log_dir / "audit.log"
    wait_until(lambda: code in audit.read_text(errors="replace"), f"{code} is in the audit log")
    logs = [*state.edge.log_dir.iterdir(), state.lab_dir / "log" / "edge.log"]
    return "".join(path.read_text(errors="replace") for path in logs)
