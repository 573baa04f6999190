"""A private MariaDB for the registry's tests: each test gets its own schema and its own user."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pymysql
import pytest
from pymysql.cursors import Cursor

from registry import Registry, migrate
from tests.mariadb import PrivateMariadb


class Schema(NamedTuple):
    """An empty schema and the account that may do anything in it, as the lab gives to the registry."""

    server: PrivateMariadb
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
            ssl_disabled=True,
        ) as connection:
            yield connection.cursor()

    def empty(self) -> None:
        """Throw away everything in it."""
        with self.server.root() as root:
            root.execute(f"DROP DATABASE {self.name}")
            root.execute(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4")


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateMariadb]:
    """The MariaDB of this test session."""
    directory = Path(tempfile.mkdtemp(prefix="reg-"))
    running = PrivateMariadb(directory)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(directory)


@contextmanager
def _new_schema(server: PrivateMariadb) -> Iterator[Schema]:
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
def schema(server: PrivateMariadb) -> Iterator[Schema]:
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
def another_registry(server: PrivateMariadb) -> Iterator[Registry]:
    """A second registry on the same server, not migrated."""
    with _new_schema(server) as given:
        opened = Registry(given.url)
        yield opened
        opened.dispose()
