"""A private MariaDB for the reference tests, a fresh schema for each test, and the official dumps if there are any."""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pymysql
import pytest
from pydantic import SecretStr
from pymysql.cursors import Cursor

from blocks.dump_loader import load_dump
from blocks.mariadb import MariaDBServer
from domain.reference import DumpFile
from tests.mariadb import PrivateMariadb


class Server(NamedTuple):
    """A running MariaDB with a password that would break naive quoting."""

    host: str
    port: int
    user: str
    password: str

    @contextlib.contextmanager
    def cursor(self, database: str | None = None) -> Iterator[Cursor]:
        connection = pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=database,
            charset="latin1",
            autocommit=True,
            ssl_disabled=True,
        )
        with connection, connection.cursor() as cursor:
            yield cursor

    @property
    def block(self) -> MariaDBServer:
        """The server as the product knows one."""
        return MariaDBServer(host=self.host, port=self.port, user=self.user, password=SecretStr(self.password))

    def load(self, dump: DumpFile, database: str) -> None:
        load_dump(dump, self.block, database)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="implanta-ref-"))
    running = PrivateMariadb(folder)
    running.start()
    try:
        password = f"a\"b\\c #d'{secrets.token_hex(4)}"
        with running.root() as cursor:
            cursor.execute("CREATE USER 'carga'@'127.0.0.1' IDENTIFIED BY %s", (password,))
            cursor.execute("GRANT ALL ON *.* TO 'carga'@'127.0.0.1'")
        yield Server("127.0.0.1", running.port, "carga", password)
    finally:
        running.stop()
        shutil.rmtree(folder)


@pytest.fixture
def make_database(server: Server) -> Iterator[Callable[[], str]]:
    made: list[str] = []

    def make() -> str:
        name = f"t_{secrets.token_hex(6)}"
        with server.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET latin1 COLLATE latin1_swedish_ci")
        made.append(name)
        return name

    yield make
    with server.cursor() as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        for name in made:
            cursor.execute(f"DROP DATABASE {name}")


@pytest.fixture
def database(make_database: Callable[[], str]) -> str:
    return make_database()


@pytest.fixture(scope="session")
def official_dir() -> Path:
    configured = os.environ.get("IMPLANTA_REFERENCE_DIR")
    folder = Path(configured or Path(__file__).resolve().parents[3] / "shared" / "sei-db-ref")
    if not configured and not folder.is_dir():
        pytest.skip("no official dumps: set IMPLANTA_REFERENCE_DIR to their directory")
    return folder
