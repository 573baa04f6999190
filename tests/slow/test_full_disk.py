"""A disk that is full under the lab: one clear line, nothing half done taken for done, and a rerun that finishes."""

import errno
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from blocks.settings import PROJECT_ROOT
from domain.lifecycle import Stage
from lab import down, status
from lab.profiles import SERVICE_NAMES
from lab.state import load_state
from registry import Registry
from tests.demo.conftest import run_demo
from tests.operator import operator_environment
from tests.slow.end_state import count_duplicates, find_useless_invitations
from tests.waiting import wait_until

ENOUGH, TOO_SMALL = "1400m", "64m"
PATIENCE_SECONDS = 300
FULL_DISK_EXIT_CODE = 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root"),
]


@pytest.fixture
def disk() -> Iterator[Callable[[str], Path]]:
    """Mounts a small disk of the given size, for one lab."""
    # Not under pytest's own directory: a socket's path has about 100 characters at most.
    at = Path(tempfile.mkdtemp(prefix="implanta-disco-")).resolve()

    def mount(size: str) -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"this machine does not let root mount a small disk: {done.stderr.strip()}")
        return at

    try:
        yield mount
    finally:
        down(at, destroy=True)
        subprocess.run(["umount", str(at)], check=False, capture_output=True)
        at.rmdir()


def fill(disk: Path) -> Path:
    """A file that takes every byte that is left."""
    filler = disk / "enchimento"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError as e:
            assert e.errno == errno.ENOSPC
    return filler


def start(lab: Path, said: IO[str], *command: str) -> "subprocess.Popen[bytes]":
    environment = operator_environment(lab, official=False)
    return subprocess.Popen(
        [PROJECT_ROOT / "implanta", *command], env=environment, stdout=subprocess.DEVNULL, stderr=said
    )


def errors_in(said: str) -> list[str]:
    """What a failed command said beside the steps that it had done."""
    assert "Traceback" not in said, said
    lines = said.splitlines()
    return lines[next((at for at, line in enumerate(lines) if line.startswith("Erro:")), 0) :]


def test_a_disk_too_small_from_the_start_is_named_with_what_is_left(disk: Callable[[str], Path]) -> None:
    at = disk(TOO_SMALL)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        assert start(at, said, "lab", "up").wait(PATIENCE_SECONDS) == FULL_DISK_EXIT_CODE
        said.seek(0)
        (line,) = errors_in(said.read())
    assert line.startswith("Erro: Disco cheio: restam 6")
    assert f"({at})" in line
    assert "500 MB" in line


@dataclass(frozen=True)
class Moment:
    """When the disk fills up, and the first stage that this keeps from being finished."""

    has_come: Callable[[Path, str], bool]
    stage: Stage


MOMENTS = {
    "before the first environment": Moment(
        lambda _, said: "planilhas de unidades e usuários" in said, Stage.ENVIRONMENT_TRAINING
    ),
    "while the first databases are loaded": Moment(
        lambda lab, _: (lab / "mariadb" / "data" / "timoteo_treinamento_sei").exists(), Stage.ENVIRONMENT_TRAINING
    ),
    # The rest of the mails may be out before the disk is full: it is the next stage that surely is not finished.
    "while people are invited": Moment(
        lambda lab, _: (lab / "mail" / "new").exists() and len(list((lab / "mail" / "new").iterdir())) > 20,
        Stage.ENVIRONMENT_PRODUCTION,
    ),
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_disk_that_fills_up_in_a_demo_stops_it_in_one_line_and_the_rerun_finishes(
    disk: Callable[[str], Path], moment: Moment
) -> None:
    at = disk(ENOUGH)
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8") as said:
        demo = start(at, said, "demo", "--json")
        wait_until(
            lambda: demo.poll() is not None or moment.has_come(at, Path(said.name).read_text(encoding="utf-8")),
            "the demo has come so far",
            seconds=PATIENCE_SECONDS,
        )
        filler = fill(at)
        assert demo.wait(PATIENCE_SECONDS) == FULL_DISK_EXIT_CODE
        errors = errors_in(Path(said.name).read_text(encoding="utf-8"))
    assert len(errors) == 1, errors
    (line,) = errors
    assert line.startswith("Erro: Disco cheio: restam ")
    assert f"({at})" in line
    filler.unlink()

    state = load_state(at)
    registry = Registry(state.mariadb.registry_url)
    finished = {str(event.details["stage"]) for event in registry.events(kinds=["stage.finished"])}
    registry.dispose()
    assert moment.stage not in finished

    assert run_demo(at, official=False)["environments"]
    assert {service.service for service in status(at) if service.state == "running"} == set(SERVICE_NAMES)
    assert not any(count_duplicates(state).values())
    assert len(find_useless_invitations(state)) == 1, "nobody but the demo's visitor has a password of their own"
