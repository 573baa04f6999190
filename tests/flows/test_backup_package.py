"""The exit package, checked and restored by its own script, without anything of Implanta's."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.synthetic import Size, fill
from blocks.dump_loader import private_options
from blocks.scratch_server import scratch_server
from cli.__main__ import app
from domain.environment import Purpose
from domain.errors import InvalidInputError
from flows.create_environment import create_environment
from tasks import clock, doors
from tasks.backup_cycle import back_up
from tasks.backup_history import backups_of
from tasks.backup_package import write_package
from tasks.instance import Instance, load_instance
from tests.cli.examples import example_of
from tests.flows.conftest import Join

SMALL = Size(processes=6, documents=12, html_bytes=2_000, attachments=7, attachment_bytes=3_000, users=5, activities=40)


@pytest.fixture(scope="module")
def instance(join: Join) -> Instance:
    municipality = join("3102407", "Alvorada de Minas")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    found = load_instance(f"{municipality.slug}-{Purpose.TREINAMENTO}")
    name, root = found.name, Path(doors.runtime().repository_path(found.name))
    fill(found.server, name.database_sip, name.database_sei, root, size=SMALL, seed=3, today=clock.today())
    back_up(found)
    return found


@pytest.fixture(scope="module")
def package(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saida") / "pacote"
    instead = {"timoteo-producao": instance.name.slug, "pacote-timoteo": str(folder)}
    outcome = CliRunner().invoke(app, [*example_of("backup package", instead), "--json"], catch_exceptions=False)
    assert outcome.exit_code == 0
    assert json.loads(outcome.stdout)["files"] > SMALL.attachments
    return folder


def verify(package: Path, *options: str, descriptors: tuple[int, ...] = ()) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [package / "verificar.sh", *options], capture_output=True, text=True, check=False, pass_fds=descriptors
    )


def test_a_stranger_checks_it_and_restores_it(package: Path, instance: Instance, tmp_path: Path) -> None:
    assert verify(package).returncode == 0
    with scratch_server(tmp_path / "alheio") as scratch:
        server = scratch.server
        with private_options(server) as options:
            os.set_inheritable(options, True)
            content = os.read(options, 1 << 16)
        login = tmp_path / "login.cnf"
        login.touch(mode=0o600)
        login.write_bytes(content)
        done = verify(package, "--restaurar", f"--defaults-file={login}")
        assert done.returncode == 0, done.stderr
        assert f"{SMALL.attachments} anexos conferidos" in done.stdout
        assert verify(package, "--restaurar", f"--defaults-file={login}").returncode != 0, "not over what is there"
        assert server.list_databases(instance.name.database_user) == [
            instance.name.database_sei,
            instance.name.database_sip,
        ]


@pytest.mark.parametrize("name", ["bancos.sql.zst", "manifesto.json", "SHA256SUMS", "ldap.ldif", "an attachment"])
def test_whatever_is_changed_in_it_is_seen(package: Path, name: str) -> None:
    victim = next((package / "arquivos").rglob("*/*/*/*")) if name == "an attachment" else package / name
    content = victim.read_bytes()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        assert verify(package).returncode != 0
    finally:
        victim.write_bytes(content)
    assert verify(package).returncode == 0


def test_it_is_private_holds_no_secret_and_overwrites_nothing(package: Path, instance: Instance) -> None:
    secrets = doors.environment_secrets(instance.name.slug)
    words = [secrets.database_password.get_secret_value().encode(), secrets.sei_access_key.get_secret_value().encode()]
    assert package.stat().st_mode & 0o077 == 0
    for path in package.rglob("*"):
        assert not path.is_file() or not any(word in path.read_bytes() for word in words)
    with pytest.raises(InvalidInputError, match="já existe"):
        write_package(instance, backups_of(instance)[-1], package)
