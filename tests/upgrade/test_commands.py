"""`./implanta release`, as its help shows it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from tests.cli.conftest import CommandLine
from tests.cli.examples import example_of


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """In a directory of its own, with the project's own references."""
    file = tmp_path / "settings.toml"
    file.write_text(
        'registry_url = "mysql+pymysql://ninguem@127.0.0.1:1/nada"\nprefect_api_url = "http://127.0.0.1:1/api"\n'
        f'scratch_dir = "{tmp_path / "rascunhos"}"\n'
    )
    monkeypatch.setenv("IMPLANTA_SETTINGS", str(file))
    monkeypatch.delenv("IMPLANTA_REFERENCE_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    return CommandLine()


def test_package_is_built_and_checked(cli: CommandLine) -> None:
    built = cli.run(*example_of("release build"))
    assert built.exit_code == 0, built.stderr
    assert "Provado nos bancos de referência: sei-4.0.0-4.1.0.pacote" in built.stdout
    checked = cli.run(*example_of("release check"), "--json").json_result
    assert (checked["from"], checked["to"]) == ("4.0.0", "4.1.0")
    assert checked["digest"][:12] in built.stdout
    created = [
        change for change in checked["changes"] if (change["database"], change["kind"]) == ("sip", "create_table")
    ]
    assert [change["statements"] for change in created] == [5]


def test_bad_requests_are_refused_in_one_line(cli: CommandLine, tmp_path: Path) -> None:
    assert "9.9.0" in cli.refuse("release", "build", "--from", "4.0.0", "--to", "9.9.0")
    assert "não pode ser lido" in cli.refuse("release", "check", "nada.pacote")
    (tmp_path / "x.pacote").write_text("outra coisa")
    assert "não é um pacote" in cli.refuse("release", "check", "x.pacote")
    assert CliRunner().invoke(app, ["release", "build"]).exit_code == 2
