"""How a command fails: one line, the exit code of its kind, no trace; and that help stays light."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from blocks.settings import PROJECT_ROOT
from cli.output import errors_as_lines
from domain.errors import GateClosedError, ImplantaError, IntegrityError, InvalidInputError, RetryableError
from lab.ports import choose
from tests.cli.conftest import CommandLine

HEAVY = ("prefect", "sqlalchemy", "boto3", "ldap3", "great_expectations", "pymysql", "zeep", "alembic")


def implanta(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a program of its own, on an installation that the variables describe."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("IMPLANTA_", "PREFECT_"))}
    return subprocess.run(
        [sys.executable, "-P", "-m", "cli", *arguments],
        cwd="/",
        env={**inherited, "PYTHONPATH": str(PROJECT_ROOT), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def settings_file(directory: Path, *, registry_port: int, prefect_port: int) -> str:
    path = directory / "settings.toml"
    path.write_text(
        f'registry_url = "mysql+pymysql://implanta:senha-secreta@127.0.0.1:{registry_port}/implanta"\n'
        f'prefect_api_url = "http://127.0.0.1:{prefect_port}/api"\n',
        encoding="utf-8",
    )
    return str(path)


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [(ImplantaError, 1), (RetryableError, 10), (InvalidInputError, 20), (GateClosedError, 30), (IntegrityError, 40)],
)
def test_each_kind_of_error_is_one_line_and_its_own_exit_code(
    capsys: pytest.CaptureFixture[str], kind: type[ImplantaError], exit_code: int
) -> None:
    what = f"Algo [red]longo[/] com [colchetes] {'x' * 200}"
    with pytest.raises(typer.Exit) as end, errors_as_lines():
        raise kind(what, "num lugar", "Faça isto.")
    assert end.value.exit_code == exit_code
    assert capsys.readouterr() == ("", f"Erro: {what} (num lugar). Faça isto.\n")


def test_a_defect_keeps_its_trace() -> None:
    with pytest.raises(ZeroDivisionError), errors_as_lines():
        raise ZeroDivisionError


def test_help_needs_none_of_the_heavy_libraries() -> None:
    listing = "import sys, cli.__main__; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", listing], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert set(HEAVY).isdisjoint(done.stdout.split())


@pytest.mark.parametrize("command", [("municipality", "list"), ("environment", "list"), ("deploy",)])
def test_where_nothing_is_configured_it_says_where_it_looked(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    for name in ("IMPLANTA_SETTINGS", "IMPLANTA_REGISTRY_URL", "IMPLANTA_PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IMPLANTA_LAB_DIR", str(tmp_path))
    line = cli.refuse(*command)
    assert "Configuração incompleta: registry_url, prefect_api_url" in line
    assert str(tmp_path / "settings.toml") in line
    assert "./implanta lab up" in line


def test_a_program_that_fails_leaves_one_line_and_no_trace(tmp_path: Path) -> None:
    done = implanta("municipality", "list", IMPLANTA_LAB_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (20, "")
    assert done.stderr.startswith("Erro: Configuração incompleta")
    assert done.stderr.count("\n") == 1


def test_a_registry_that_is_down_may_be_asked_again_later(tmp_path: Path) -> None:
    ports = choose(["registry", "prefect"], avoid=())
    path = settings_file(tmp_path, registry_port=ports["registry"], prefect_port=ports["prefect"])
    done = implanta("municipality", "list", IMPLANTA_SETTINGS=path)
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr.startswith("Erro: ")
    assert done.stderr.count("\n") == 1
    assert str(ports["registry"]) in done.stderr
    assert "senha-secreta" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("deploy",),
        ("municipality", "send", "olhos-dagua", "examples/timoteo/usuarios.csv"),
        ("implant", "olhos-dagua"),
    ],
)
def test_a_prefect_that_is_down_may_be_asked_again_later(
    cli: CommandLine, olhos_dagua: str, lab: Path, command: tuple[str, ...]
) -> None:
    (port,) = choose(["prefect"], avoid=()).values()
    done = implanta(
        *(str(PROJECT_ROOT / word) if word.startswith("examples/") else word for word in command),
        IMPLANTA_SETTINGS=str(lab / "settings.toml"),
        IMPLANTA_REGISTRY_URL=os.environ["IMPLANTA_REGISTRY_URL"],
        IMPLANTA_PREFECT_API_URL=f"http://127.0.0.1:{port}/api",
    )
    assert (done.returncode, done.stdout) == (10, ""), done.stderr
    assert done.stderr.startswith("Erro: ")
    assert done.stderr.count("\n") == 1
    assert str(port) in done.stderr


def test_it_runs_from_any_directory(cli: CommandLine, olhos_dagua: str, lab: Path) -> None:
    done = implanta(
        "municipality",
        "show",
        olhos_dagua,
        "--json",
        IMPLANTA_SETTINGS=str(lab / "settings.toml"),
        IMPLANTA_REGISTRY_URL=os.environ["IMPLANTA_REGISTRY_URL"],
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Olhos-d'Água" in done.stdout
