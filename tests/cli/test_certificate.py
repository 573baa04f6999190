"""`./implanta environment certificate` and `certificates`: what is told, what is installed, what is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
    pkcs12,
)
from typer.testing import CliRunner

from blocks.catalog import Catalog
from blocks.certificate_authority import InternalCA
from blocks.environment_certificate import EnvironmentCertificate
from cli.__main__ import app
from domain.certificate import IssuedCertificate, read_certificates
from domain.environment import EnvironmentName
from lab.state import LabState
from registry import Registry
from tasks import doors
from tests.cli.conftest import CommandLine, register_environment
from tests.cli.examples import example_of

SLUG = "olhos-dagua-homologacao"
HOST = "olhos-dagua-homologacao.sei.localhost"
PASSWORD = "senha do arquivo, com acentuação"
KEYS = {"environment", "not_after", "days_left", "source", "fingerprint"}


@pytest.fixture
def environment(registry: Registry, olhos_dagua: str, cli: CommandLine) -> Iterator[str]:
    """A registered environment without a certificate, before and after."""
    assert olhos_dagua
    assert cli
    register_environment(registry, SLUG, "3145455")
    yield SLUG
    doors.edge().remove_site(EnvironmentName.parse(SLUG))
    if doors.environment_certificate(SLUG) is not None:
        EnvironmentCertificate.delete(SLUG)


@pytest.fixture
def brought(lab_state: LabState) -> IssuedCertificate:
    return issue(lab_state, HOST)


def issue(lab_state: LabState, host: str) -> IssuedCertificate:
    ca = InternalCA(root_certificate=lab_state.authority.certificate, root_key=lab_state.authority.key)
    return ca.issue([host], Catalog().certificates(), datetime.now(tz=UTC))


def write_pfx(made: IssuedCertificate, path: Path) -> Path:
    key = load_pem_private_key(made.key_pem.get_secret_value().encode(), None)
    (leaf,) = read_certificates(made.chain_pem)
    lock = BestAvailableEncryption(PASSWORD.encode())
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"x", key, leaf, None, lock))  # type: ignore[arg-type]
    return path


def test_an_environment_without_a_certificate_is_listed_as_such(cli: CommandLine, environment: str) -> None:
    rows = cli.run("environment", "certificates", "--json").json_result
    (row,) = [row for row in rows if row["environment"] == environment]
    assert set(row) == KEYS
    assert row["not_after"] is None
    assert "sem certificado" in cli.run("environment", "certificates").stdout


def test_a_pfx_is_installed_with_its_password_from_a_file_and_then_listed(
    cli: CommandLine, environment: str, brought: IssuedCertificate, tmp_path: Path
) -> None:
    file = write_pfx(brought, tmp_path / "prefeitura.pfx")
    secret = tmp_path / "senha.txt"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    words = {"timoteo-producao": environment, "timoteo.pfx": str(file)}
    command = (*example_of("environment certificate", words), "--password-file", str(secret))
    result = cli.run(*command, "--json").json_result
    assert set(result) == KEYS | {"change"}
    assert result["change"]["total"] == 2, "kept among the blocks, and served at the edge"
    (site,) = [site for site in doors.edge().list_sites() if site.slug == environment]
    assert site.chain_pem == brought.chain_pem
    assert result["source"] == "brought"
    assert result["days_left"] in {364, 365}
    assert cli.run(*command, "--json").json_result["change"]["total"] == 0
    text = cli.run("environment", "certificate", environment).stdout
    assert "trazido pela prefeitura" in text
    rows = cli.run("environment", "certificates", "--json").json_result
    assert [row["source"] for row in rows if row["environment"] == environment] == ["brought"]
    saved = doors.environment_certificate(environment)
    assert saved is not None
    assert saved.key_pem == brought.key_pem


def test_the_password_is_asked_on_the_terminal_and_never_shown(
    cli: CommandLine, environment: str, brought: IssuedCertificate, tmp_path: Path
) -> None:
    file = write_pfx(brought, tmp_path / "prefeitura.p12")
    command = ["environment", "certificate", environment, "--file", str(file)]
    result = CliRunner().invoke(app, command, input=f"{PASSWORD}\n")
    assert result.exit_code == 0, result.stderr
    assert "Senha do certificado" in result.stderr
    assert PASSWORD not in result.stdout + result.stderr
    assert "certificado instalado" in result.stdout


def test_pem_files_need_no_password(
    cli: CommandLine, environment: str, brought: IssuedCertificate, tmp_path: Path
) -> None:
    (tmp_path / "cadeia.pem").write_text(brought.chain_pem)
    (tmp_path / "chave.pem").write_text(brought.key_pem.get_secret_value())
    outcome = cli.run(
        "environment",
        "certificate",
        environment,
        "--file",
        str(tmp_path / "cadeia.pem"),
        "--key",
        str(tmp_path / "chave.pem"),
    )
    assert (outcome.exit_code, outcome.stderr) == (0, "")


def test_what_does_not_fit_is_refused_in_one_line(
    cli: CommandLine, environment: str, lab_state: LabState, tmp_path: Path
) -> None:
    command = ("environment", "certificate", environment, "--file")
    assert "não pôde ser lido" in cli.refuse(*command, str(tmp_path / "nada.pfx"))
    wrong = tmp_path / "errada.txt"
    wrong.write_text("outra")
    file = write_pfx(issue(lab_state, "outro.example"), tmp_path / "outro.pfx")
    assert "A senha não abre o arquivo" in cli.refuse(*command, str(file), "--password-file", str(wrong))
    wrong.write_text(PASSWORD)
    message = cli.refuse(*command, str(file), "--password-file", str(wrong))
    assert f"não vale para {HOST} (vale para outro.example)" in message
    assert doors.environment_certificate(environment) is None
