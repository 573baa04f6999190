"""Directories for one piece of work: private, kept while it runs, gone when it ends or with the next one."""

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from blocks.held_directory import held_directory, sweep
from blocks.settings import PROJECT_ROOT
from tests.waiting import end

HOLD = """
import sys, time
from pathlib import Path
from blocks.held_directory import held_directory
with held_directory(Path(sys.argv[1]), "obra-") as home:
    print(home, flush=True)
    time.sleep(600)
"""


def test_it_is_private_and_gone_at_the_end_however_that_comes(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), held_directory(tmp_path, "obra-") as home:
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        (home / "dentro").mkdir()
        (home / "dentro" / "arquivo").touch()
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_what_was_killed_is_swept_by_the_next_and_what_is_in_use_stays(tmp_path: Path) -> None:
    other = tmp_path / "outra-coisa"
    other.mkdir()
    started = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout
    killed = Path(started.stdout.readline().strip())
    with held_directory(tmp_path, "obra-") as home:
        assert killed.exists(), "another's is left alone"
        end(started.pid, signal.SIGKILL)
        started.wait()
        assert sweep(tmp_path, "obra-") == 1
        assert {path for path in tmp_path.iterdir() if path.is_dir()} == {home, other}
