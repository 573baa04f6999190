"""A Moodle that really listens, and the block that an operator would fill in for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr

from blocks.training_moodle import MoodlePlatform
from domain.calendar import BRASILIA
from lab.moodle_standin.server import serving
from lab.moodle_standin.store import Store
from lab.ports import choose

TOKEN = SecretStr("8c1f7d2e90b14a6f8d3c5e7a9b0c1d2e")
USE, ADMINISTER = "sei-usar", "sei-administrar"
ANA, BIA, CAIO = "ana.lima", "bia.reis", "caio.melo"
MARCH_2 = datetime(2026, 3, 2, 15, 30, tzinfo=BRASILIA)
MARCH_9 = datetime(2026, 3, 9, 9, 0, tzinfo=BRASILIA)


@dataclass
class Site:
    """The stand-in as it runs."""

    url: str
    store: Store


@dataclass
class Answering:
    """A server that answers everything alike, and what it was asked."""

    url: str
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def block(self) -> MoodlePlatform:
        return MoodlePlatform(url=self.url, token=TOKEN, timeout_seconds=5)


@contextmanager
def answering(status: int, *bodies: bytes) -> Iterator[Answering]:
    """A server that gives these answers in turn, and the last one again, as a broken one or a proxy in between does."""
    asked = Answering("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.paths.append(self.path)
            asked.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            body = bodies[min(len(asked.paths), len(bodies)) - 1]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    asked.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    store = Store(tmp_path_factory.mktemp("moodle") / "moodle.sqlite")
    (port,) = choose(["moodle"], avoid=()).values()
    with serving(store, port) as url:
        yield Site(url, store)


@pytest.fixture
def site(running_site: Site) -> Site:
    """A site with our token and nobody in it."""
    running_site.store.clear()
    running_site.store.add_token(TOKEN.get_secret_value())
    return running_site


@pytest.fixture
def moodle(site: Site) -> MoodlePlatform:
    return MoodlePlatform(url=site.url, token=TOKEN)


@pytest.fixture
def class_of_three(site: Site) -> Store:
    """The course, and three people who opened it on 2 March and have not finished."""
    site.store.add_course(USE, "SEI Usar", criteria=("Leitura", "Prova"))
    site.store.add_people([ANA, BIA, CAIO])
    site.store.enrol(USE, [ANA, BIA, CAIO], accessed_at=MARCH_2)
    return site.store


@pytest.fixture
def state_file(tmp_path: Path) -> Path:
    return tmp_path / "moodle.sqlite"
