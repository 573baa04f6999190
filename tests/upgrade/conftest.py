"""A private server for release packages, and databases on it that end with their test."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blocks.dump_loader import load_dump
from blocks.mariadb import MariaDBServer
from blocks.reference import find_reference
from blocks.release_package import build_package
from blocks.scratch_server import scratch_server
from domain.reference import DumpFile, Reference
from domain.upgrade.package import ReleasePackage

Load = Callable[[DumpFile], str]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDBServer]:
    with scratch_server(tmp_path_factory.mktemp("pacotes"), buffer_pool_mib=256) as scratch:
        yield scratch.server


@pytest.fixture
def load(server: MariaDBServer) -> Iterator[Load]:
    """A new database with what a dump holds."""
    made: list[str] = []

    def into_new(dump: DumpFile) -> str:
        schema = f"t_{dump.database}_{secrets.token_hex(4)}"
        server.ensure_database(schema)
        made.append(schema)
        load_dump(dump, server, schema)
        return schema

    yield into_new
    for schema in made:
        server.drop_database(schema)


@pytest.fixture(scope="session")
def reduced(server: MariaDBServer) -> ReleasePackage:
    """The package between the project's own references."""
    return build_package(server, find_reference("4.0.0", None), find_reference("4.1.0", None))


@pytest.fixture(scope="session")
def references(official_reference: Path | None) -> tuple[Reference, Reference]:
    """The official references of 4.0.0 and 4.1.0, where there are any."""
    if official_reference is None:
        pytest.skip("no official dumps: set IMPLANTA_REFERENCE_DIR to their directory")
    return find_reference("4.0.0", official_reference), find_reference("4.1.0", official_reference)


@pytest.fixture(scope="session")
def official(server: MariaDBServer, references: tuple[Reference, Reference]) -> ReleasePackage:
    """The package between the official references."""
    return build_package(server, *references)


@pytest.fixture(scope="session")
def official_back(server: MariaDBServer, references: tuple[Reference, Reference]) -> ReleasePackage:
    """The way back: SEI has none, and so it shows that the comparison knows of no version."""
    old, new = references
    return build_package(server, new, old)
