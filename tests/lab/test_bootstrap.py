"""`./implanta`, the shell script: it prepares once, works from anywhere, and says what it cannot do."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from blocks.settings import PROJECT_ROOT

NOTHING_TO_DO_SECONDS = 1.0
# Everything that the script itself calls; no apt-get, no sudo, no server.
OWN_TOOLS = ("cat", "cksum", "dirname", "env", "flock", "id", "ls", "mv", "readlink", "rm", "sh")


def run(
    script: Path, *arguments: str, cwd: Path = Path("/"), path: str | None = None
) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | ({"PATH": path} if path else {})
    return subprocess.run(
        [script, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=280
    )


def is_prepared() -> bool:
    """Whether the script would find nothing to do: else it would change the environment that runs these tests."""
    stamp = PROJECT_ROOT / ".venv" / ".implanta-dev"
    locks = sorted((PROJECT_ROOT / "locks").glob("*.txt"))
    joined = subprocess.run(
        ["cksum"], input=b"".join(lock.read_bytes() for lock in locks), capture_output=True, check=True
    )
    return stamp.exists() and joined.stdout.decode().strip() in stamp.read_text()


prepared = pytest.mark.skipif(not is_prepared(), reason=".venv was not made by ./implanta from these locks")


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH on which no server is installed and nothing can install one."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in OWN_TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)
    return str(tools)


@prepared
def test_help_does_no_work_once_set_up_and_is_instant() -> None:
    stamp = PROJECT_ROOT / ".venv" / ".implanta-dev"
    before = stamp.stat().st_mtime_ns
    seconds = []
    for _ in range(3):
        start = time.monotonic()
        shown = run(PROJECT_ROOT / "implanta", "--help")
        seconds.append(time.monotonic() - start)
        assert shown.returncode == 0
        assert "Laboratório" in shown.stdout
        assert shown.stderr == ""
    assert stamp.stat().st_mtime_ns == before
    assert min(seconds) < NOTHING_TO_DO_SECONDS


@prepared
def test_it_works_through_a_link_and_beside_directories_with_our_names(tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__init__.py").write_text("raise SystemExit('the wrong package')")
    (tmp_path / "atalho").symlink_to(PROJECT_ROOT / "implanta")
    assert run(tmp_path / "atalho", "lab", "--help", cwd=tmp_path).returncode == 0


@prepared
def test_commands_that_need_no_server_ask_for_none(bare_path: str) -> None:
    assert run(PROJECT_ROOT / "implanta", "municipality", "--help", path=bare_path).returncode == 0


@pytest.fixture
def small_project(tmp_path: Path) -> Path:
    """A project with the real script, the real lock of uv, and one small library."""
    root = tmp_path / "projeto com espaço"
    (root / "locks").mkdir(parents=True)
    (root / "cli").mkdir()
    shutil.copy(PROJECT_ROOT / "implanta", root)
    shutil.copy(PROJECT_ROOT / "locks" / "bootstrap.txt", root / "locks")
    entry = next(
        block
        for block in (PROJECT_ROOT / "locks" / "runtime.txt").read_text().replace(" \\\n", " ").splitlines()
        if block.startswith("psutil==")
    )
    for kind in ("runtime", "dev"):
        (root / "locks" / f"{kind}.txt").write_text(entry + "\n")
    (root / "cli" / "__init__.py").write_text("")
    (root / "cli" / "__main__.py").write_text("import psutil, sys; print('pronto', *sys.argv[1:])\n")
    return root


def test_without_root_or_apt_it_names_the_missing_packages(small_project: Path, bare_path: str) -> None:
    refused = run(small_project / "implanta", "demo", path=bare_path)
    assert refused.returncode == 20
    assert refused.stdout == ""
    assert "mariadb-server" in refused.stderr
    assert "apt-get install" in refused.stderr


def test_only_making_documents_asks_for_the_converter(small_project: Path, bare_path: str) -> None:
    refused = run(small_project / "implanta", "instrument", "generate", "timoteo", path=bare_path)
    assert refused.returncode == 20
    assert "libreoffice-writer-nogui" in refused.stderr
    assert "mariadb-server" not in refused.stderr
    for command in (("demo",), ("instrument", "list", "timoteo")):
        assert "libreoffice" not in run(small_project / "implanta", *command, path=bare_path).stderr


def test_without_python_it_says_which_one_to_install(small_project: Path, bare_path: str) -> None:
    refused = run(small_project / "implanta", "municipality", path=bare_path)
    assert refused.returncode == 20
    assert "Python 3.11" in refused.stderr


def test_libraries_of_another_directory_are_left_alone(small_project: Path, tmp_path: Path) -> None:
    others = tmp_path / "dos-outros"
    others.mkdir()
    (others / "deles").touch()
    (small_project / ".venv").symlink_to(others)
    refused = run(small_project / "implanta", "municipality")
    assert refused.returncode == 20
    assert "link simbólico" in refused.stderr
    assert [path.name for path in others.iterdir()] == ["deles"]


@pytest.mark.slow
def test_it_prepares_a_fresh_directory_and_passes_the_arguments_on(small_project: Path) -> None:
    first = run(small_project / "implanta", "municipality", "São João")
    assert first.returncode == 0, first.stderr
    assert first.stdout == "pronto municipality São João\n"
    assert "bibliotecas" in first.stderr
    assert run(small_project / "implanta").stderr == ""


@pytest.mark.slow
def test_killed_anywhere_the_next_run_finishes(small_project: Path) -> None:
    for seconds in (0.3, 0.8, 1.5, 2.5, 3.5):
        process = subprocess.Popen([small_project / "implanta"], start_new_session=True, stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    finished = run(small_project / "implanta")
    assert finished.stdout == "pronto\n", finished.stderr


@pytest.mark.slow
def test_two_at_once_prepare_it_once(small_project: Path) -> None:
    both = [
        subprocess.Popen([small_project / "implanta"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=200) for process in both]
    assert [out for out, _ in said] == ["pronto\n", "pronto\n"]
    assert sum("Criando o ambiente" in talk for _, talk in said) == 1
    assert sum("aguardando" in talk for _, talk in said) == 1


@pytest.mark.slow
def test_a_changed_lock_is_installed(small_project: Path) -> None:
    run(small_project / "implanta")
    with (small_project / "locks" / "runtime.txt").open("a") as lock:
        lock.write("# changed\n")
    again = run(small_project / "implanta")
    assert "bibliotecas" in again.stderr
    assert "Criando o ambiente" not in again.stderr
