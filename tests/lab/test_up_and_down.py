"""`up` and `down` on small labs: what they start, what they leave alone, and what they say when they cannot."""

import json
import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed
from typer.testing import CliRunner

from blocks.scratch_server import scratch_server
from blocks.settings import PROJECT_ROOT
from cli.lab import app
from domain.errors import InvalidInputError
from lab import down, status, up
from lab.processes import list_marked
from lab.state import load_state
from tests.lab.clients import bind_admin, connect_s3

CHEAP = ("smtp", "ldap")


@contextmanager
def occupied(port: int) -> Iterator[None]:
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        yield


def start_in_background(lab: Path, *services: str) -> "subprocess.Popen[bytes]":
    code = "import sys; from pathlib import Path; from lab import up; up(Path(sys.argv[1]), services=sys.argv[2:])"
    return subprocess.Popen([sys.executable, "-c", code, str(lab), *services], cwd=PROJECT_ROOT)


def running(lab: Path) -> set[str]:
    return {service.service for service in status(lab) if service.state == "running"}


def test_a_lab_that_is_not_up_has_no_state(small_lab: Path) -> None:
    with pytest.raises(InvalidInputError, match="O laboratório não está no ar"):
        load_state(small_lab)
    up(small_lab, services=["smtp"])
    down(small_lab)
    with pytest.raises(InvalidInputError, match="lab up"):
        load_state(small_lab)


def test_down_stops_what_the_lab_started_and_keeps_its_data(small_lab: Path) -> None:
    state = up(small_lab, services=CHEAP)
    with bind_admin(state) as directory:
        directory.add(f"ou=fica,{state.ldap.base_dn}", "organizationalUnit")
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        assert set(down(small_lab)) == set(CHEAP)
        assert not list(list_marked(small_lab))
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    again = up(small_lab, services=CHEAP)
    assert again == state
    with bind_admin(again) as directory:
        assert directory.search(f"ou=fica,{state.ldap.base_dn}", "(objectClass=*)", "BASE")[0]


def test_down_leaves_alone_a_process_that_got_the_pid_of_a_dead_one(small_lab: Path) -> None:
    up(small_lab, services=["smtp"])
    down(small_lab)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        record = json.loads((small_lab / "lab.json").read_text())
        record["processes"]["smtp"] = {
            "pid": stranger.pid,
            "created_at": psutil.Process(stranger.pid).create_time(),
        }
        (small_lab / "lab.json").write_text(json.dumps(record))
        assert not running(small_lab)
        assert down(small_lab) == ()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_destroy_removes_the_lab_and_nothing_that_it_did_not_put_there(small_lab: Path) -> None:
    (small_lab / "alheio.txt").write_text("fica")
    up(small_lab, services=CHEAP)
    (small_lab / "demo.json").write_text('{"password": "do visitante da demonstração"}')
    scratch_dir = Path(tomllib.loads((small_lab / "settings.toml").read_text())["scratch_dir"])
    with scratch_server(scratch_dir):
        pass
    assert list(scratch_dir.iterdir()), "what the next scratch server begins with"
    down(small_lab, destroy=True)
    assert [path.name for path in small_lab.iterdir()] == ["alheio.txt"]


def test_the_authority_is_made_once_and_its_root_written_again_when_it_is_lost(small_lab: Path) -> None:
    first = up(small_lab, services=["smtp"])
    assert first.ca_file.read_text() == first.authority.certificate
    down(small_lab)
    first.ca_file.unlink()
    again = up(small_lab, services=["smtp"])
    assert again.authority == first.authority
    assert again.ca_file.read_text() == first.authority.certificate
    assert oct((small_lab / "ca-key.pem").stat().st_mode & 0o777) == "0o600"


def test_a_damaged_authority_is_told_and_never_silently_replaced(small_lab: Path) -> None:
    up(small_lab, services=["smtp"])
    down(small_lab)
    (small_lab / "ca-key.pem").write_text("lixo")
    with pytest.raises(InvalidInputError, match=r"autoridade certificadora do laboratório .*ca-key\.pem"):
        up(small_lab, services=["smtp"])


def test_a_taken_port_is_named_with_its_owner_and_the_way_on(small_lab: Path) -> None:
    port = up(small_lab, services=["smtp"]).smtp.port
    down(small_lab)
    with occupied(port):
        with pytest.raises(InvalidInputError) as refusal:
            up(small_lab, services=["smtp"])
        message = str(refusal.value)
        assert f"porta {port}" in message
        assert f"processo {os.getpid()}" in message
        assert "--new-ports" in message
        moved = up(small_lab, services=["smtp"], new_ports=True)
    assert moved.smtp.port != port
    assert running(small_lab) == {"smtp"}


def test_a_moved_s3_keeps_its_objects(small_lab: Path) -> None:
    state = up(small_lab, services=["s3"])
    connect_s3(state).create_bucket(Bucket="mudanca")
    connect_s3(state).put_object(Bucket="mudanca", Key="k", Body=b"fica")
    master = json.loads((small_lab / "lab.json").read_text())["ports"]["s3_master"]
    down(small_lab)
    with occupied(master), occupied(int(state.s3.endpoint.rsplit(":", 1)[1])):
        moved = up(small_lab, services=["s3"], new_ports=True)
    assert moved.s3.endpoint != state.s3.endpoint
    assert connect_s3(moved).get_object(Bucket="mudanca", Key="k")["Body"].read() == b"fica"


def test_a_service_that_never_ran_moves_by_itself_when_its_port_is_taken(small_lab: Path) -> None:
    port = up(small_lab, services=["ldap"]).smtp.port
    with occupied(port):
        assert up(small_lab, services=["smtp"]).smtp.port != port
    assert running(small_lab) == {"ldap", "smtp"}


def test_settings_point_at_the_lab_and_keep_what_an_operator_added(
    small_lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMPLANTA_REFERENCE_DIR", raising=False)
    state = up(small_lab, services=["smtp"])
    settings = state.settings_file
    with settings.open("a") as file:
        file.write('reference_dir = "/dados/referência"\n')
    down(small_lab)
    record = json.loads((small_lab / "lab.json").read_text())
    record["ports"]["prefect"] += 1
    (small_lab / "lab.json").write_text(json.dumps(record))
    state = up(small_lab, services=["smtp"])
    written = tomllib.loads(settings.read_text())
    assert written["reference_dir"] == "/dados/referência"
    assert written["lab_dir"] == str(small_lab)
    assert written["prefect_api_url"] == state.prefect.api_url
    assert written["registry_url"] == state.mariadb.registry_url.get_secret_value()


def test_the_reference_directory_is_remembered_for_shells_that_do_not_name_it(
    small_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for named, remembered in ((tmp_path / "a", "a"), (None, "a"), (tmp_path / "b", "b")):
        if named is None:
            monkeypatch.delenv("IMPLANTA_REFERENCE_DIR")
        else:
            monkeypatch.setenv("IMPLANTA_REFERENCE_DIR", str(named))
        settings = up(small_lab, services=["smtp"]).settings_file
        assert tomllib.loads(settings.read_text())["reference_dir"] == str(tmp_path / remembered)


def test_servers_inherit_how_often_to_try_and_no_other_setting(
    small_lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPLANTA_RETRIES", "1")
    monkeypatch.setenv("IMPLANTA_REGISTRY_URL", "mysql+pymysql://u:s@producao/implanta")
    up(small_lab, services=["smtp"])
    (pid,) = (service.pid for service in status(small_lab) if service.service == "smtp")
    environment = psutil.Process(pid).environ()
    assert environment["IMPLANTA_RETRIES"] == "1"
    assert "IMPLANTA_REGISTRY_URL" not in environment


def test_two_ups_at_once_start_one_server(small_lab: Path) -> None:
    both = [start_in_background(small_lab, *CHEAP) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert running(small_lab) == set(CHEAP)
    assert len(list(list_marked(small_lab))) == len(CHEAP)


def test_an_up_killed_before_it_wrote_down_its_server_finds_it_again(small_lab: Path) -> None:
    up(small_lab, services=["ldap"])
    record = json.loads((small_lab / "lab.json").read_text())
    pid = record["processes"].pop("ldap")["pid"]
    (small_lab / "lab.json").write_text(json.dumps(record))
    up(small_lab, services=["ldap"])
    assert {service.pid for service in status(small_lab) if service.service == "ldap"} == {pid}


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 0.2, 0.35, 0.5, 0.65, 0.8])
def test_an_up_killed_anywhere_is_finished_by_the_next(small_lab: Path, share: float) -> None:
    typical_seconds = 3.0
    process = start_in_background(small_lab, "mariadb", "ldap", "smtp")
    try:
        process.wait(share * typical_seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    up(small_lab, services=["mariadb", "ldap", "smtp"])
    assert running(small_lab) == {"mariadb", "ldap", "smtp"}
    assert len([p for p in list_marked(small_lab) if p.name() == "mariadbd"]) == 1


def test_a_path_longer_than_a_socket_name_is_no_obstacle(small_lab: Path) -> None:
    deep = small_lab / ("d" * 90) / ("e" * 90)
    try:
        up(deep, services=["mariadb", "s3"])
        assert running(deep) == {"mariadb", "s3"}
    finally:
        down(deep, destroy=True)


def test_an_unknown_service_is_refused_with_the_known_ones(small_lab: Path) -> None:
    with pytest.raises(InvalidInputError, match="mariadb"):
        up(small_lab, services=["oracle"])


@retry(retry=retry_if_result(lambda found: not found), stop=stop_after_delay(10), wait=wait_fixed(0.1))
def has_said(path: Path, text: str) -> bool:
    return path.exists() and text in path.read_text()


def test_status_fails_and_tells_which_service_is_down(small_lab: Path) -> None:
    up(small_lab, services=["smtp"])
    answer = CliRunner().invoke(app, ["status", "--lab-dir", str(small_lab), "--json"])
    services = {service["service"]: service["state"] for service in json.loads(answer.stdout)["services"]}
    assert answer.exit_code == 10
    assert services["smtp"] == "running"
    assert services["ldap"] == "stopped"


def test_logs_show_what_a_server_said(small_lab: Path) -> None:
    up(small_lab, services=["s3"])
    assert has_said(small_lab / "log" / "s3.log", "weed")
    command = [sys.executable, "-m", "cli", "lab", "logs", "s3", "-n", "3", "--lab-dir", str(small_lab)]
    shown = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert len(shown.stdout.splitlines()) == 3
    refused = CliRunner().invoke(app, ["logs", "ldap", "--lab-dir", str(small_lab)])
    assert refused.exit_code == InvalidInputError.exit_code


def test_destroying_without_a_terminal_needs_yes(small_lab: Path) -> None:
    up(small_lab, services=["smtp"])
    refused = CliRunner().invoke(app, ["down", "--destroy", "--lab-dir", str(small_lab)])
    assert refused.exit_code == InvalidInputError.exit_code
    assert running(small_lab) == {"smtp"}
    done = CliRunner().invoke(app, ["down", "--destroy", "--yes", "--lab-dir", str(small_lab)])
    assert done.exit_code == 0
    assert not small_lab.exists()
