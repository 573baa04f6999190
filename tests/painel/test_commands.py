"""`./implanta board …` on the lab's board."""

import json
import shutil
import stat
import subprocess
from base64 import b64encode
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from cli.__main__ import app
from lab.ports import choose
from lab.state import LabState
from registry.board import READS
from tests.cli.examples import example_of
from tests.serving import serving


@pytest.fixture(autouse=True)
def installation(lab: Path, lab_state: LabState, registry_url: SecretStr, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process as an installation on the lab, with no browser."""
    assert registry_url
    monkeypatch.setenv("IMPLANTA_LAB_DIR", str(lab))
    monkeypatch.setenv("IMPLANTA_SETTINGS", str(lab_state.settings_file))
    monkeypatch.setenv("BROWSER", "false %s")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout


def test_the_address_is_that_of_the_lab_with_who_may_come_in(lab_state: LabState) -> None:
    code, said = run("board", "url", "--json")
    assert code == 0
    found = json.loads(said)
    assert (found["url"], found["login"]) == (lab_state.painel.url, "leitura, operacao, aprovacao, administracao")
    assert httpx.get(found["url"], trust_env=False).status_code == 303


def test_without_a_browser_the_address_is_told_instead(lab_state: LabState) -> None:
    code, said = run(*example_of("board open"))
    assert code == 0
    assert lab_state.painel.url in said


@pytest.mark.parametrize("name", ["painel.xlsx", "painel.pdf"])
def test_the_tables_are_written_to_a_file(name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    code, said = run(*example_of("board export", {"painel.xlsx": str(target)}), "--json")
    assert code == 0
    assert json.loads(said)["rows"]["prefeituras"] == 60
    assert target.read_bytes()[:2] == {"painel.xlsx": b"PK", "painel.pdf": b"%P"}[name]


@pytest.mark.parametrize("target", ["painel.docx", "/nao/existe/painel.xlsx"])
def test_another_kind_of_file_or_a_place_that_is_not_there_is_refused(target: str) -> None:
    assert run("board", "export", target)[0] == 20


def test_the_grants_of_the_account_are_shown() -> None:
    code, said = run(*example_of("board grants"))
    assert code == 0
    assert said.count("GRANT SELECT (") == said.count("ON `implanta`.") == len(READS)
    assert "contact" not in said


def test_the_command_serves_until_it_is_told_to_stop(lab: Path) -> None:
    port = str(choose(["painel"], avoid=())["painel"])
    with serving(lab, example_of("board serve", {"8700": port}), port) as server:
        assert server.client.get("/painel/prefeituras/segredo-qualquer").status_code == 303
    assert "GET /painel/prefeituras/{slug} 303" in server.said
    assert "segredo" not in server.said


def test_the_door_is_rendered_as_nginx_takes_it_and_its_account_is_shown_to_nobody(
    lab_state: LabState, tmp_path: Path
) -> None:
    account = b64encode(lab_state.prefect.auth.get_secret_value().encode()).decode()
    code, said = run("board", "door", "--machines-port", "8443", "--machines-from", "10.0.0.0/24")
    assert code == 0
    assert (account in said, "allow 10.0.0.0/24;" in said, "server_name implanta.localhost;" in said) == (
        False,
        True,
        True,
    )
    folder = tmp_path / "porta"
    folder.mkdir()
    options = ("--directory", str(folder), "--certificate", str(folder / "c.pem"), "--key", str(folder / "c.key"))
    code, said = run(*example_of("board door", {"./porta": str(folder)}), *options)
    assert code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["credencial.inc", "indisponivel.html", "porta.conf"]
    assert account in (folder / "credencial.inc").read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    code, said = run("board", "door", "--json")
    assert (code, account in said) == (0, False)
    own = lab_state.lab_dir / "porta"
    for name, given in (("servidor.pem", "c.pem"), ("servidor.key", "c.key")):
        (folder / given).write_bytes((own / name).read_bytes())
    conf = (folder / "porta.conf").read_text().replace("/var/log/nginx", str(folder))
    (folder / "porta.conf").write_text(conf)
    main = (own / "nginx.conf").read_text().replace(str(own), str(folder))
    (folder / "nginx.conf").write_text(main)
    (folder / "tmp").mkdir()
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program
    tested = subprocess.run(
        [program, "-t", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stderr


@pytest.mark.parametrize(
    ("options", "setting", "told"),
    [
        (("--with-secrets",), {}, "não é mostrada na tela"),
        (("--machines-port", "8443"), {}, "ficaria aberta a todos"),
        (("--board", "127.0.0.1:8700; evil"), {}, "board: não serve"),
        (("--directory", "/tmp/a b"), {}, "directory"),
        ((), {"IMPLANTA_DOOR_URL": "http://implanta.example"}, "door_url"),
        ((), {"IMPLANTA_DOOR_URL": "https://a;b.example"}, "server_name: não serve"),
        ((), {"IMPLANTA_PREFECT_API_URL": "https://prefect.example/api"}, "não alcança este endereço"),
    ],
)
def test_a_door_that_would_be_open_or_broken_is_not_rendered(
    options: tuple[str, ...], setting: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(app, ["board", "door", *options])
    assert result.exit_code == 20
    assert told in result.stderr
