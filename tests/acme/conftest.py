"""An ACME authority and the edge that it asks, both over real sockets; each test has an authority without a past."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import acme.client
import pytest

from blocks.acme_issuer import AcmeIssuer
from blocks.catalog import Catalog
from blocks.certificate_authority import InternalCA
from domain.certificate import CertificateRule
from lab.acme_standin.authority import AcmeAuthority
from lab.acme_standin.server import serving
from lab.ports import choose

PATH = "/.well-known/acme-challenge/"

MakeIssuer = Callable[..., AcmeIssuer]


class Edge:
    """Serves one directory at the well-known path, as nginx does, and remembers what was asked of which host."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.asked: list[tuple[str, str]] = []
        edge = self

        class Handler(SimpleHTTPRequestHandler):
            def translate_path(self, path: str) -> str:
                edge.asked.append((self.headers["Host"], path))
                return str(directory / path.removeprefix(PATH)) if path.startswith(PATH) else str(directory / "nada")

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    directory = tmp_path / "desafios"
    directory.mkdir()
    made = Edge(directory)
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(scope="session")
def rule() -> CertificateRule:
    return Catalog().certificates()


@pytest.fixture(scope="session")
def web_ca() -> InternalCA:
    """The authority that the ACME server signs with."""
    return InternalCA.generate("AC de teste", datetime.now(tz=UTC))


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory, rule: CertificateRule) -> tuple[Path, Path, Path]:
    """Certificate, key and root of the ACME server itself."""
    directory = tmp_path_factory.mktemp("acme-tls")
    now = datetime.now(tz=UTC)
    own_ca = InternalCA.generate("AC do servidor ACME", now)
    made = own_ca.issue(["127.0.0.1"], rule, now)
    paths = (directory / "servidor.pem", directory / "servidor.key", directory / "raiz.pem")
    for path, text in zip(
        paths, (made.chain_pem, made.key_pem.get_secret_value(), own_ca.root_certificate), strict=True
    ):
        path.write_text(text)
    return paths


@pytest.fixture(scope="session")
def server(web_ca: InternalCA, tls: tuple[Path, Path, Path]) -> Iterator[tuple[AcmeAuthority, str]]:
    """One server for the session; `authority` gives each test a fresh one behind it."""
    certificate, key, ca_file = tls
    authority = AcmeAuthority(web_ca, "http://127.0.0.1:9")
    (port,) = choose(["acme"], avoid=()).values()
    with serving(authority, port, certificate=certificate, key=key, ca_file=ca_file) as address:
        yield authority, address


@pytest.fixture
def authority(server: tuple[AcmeAuthority, str], edge: Edge) -> AcmeAuthority:
    running, _ = server
    running.start_over(edge.address)
    return running


@pytest.fixture(autouse=True)
def no_second_of_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library sleeps a second before it looks whether an order is ready; these tests have thirty orders."""
    monkeypatch.setattr(acme.client, "time", SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, 0.02))))


@pytest.fixture
def make_issuer(
    authority: AcmeAuthority,
    server: tuple[AcmeAuthority, str],
    tls: tuple[Path, Path, Path],
    web_ca: InternalCA,
    edge: Edge,
    tmp_path: Path,
) -> MakeIssuer:
    """Build the block as an operator would fill it in for that server."""
    anchors = tmp_path / "raizes.pem"
    anchors.write_text(web_ca.root_certificate)
    account_key = AcmeIssuer.new_account_key()

    def make(**other: object) -> AcmeIssuer:
        return AcmeIssuer.model_validate(
            {
                "directory_url": server[1],
                "contact": "certificados@exemplo.mg.gov.br",
                "account_key": account_key,
                "challenge_dir": edge.directory,
                "ca_file": tls[2],
                "anchors_file": anchors,
                "timeout_seconds": 10,
                **other,
            }
        )

    return make
