"""Pages that are not those of the lab: what a browser makes of them."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest
from pydantic import SecretStr

from blocks import http_client
from blocks.runtime import ServiceAddress
from blocks.sei_browser import PROCESSES, SeiBrowser
from domain.errors import ImplantaError, IntegrityError, RetryableError


class Pages(BaseHTTPRequestHandler):
    """Answers every request with the page of the test."""

    status, body = 200, b""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:  # the library's name
        self.asked.append(self.path)
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html; charset=iso-8859-1")
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def browser() -> Iterator[SeiBrowser]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    with SeiBrowser(ServiceAddress(connect_to=f"http://{address}", host=address)) as made:
        yield made
    server.shutdown()
    server.server_close()


NOTICE = '<?xml version="1.0" encoding="iso-8859-1"?><html><p class="aviso">Usuário não tem permissão.</p></html>'


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (200, NOTICE.encode("latin1"), IntegrityError, r"Usuário não tem permissão \(HTTP 200\)"),
        (403, NOTICE.encode("latin1"), IntegrityError, r"Usuário não tem permissão \(HTTP 403\)"),
        (503, NOTICE.encode("latin1"), RetryableError, r"Usuário não tem permissão \(HTTP 503\)"),
        (200, b" \n", IntegrityError, r"a página não diz por quê \(HTTP 200\)"),
        (200, b"\x00\xff\xfe", IntegrityError, r"a página não diz por quê \(HTTP 200\)"),
    ],
)
def test_a_page_that_is_not_the_one_is_told_with_what_it_says(
    browser: SeiBrowser,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
    kind: type[Exception],
    message: str,
) -> None:
    monkeypatch.setattr(Pages, "status", status)
    monkeypatch.setattr(Pages, "body", body)
    assert not browser.sign_in("alguem", SecretStr("senha"))
    with pytest.raises(kind, match=message):
        browser.require_sign_in("alguem", SecretStr("senha"))


@pytest.mark.parametrize(
    ("status", "kind", "fix"),
    [
        (429, RetryableError, "Confira a borda"),
        (500, IntegrityError, "logs"),
        (502, RetryableError, "Confira a borda"),
        (504, RetryableError, "Confira a borda"),
    ],
)
def test_a_server_that_broke_or_is_not_reached_refuses_nobody(
    browser: SeiBrowser, monkeypatch: pytest.MonkeyPatch, status: int, kind: type[ImplantaError], fix: str
) -> None:
    monkeypatch.setattr(http_client, "PATIENCE_SECONDS", 1)
    monkeypatch.setattr(Pages, "status", status)
    for sign_in in (browser.sign_in, browser.require_sign_in):
        with pytest.raises(kind, match=rf"\(HTTP {status}\).*{fix}"):
            sign_in("alguem", SecretStr("senha"))


def list_with(process: str, link: str) -> bytes:
    """The list of processes with one in it."""
    cells = f"<td><a href='{link}'>{process}</a></td><td>Tipo</td><td>Teste</td>"
    return f"<table><tbody><tr>{cells}</tr></tbody></table>".encode("latin1")


def test_links_are_found_by_their_action_whatever_hash_they_carry(
    browser: SeiBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = "controlador.php?acao=procedimento_trabalhar&infra_hash=abc"
    monkeypatch.setattr(Pages, "body", list_with("17.1/2026-0", link))
    assert browser.list_processes("Teste") == ["17.1/2026-0"]
    assert browser.list_documents("17.1/2026-0") == []
    with pytest.raises(IntegrityError, match=r"O processo 17\.2/2026-0 não abriu: a página não oferece protocolo_pes"):
        browser.list_documents("17.2/2026-0")
    with pytest.raises(IntegrityError, match="O documento não foi incluído: a página não oferece documento_gerar"):
        browser.include_document("17.1/2026-0", (), "descrição", "texto")


def test_what_is_read_is_asked_for_anew_and_what_is_done_is_done_from_the_page_that_is_open(
    browser: SeiBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, unoffered = "/controlador.php?acao=procedimento_trabalhar&id_procedimento=1", "não oferece documento_gerar"
    monkeypatch.setattr(Pages, "body", list_with("17.1", process))
    monkeypatch.setattr(Pages, "asked", [])
    assert browser.list_processes("Teste") == ["17.1"]
    assert browser.list_documents("17.1") == []
    assert browser.list_documents("17.1") == []
    with pytest.raises(IntegrityError, match=unoffered):
        browser.include_document("17.1", (), "descrição", "texto")
    assert Pages.asked == [PROCESSES, PROCESSES, process, process], "twice read, and not asked for again to act on it"
    monkeypatch.setattr(Pages, "status", 500)
    with pytest.raises(IntegrityError):
        browser.list_documents("17.1")
    with pytest.raises(IntegrityError):
        browser.include_document("17.1", (), "descrição", "texto")
    assert Pages.asked[4:] == [process, process], "a page that did not open is none that is open"
