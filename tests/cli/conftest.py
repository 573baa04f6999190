"""The command line as an operator of the session's lab runs it, on a registry of these tests alone.

What is registered stays registered, so these municipalities go into a schema that is dropped at the end.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from blocks.catalog import Catalog
from blocks.object_storage import ObjectStorage
from blocks.settings import PROJECT_ROOT, Settings
from cli.__main__ import app
from domain.environment import EnvironmentName
from domain.model import Frozen
from domain.municipality import Municipality, municipality_from
from domain.plan import choose_plan
from lab.layout import Layout
from lab.state import LabState
from registry import Registry
from registry.records import EnvironmentRecord
from tasks.adhesion import adhere
from tests.registries import registry_apart


class Outcome(Frozen):
    """What a command left: its exit code, its results and its talk."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json_result(self) -> Any:  # noqa: ANN401  # each command has a shape of its own
        assert self.exit_code == 0, self.stderr
        return json.loads(self.stdout)


class CommandLine:
    """`./implanta`, in this process."""

    def run(self, *arguments: str) -> Outcome:
        """Run one command; an exception that the command line did not turn into a line is a defect and passes."""
        result = CliRunner().invoke(app, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(exit_code=result.exit_code, stdout=result.stdout, stderr=result.stderr)

    def refuse(self, *arguments: str, exit_code: int = 20) -> str:
        """The one line that a command which must fail leaves on standard error; standard output stays empty."""
        outcome = self.run(*arguments)
        assert (outcome.exit_code, outcome.stdout) == (exit_code, "")
        assert outcome.stderr.startswith("Erro: ")
        assert outcome.stderr.count("\n") == 1
        return outcome.stderr


@pytest.fixture(scope="session")
def registry_url(lab_state: LabState) -> Iterator[SecretStr]:
    """An empty registry on the lab's MariaDB."""
    with registry_apart(lab_state, "cli") as url:
        yield url


@pytest.fixture
def registry(registry_url: SecretStr) -> Iterator[Registry]:
    """The same registry, beside the command line."""
    opened = Registry(registry_url)
    yield opened
    opened.dispose()


@pytest.fixture
def cli(programme: Settings, registry_url: SecretStr, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line of an installation on the session's lab."""
    return as_operator(programme, registry_url, monkeypatch)


def authority_of(programme: Settings) -> Path:
    """The certificate of the lab's own authority, which is all that a client of its Prefect server has to read."""
    assert programme.lab_dir is not None
    return Layout(programme.lab_dir).ca_file


def as_operator(programme: Settings, registry_url: SecretStr, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """This process as the shell of somebody who works with that installation and registry."""
    monkeypatch.setenv("IMPLANTA_REGISTRY_URL", registry_url.get_secret_value())
    # What a command that talks to Prefect leaves in the environment goes away with the test.
    for name, value in {
        "PREFECT_API_URL": programme.prefect_api_url,
        "PREFECT_API_SSL_CERT_FILE": str(authority_of(programme)),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(PROJECT_ROOT)
    return CommandLine()


@pytest.fixture(scope="session")
def olhos_dagua_as_it_joined() -> Municipality:
    """A municipality whose name needs escaping everywhere. The table of the IBGE takes a while to read: once."""
    return municipality_from("3145455", "Olhos-d'Água", 6032, Catalog().ibge_table())


@pytest.fixture
def olhos_dagua(registry: Registry, olhos_dagua_as_it_joined: Municipality) -> str:
    """The slug of that municipality, in the programme with the plan of the table."""
    found = olhos_dagua_as_it_joined
    adhere(registry, found, choose_plan(found.population, Catalog().plans()))
    return found.slug


@pytest.fixture
def storage(lab_state: LabState) -> Iterator[ObjectStorage]:
    """The lab's S3, without a trace of that municipality before and after."""
    opened = ObjectStorage(
        endpoint=lab_state.s3.endpoint, access_key=lab_state.s3.access_key, secret_key=lab_state.s3.secret_key
    )
    buckets = ("olhos-dagua-entrada", "olhos-dagua-instrumentos")
    for bucket in buckets:
        opened.remove_bucket(bucket)
    yield opened
    for bucket in buckets:
        opened.remove_bucket(bucket)


def register_environment(registry: Registry, slug: str, ibge: str) -> None:
    """Enter an environment in the registry as its creation does."""
    name = EnvironmentName.parse(slug)
    registry.ensure_environment(
        EnvironmentRecord(
            slug=slug,
            ibge=ibge,
            purpose=name.purpose.value,
            release_version="4.1.0",
            hostname=name.hostname("sei.localhost:18443"),
            database_server="principal",
            database_sei=name.database_sei,
            database_sip=name.database_sip,
            directory_ou=name.ou,
            bucket=name.bucket,
            orgao_sigla="PM-OLHOS-DAGUA",
        )
    )
