"""A small synthetic municipality in the session's lab, in databases fresh from the reference."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blocks.mariadb import MariaDBServer
from blocks.object_storage import ObjectStorage
from blocks.reference import find_reference
from domain.environment import EnvironmentName, Purpose
from lab.state import LabState
from tests.blocks.instance import Databases, load


@pytest.fixture(scope="session")
def server(lab_state: LabState) -> MariaDBServer:
    """The lab's MariaDB, with the account that the product uses."""
    return MariaDBServer(
        host=lab_state.mariadb.host,
        port=lab_state.mariadb.port,
        user=lab_state.mariadb.admin_user,
        password=lab_state.mariadb.admin_password,
    )


@pytest.fixture(scope="module")
def make_databases(server: MariaDBServer, official_reference: Path | None) -> Iterator[Callable[[Purpose], Databases]]:
    """Databases of SEI 4.1.0 for a purpose, new at each call."""
    made: list[Databases] = []

    def make(purpose: Purpose) -> Databases:
        databases = Databases(server, EnvironmentName(municipality="bancada-sintetica", purpose=purpose))
        made.append(databases)
        load(databases, find_reference("4.1.0", official_reference))
        return databases

    yield make
    for databases in made:
        databases.drop()


@pytest.fixture(scope="session")
def storage(lab_state: LabState) -> ObjectStorage:
    """The lab's S3."""
    return ObjectStorage(
        endpoint=lab_state.s3.endpoint,
        access_key=lab_state.s3.access_key,
        secret_key=lab_state.s3.secret_key,
        iam_endpoint=lab_state.s3.iam_endpoint,
    )
