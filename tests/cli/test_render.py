"""`./implanta environment render`: what an operator reviews, without and with the secrets."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from blocks.schemas import helm_keys
from blocks.secrets import EnvironmentSecrets
from domain.configuration import MASK
from domain.render_helm import leaves
from registry import Registry
from tasks import doors
from tests.cli.conftest import CommandLine, register_environment
from tests.domain.php_reader import read_class

TARGET = "olhos-dagua-treinamento"
KINDS = {
    "php": {"ConfiguracaoSEI.php", "ConfiguracaoSip.php", "sei.ini", "sei-fpm.conf"},
    "compose": {
        *("ConfiguracaoSEI.php", "ConfiguracaoSip.php", "sei.ini", "sei-fpm.conf"),
        *("segredos.env", "porte.json", "compose.yaml"),
    },
    "helm": {"valores.yaml"},
    "manifests": {"manifestos.yaml"},
}


@pytest.fixture
def environment(cli: CommandLine, olhos_dagua: str, registry: Registry) -> str:
    register_environment(registry, TARGET, "3145455")
    doors._load_once.cache_clear()  # a command is a process of its own, and these tests are one process
    return TARGET


@pytest.fixture
def secrets(environment: str) -> Iterator[list[str]]:
    """Every secret of the environment, as `ensure_secrets` saved them."""
    made = EnvironmentSecrets.generate()
    made.save(TARGET, overwrite=True)
    fields = ("database_password", "sei_access_key", "sip_access_key", "solr_password")
    yield [getattr(made, field).get_secret_value() for field in fields]
    EnvironmentSecrets.delete(TARGET)


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_shown_with_every_secret_covered(cli: CommandLine, secrets: list[str], kind: str) -> None:
    outcome = cli.run("environment", "render", TARGET, "--kind", kind)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert {line.split()[-1] for line in outcome.stdout.splitlines() if line.startswith("# ---- ")} == KINDS[kind]
    assert not [secret for secret in secrets if secret in outcome.stdout]
    result = cli.run("environment", "render", TARGET, "--kind", kind, "--json").json_result
    assert {file["name"] for file in result["files"]} == KINDS[kind]
    assert (result["environment"], result["kind"]) == (TARGET, kind)
    assert not [secret for secret in secrets if secret in json.dumps(result)]


@pytest.mark.parametrize("kind", KINDS)
def test_secrets_are_written_only_into_files_of_the_owner(
    cli: CommandLine, secrets: list[str], kind: str, tmp_path: Path
) -> None:
    target = tmp_path / "para-revisar"
    outcome = cli.run("environment", "render", TARGET, "--kind", kind, "--out", str(target), "--with-secrets")
    assert outcome.exit_code == 0, outcome.stderr
    assert {path.name for path in target.iterdir()} == KINDS[kind]
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.iterdir()} == {0o600}
    assert not [secret for secret in secrets if secret in outcome.stdout]
    written = "".join(path.read_text("latin-1") for path in target.iterdir())
    assert (secrets[1] in written) == (kind != "manifests"), "manifests hold them in base64"


def test_what_is_reviewed_is_the_environment_itself(cli: CommandLine, secrets: list[str], tmp_path: Path) -> None:
    for kind in KINDS:
        assert cli.run("environment", "render", TARGET, "--kind", kind, "--out", str(tmp_path / kind)).exit_code == 0
    sei = read_class((tmp_path / "php" / "ConfiguracaoSEI.php").read_bytes())
    assert isinstance(sei, dict)
    assert sei["PaginaSEI"]["NomeSistemaComplemento"] == "Olhos-d'Água · treinamento"
    assert sei["BancoSEI"]["Banco"] == "olhos_dagua_treinamento_sei"
    assert sei["BancoSEI"]["Senha"] == MASK
    assert sei["InfraMail"]["Protegido"], "outside production mail goes to one box"
    project = yaml.safe_load((tmp_path / "compose" / "compose.yaml").read_text())
    assert project["services"]["app"]["environment"]["APP_NOMECOMPLEMENTO"] == "Olhos-d'Água · treinamento"
    assert set(leaves(yaml.safe_load((tmp_path / "helm" / "valores.yaml").read_text()))) <= helm_keys()
    objects = list(yaml.safe_load_all((tmp_path / "manifests" / "manifestos.yaml").read_text()))
    assert {found["metadata"].get("namespace", TARGET) for found in objects} == {TARGET}


def test_an_environment_without_secrets_yet_can_be_reviewed_and_not_written_with_them(
    cli: CommandLine, environment: str, tmp_path: Path
) -> None:
    assert cli.run("environment", "render", TARGET).exit_code == 0
    assert "implanta-environment-secrets" in cli.refuse(
        "environment", "render", TARGET, "--with-secrets", "--out", str(tmp_path)
    )
    assert not list(tmp_path.iterdir())


def test_secrets_on_the_screen_and_unknown_environments_are_refused(cli: CommandLine, environment: str) -> None:
    assert "--out" in cli.refuse("environment", "render", TARGET, "--with-secrets")
    assert "não é nome de ambiente" in cli.refuse("environment", "render", "qualquer")
