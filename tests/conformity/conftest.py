"""Three environments of two prefeituras, made once by the real flow, in a fleet of these tests' own.

A registry of their own decides who is whose neighbour and on which server everybody is, whatever other tests left.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.mariadb import MariaDBServer
from blocks.settings import Settings
from domain.environment import EnvironmentName
from domain.municipality import Contact, Municipality, municipality_from
from domain.plan import choose_plan
from domain.report import StageReport
from flows.create_environment import create_environment
from lab.state import LabState
from registry import Registry, migrate
from tasks import doors
from tasks.adhesion import adhere
from tasks.instance import Instance, load_instance
from tests.cli.conftest import CommandLine, authority_of
from tests.labs import prefect_credentials

POPULATION = 8_000
# Each stands for one prefeitura; nobody else's tests use them.
PEQUI = ("3149606", "Pequi")
SERRANIA = ("3166907", "Serrania")
# For what must not exist yet.
NEWCOMER = ("3168101", "Tapira")

# Known to the registry, and to be found nowhere else.
CONTACT = Contact(name="Maria da Conferência", email="maria@conferencia.example.com", role="ponto focal")

ATTACKER = "pequi-treinamento"
NEIGHBOUR = "serrania-treinamento"
PRODUCTION = "pequi-producao"


@dataclass(frozen=True)
class Fleet:
    """The environments, and what their creation reported."""

    registry: Registry
    reports: dict[str, StageReport]

    def instance(self, slug: str) -> Instance:
        return load_instance(slug)


@pytest.fixture(scope="package")
def own_registry(programme: Settings, lab_state: LabState) -> Iterator[Registry]:
    """An empty registry that this folder's flows take for the programme's."""
    database = lab_state.mariadb
    server = MariaDBServer(
        host=database.host, port=database.port, user=database.admin_user, password=database.admin_password
    )
    schema = f"implanta_conformidade_{secrets.token_hex(4)}"
    with server.transaction() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
    account = f"{database.admin_user}:{database.admin_password.get_secret_value()}"
    url = SecretStr(f"mysql+pymysql://{account}@{database.host}:{database.port}/{schema}?charset=utf8mb4")
    migrate(url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPLANTA_REGISTRY_URL", url.get_secret_value())
        patch.setenv("IMPLANTA_RETRIES", "0")
        opened = Registry(url)
        yield opened
        opened.dispose()
        doors.registry().dispose()
    server.drop_database(schema)


def join(registry: Registry, ibge: str, name: str) -> Municipality:
    """Register a municipality with the plan of the price table."""
    catalog = Catalog()
    municipality = municipality_from(ibge, name, POPULATION, catalog.ibge_table(), contacts=[CONTACT])
    adhere(registry, municipality, choose_plan(POPULATION, catalog.plans()))
    return municipality


def create(slug: str) -> StageReport:
    name = EnvironmentName.parse(slug)
    return create_environment(name.municipality, name.purpose)


@pytest.fixture(scope="package")
def fleet(own_registry: Registry) -> Iterator[Fleet]:
    """Two prefeituras' training environments on one database server, and a production one on the other."""
    for ibge, name in (PEQUI, SERRANIA):
        join(own_registry, ibge, name)
    reports = {slug: create(slug) for slug in (ATTACKER, PRODUCTION, NEIGHBOUR)}
    yield Fleet(registry=own_registry, reports=reports)
    for instance in map(load_instance, reports):
        # What other tests would meet; what lies in the bucket is locked and stays.
        doors.edge().remove_site(instance.name)
        doors.runtime().remove(instance.name)
        doors.directory().remove_environment(instance.name)
        for database in (instance.name.database_sei, instance.name.database_sip):
            instance.server.drop_database(database)
        instance.server.remove_accounts(instance.name)


@pytest.fixture
def cli(fleet: Fleet, programme: Settings, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line of that installation."""
    for name, value in {
        "PREFECT_API_URL": programme.prefect_api_url,
        "PREFECT_API_SSL_CERT_FILE": str(authority_of(programme)),
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    }.items():
        monkeypatch.setenv(name, value)
    return CommandLine()


def latest_artifact(programme: Settings, key: str) -> str:
    found = httpx.get(
        f"{programme.prefect_api_url}/artifacts/{key}/latest", auth=prefect_credentials(programme), trust_env=False
    )
    return str(found.raise_for_status().json()["data"])
