"""Doors to the session's lab, and a fresh pair of databases for each test, of each version that the project brings."""

import shutil
from collections.abc import Iterator
from functools import cache

import pytest

from blocks.directory import Directory
from blocks.mariadb import MariaDBServer
from blocks.object_storage import ObjectStorage
from blocks.reference import find_reference
from blocks.runtime import LabRuntime
from domain.environment import EnvironmentName, Purpose
from domain.reference import Reference
from lab.state import LabState
from tests.blocks.application import SECRETS, Application, make_configuration
from tests.blocks.instance import Databases, load

ENVIRONMENT = EnvironmentName(municipality="blocos-a", purpose=Purpose.TREINAMENTO)

# For what is the same in every version, such as bcrypt, which is slow on purpose.
one_version = pytest.mark.parametrize("version", ["4.1.0"], indirect=True)


@pytest.fixture(scope="session")
def server(lab_state: LabState) -> MariaDBServer:
    """The lab's MariaDB, with the account that the product uses."""
    return MariaDBServer(
        host=lab_state.mariadb.host,
        port=lab_state.mariadb.port,
        user=lab_state.mariadb.admin_user,
        password=lab_state.mariadb.admin_password,
    )


@pytest.fixture(scope="session")
def directory(lab_state: LabState) -> Directory:
    """The lab's OpenLDAP."""
    return Directory(
        host=lab_state.ldap.host,
        port=lab_state.ldap.port,
        base_dn=lab_state.ldap.base_dn,
        admin_dn=lab_state.ldap.admin_dn,
        admin_password=lab_state.ldap.admin_password,
        config_dn=lab_state.ldap.config_dn,
        config_password=lab_state.ldap.config_password,
    )


@pytest.fixture(scope="session")
def storage(lab_state: LabState) -> ObjectStorage:
    """The lab's S3."""
    return ObjectStorage(
        endpoint=lab_state.s3.endpoint,
        access_key=lab_state.s3.access_key,
        secret_key=lab_state.s3.secret_key,
        iam_endpoint=lab_state.s3.iam_endpoint,
    )


@cache
def _reference(version: str) -> Reference:
    return find_reference(version, None)


@pytest.fixture(scope="module", params=["4.0.0", "4.1.0"])
def version(request: pytest.FixtureRequest) -> str:
    """Each version whose reduced reference the project brings."""
    return str(request.param)


@pytest.fixture(scope="module")
def loaded(server: MariaDBServer, version: str) -> Iterator[Databases]:
    """One load of a version's reference, for all tests of a file."""
    made = Databases(server, ENVIRONMENT)
    load(made, _reference(version))
    made.remember()
    yield made
    made.drop()


@pytest.fixture
def databases(loaded: Databases) -> Iterator[Databases]:
    """SEI's and SIP's databases as the reference has them, nothing converged yet."""
    yield loaded
    loaded.restore()


@pytest.fixture
def other_databases(server: MariaDBServer) -> Iterator[Databases]:
    """Empty schemas of the environment whose name differs from the first one's where `_` would match anything."""
    made = Databases(server, EnvironmentName(municipality="blocosxa", purpose=Purpose.TREINAMENTO))
    made.create()
    yield made
    made.drop()


@pytest.fixture
def schemas(server: MariaDBServer) -> Iterator[Databases]:
    """Both schemas of the environment with one table each, and no account yet."""
    made = Databases(server, ENVIRONMENT)
    made.create()
    for database in ("sei", "sip"):
        made.rows(database, "CREATE TABLE pessoa (id INT PRIMARY KEY, nome VARCHAR(10)) ENGINE=InnoDB")
    yield made
    made.drop()
    server.remove_accounts(ENVIRONMENT)


@pytest.fixture
def application(databases: Databases, directory: Directory, lab_state: LabState) -> Iterator[Application]:
    """One environment of each version, configured and started, its órgão its own."""
    runtime = LabRuntime(
        apps_dir=lab_state.sei.apps_dir,
        files_dir=lab_state.sei.files_dir,
        port=lab_state.sei.port,
        token=lab_state.sei.token,
    )
    databases.sip.ensure_orgao("PM-BLOCOS", "Prefeitura Municipal de Blocos")
    databases.sei.ensure_orgao("PM-BLOCOS", "Prefeitura Municipal de Blocos", "3168705")
    databases.server.ensure_application_user(ENVIRONMENT, SECRETS.database_password)
    directory.ensure_environment(ENVIRONMENT, SECRETS.directory_password)
    made = Application(runtime, databases, make_configuration(runtime, databases))
    runtime.apply(ENVIRONMENT, made.configuration)
    runtime.start(ENVIRONMENT)
    yield made
    runtime.remove(ENVIRONMENT)
    shutil.rmtree(runtime.repository_path(ENVIRONMENT))
    directory.remove_environment(ENVIRONMENT)
    with databases.server.transaction() as cursor:
        cursor.execute("DROP USER IF EXISTS blocos_a_treinamento@'%%'", ())
