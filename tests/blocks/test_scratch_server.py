"""A private server for one restoration: nothing of it outlives whoever started it, and nobody else gets in."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from blocks import scratch_server as module
from blocks.held_directory import sweep
from blocks.scratch_server import scratch_server
from blocks.settings import PROJECT_ROOT
from domain.errors import InvalidInputError, RetryableError
from tests.waiting import wait_until

PROGRAM = """
import sys, time
from pathlib import Path
from blocks.scratch_server import scratch_server
with scratch_server(Path(sys.argv[1])) as scratch:
    print(scratch.process.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("r")


def homes(parent: Path) -> list[str]:
    return [path.name for path in parent.glob("rascunho-*")]


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_it_answers_is_empty_and_is_gone_with_all_it_held(parent: Path) -> None:
    with scratch_server(parent) as first, scratch_server(parent) as second:
        first.server.ensure_database("implanta_um_rascunho")
        assert first.server.list_databases("implanta_") == ["implanta_um_rascunho"]
        assert second.server.list_databases("implanta_") == []
        assert len(homes(parent)) == 2
    assert homes(parent) == []
    assert not is_running(first.process.pid)
    with pytest.raises(RetryableError, match="não respondeu"):
        first.server.probe()


def test_nobody_gets_in_without_its_password(parent: Path) -> None:
    with scratch_server(parent) as scratch:
        for user, password in (("root", ""), ("root", "outra"), ("", ""), ("mariadb.sys", "")):
            stranger = scratch.server.model_copy(update={"user": user, "password": SecretStr(password)})
            with pytest.raises(InvalidInputError, match="recusou o acesso"):
                stranger.probe()
        command = " ".join(psutil.Process(scratch.process.pid).cmdline())
        assert scratch.server.password.get_secret_value() not in command
        assert (scratch.home.stat().st_mode & 0o077) == 0


def test_it_is_removed_also_when_the_work_in_it_fails(parent: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch_server(parent) as scratch:
        raise ZeroDivisionError
    assert homes(parent) == []
    assert not is_running(scratch.process.pid)


def test_a_server_that_dies_is_told_as_a_failure_of_this_machine(parent: Path) -> None:
    with pytest.raises(RetryableError), scratch_server(parent) as scratch:
        scratch.process.kill()
        scratch.process.wait()
        scratch.server.probe()
    assert homes(parent) == []


@pytest.fixture
def killed(parent: Path) -> Iterator[int]:
    """The server of a program that was killed with -9."""
    starter = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(parent)], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    assert is_running(pid)
    assert sweep(parent, "rascunho-") == 0, "what is used stays"
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    yield pid


def test_it_dies_with_who_started_it_and_its_directory_is_swept_by_the_next(parent: Path, killed: int) -> None:
    wait_until(lambda: not is_running(killed), "the server died with its starter")
    assert len(homes(parent)) == 1
    with scratch_server(parent):
        assert len(homes(parent)) == 1
    assert homes(parent) == []


def test_a_directory_that_nothing_can_be_written_to_is_told(tmp_path: Path) -> None:
    file = tmp_path / "arquivo"
    file.write_text("nada")
    with pytest.raises(RetryableError, match="não pôde ser feito"), scratch_server(file):
        pass


def test_a_missing_program_names_its_package(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(module, "Path", lambda *_: parent / "nada")
    with pytest.raises(InvalidInputError, match="Instale o pacote mariadb-server"), scratch_server(parent):
        pass
