"""A private MariaDB for the registry's tests: each test gets its own schema and its own user."""

import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pymysql
import pytest
from pymysql.cursors import Cursor
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from registry import Registry, migrate


class Server:
    """One mariadbd in a directory of its own, which a test may stop and start."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={directory / 'data'}", "--user=root",
             "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"],
            check=True,
            capture_output=True,
        )  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["mariadbd", "--no-defaults", f"--datadir={self._directory / 'data'}", "--user=root",
                 f"--socket={self._directory / 's'}", f"--port={self.port}", "--bind-address=127.0.0.1",
                 "--skip-name-resolve"],
                stdout=log,
                stderr=log,
            )  # fmt: skip
        self._wait()

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=30)
            self._process = None

    @contextmanager
    def root(self) -> Iterator[Cursor]:
        """A cursor of the server's administrator."""
        with pymysql.connect(host="127.0.0.1", port=self.port, user="root", autocommit=True) as connection:
            yield connection.cursor()

    @retry(retry=retry_if_exception_type(pymysql.err.OperationalError), stop=stop_after_delay(30), wait=wait_fixed(0.1))
    def _wait(self) -> None:
        with self.root():
            pass


class Schema(NamedTuple):
    """An empty schema and the account that may do anything in it, as the lab gives to the registry."""

    server: Server
    name: str
    password: str

    @property
    def url(self) -> str:
        """The address to give to the registry."""
        return f"mysql+pymysql://{self.name}:{self.password}@127.0.0.1:{self.server.port}/{self.name}"

    @contextmanager
    def raw(self) -> Iterator[Cursor]:
        """Raw SQL with the registry's own account."""
        with pymysql.connect(
            host="127.0.0.1",
            port=self.server.port,
            user=self.name,
            password=self.password,
            database=self.name,
            charset="utf8mb4",
            autocommit=True,
        ) as connection:
            yield connection.cursor()

    def empty(self) -> None:
        """Throw away everything in it."""
        with self.server.root() as root:
            root.execute(f"DROP DATABASE {self.name}")
            root.execute(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The MariaDB of this test session."""
    directory = Path(tempfile.mkdtemp(prefix="reg-"))
    running = Server(directory)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(directory)


@contextmanager
def _new_schema(server: Server) -> Iterator[Schema]:
    given = Schema(server, f"implanta_{secrets.token_hex(4)}", secrets.token_hex(8))
    with server.root() as root:
        root.execute(f"CREATE DATABASE {given.name} CHARACTER SET utf8mb4")
        root.execute(f"CREATE USER {given.name}@'127.0.0.1' IDENTIFIED BY '{given.password}'")
        root.execute(f"GRANT ALL ON {given.name}.* TO {given.name}@'127.0.0.1'")
    yield given
    with server.root() as root:
        root.execute(f"DROP DATABASE {given.name}")
        root.execute(f"DROP USER {given.name}@'127.0.0.1'")


@pytest.fixture
def schema(server: Server) -> Iterator[Schema]:
    """An empty schema of this test alone."""
    with _new_schema(server) as given:
        yield given


@pytest.fixture
def migrated(schema: Schema) -> Schema:
    """A schema with the registry's structure."""
    migrate(schema.url)
    return schema


@pytest.fixture
def registry(migrated: Schema) -> Iterator[Registry]:
    """An empty registry."""
    opened = Registry(migrated.url)
    yield opened
    opened.dispose()


@pytest.fixture
def another_registry(server: Server) -> Iterator[Registry]:
    """A second registry on the same server, not migrated."""
    with _new_schema(server) as given:
        opened = Registry(given.url)
        yield opened
        opened.dispose()
