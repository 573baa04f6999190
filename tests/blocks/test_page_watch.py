"""Many pages at once over real TLS: what each answers, and how long all of them may take."""

import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from blocks.certificate_authority import InternalCA
from blocks.edge import EdgeAddress
from blocks.page_watch import look_at_pages
from domain.certificate import CertificateRule
from domain.monitoring.facts import PageSeen

RULE = CertificateRule(validity_days=40, renewal_margin_days=10, warning_margin_days=10, key_type="ecdsa-p256")
PAGES = {
    "bem": (200, "<input id=txtUsuario>"),
    "manutencao": (503, "<h1>Em manuten\u00e7\u00e3o</h1>"),
    "outra": (200, "It works!"),
    "quebrada": (502, "Bad Gateway"),
}
SLOW_SECONDS = 3


class Server(ThreadingHTTPServer):
    """Answers by the host that is asked for, with the certificate of the name in the handshake."""

    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that refuses a certificate is no news."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = self.headers["Host"].partition(".")[0]
        if name.startswith("lenta"):
            time.sleep(SLOW_SECONDS)
        status, text = PAGES.get(name, PAGES["bem"])
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nothing is written."""


@pytest.fixture(scope="module")
def authority() -> InternalCA:
    return InternalCA.generate("Autoridade de teste", datetime.now(UTC) - timedelta(days=100))


@pytest.fixture(scope="module")
def address(authority: InternalCA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeAddress]:
    home = tmp_path_factory.mktemp("paginas")
    contexts = {
        "vencida": _context(authority, home, "vencida.sei.exemplo", datetime.now(UTC) - timedelta(days=50)),
        "alheia": _context(authority, home, "de-outro.sei.exemplo", datetime.now(UTC)),
    }
    usual = _context(authority, home, "*.sei.exemplo", datetime.now(UTC))

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = contexts.get((name or "").partition(".")[0], usual)

    usual.sni_callback = choose
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = usual.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    roots = home / "raiz.pem"
    roots.write_text(authority.trust_anchors())
    yield EdgeAddress(connect_to=f"https://127.0.0.1:{server.server_port}", host="x.sei.exemplo", ca_file=roots)
    server.shutdown()
    server.server_close()


def _context(authority: InternalCA, home: Path, name: str, since: datetime) -> ssl.SSLContext:
    issued = authority.issue([name], RULE, since)
    file = home / f"{name.replace('*', 'todos')}.pem"
    file.write_text(issued.chain_pem + issued.key_pem.get_secret_value())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def look(
    address: EdgeAddress, *names: str, each: float = 5, in_all: float = 20, at_once: int = 20
) -> dict[str, PageSeen]:
    hosts = {name: address.model_copy(update={"host": f"{name}.sei.exemplo"}) for name in names}
    return look_at_pages(hosts, at_once=at_once, seconds_each=each, seconds_in_all=in_all)


def test_each_page_is_told_for_what_it_is(address: EdgeAddress) -> None:
    found = look(address, *PAGES)
    assert {name: (page.signs_in, page.maintenance, page.problem) for name, page in found.items()} == {
        "bem": (True, False, ""),
        "manutencao": (False, True, ""),
        "outra": (False, False, "HTTP 200 em lugar da página de entrada"),
        "quebrada": (False, False, "HTTP 502 em lugar da página de entrada"),
    }
    until = found["bem"].certificate_until
    assert until is not None
    assert timedelta(days=39) < until - datetime.now(UTC) <= timedelta(days=40)


@pytest.mark.parametrize(
    ("name", "said"), [("vencida", "o certificado venceu"), ("alheia", "o certificado é de outro nome")]
)
def test_a_certificate_that_a_browser_refuses_is_told_as_the_reason(address: EdgeAddress, name: str, said: str) -> None:
    page = look(address, name)[name]
    assert (page.problem, page.certificate_problem, page.signs_in) == (said, said, False)


def test_an_authority_that_nobody_trusts_and_a_port_that_nobody_listens_on(
    address: EdgeAddress, tmp_path: Path
) -> None:
    other = tmp_path / "outra.pem"
    other.write_text(InternalCA.generate("Outra", datetime.now(UTC)).trust_anchors())
    page = look(address.model_copy(update={"ca_file": other}), "bem")["bem"]
    assert page.certificate_problem == "a autoridade do certificado não é reconhecida"
    gone = look(address.model_copy(update={"connect_to": "https://127.0.0.1:1"}), "bem")["bem"]
    assert (gone.problem, gone.certificate_problem) == ("sem conexão", "")


def test_one_that_hangs_costs_its_own_time_and_nobody_elses(address: EdgeAddress) -> None:
    began = time.monotonic()
    found = look(address, "lenta", *(f"bem-{number}" for number in range(40)), each=1)
    assert time.monotonic() - began < SLOW_SECONDS
    assert found["lenta"].problem == "sem resposta em 1 s"
    assert sum(page.signs_in for page in found.values()) == 40


def test_all_of_them_end_in_time_and_who_was_not_reached_is_missing(address: EdgeAddress) -> None:
    names = [f"lenta-{number}" for number in range(12)]
    began = time.monotonic()
    found = look(address, *names, each=30, in_all=SLOW_SECONDS + 1.5, at_once=4)
    assert time.monotonic() - began < SLOW_SECONDS + 3
    assert len(found) == 4
    assert all(page.signs_in for page in found.values())


def test_nobody_to_look_at_is_nothing() -> None:
    assert look_at_pages({}, at_once=1, seconds_each=1, seconds_in_all=1) == {}
