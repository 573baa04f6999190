"""A full disk under the lab: one clear error, and the rerun finishes the work."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import InvalidInputError
from lab import down, status, up

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root"),
]


def mount(options: str, at: Path) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(at)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this machine does not let root mount a small disk: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Where a test mounts its small disk."""
    at = tmp_path / "disco"
    at.mkdir()
    yield at
    down(at, destroy=True)
    subprocess.run(["umount", str(at)], check=False)


def test_a_nearly_full_disk_is_refused_before_anything_starts(disk: Path) -> None:
    mount("size=64m", disk)
    with pytest.raises(InvalidInputError, match=r"Disco cheio: restam 6\d MB") as refusal:
        up(disk, services=["smtp"])
    assert str(disk) in str(refusal.value)
    assert "500 MB" in refusal.value.fix
    assert {service.pid for service in status(disk)} == {None}


@pytest.mark.parametrize("files", [3, 12, 40, 90])
def test_a_disk_that_fills_up_on_the_way_is_named_and_the_rerun_finishes(disk: Path, files: int) -> None:
    # A disk without room for new files answers 'no space left' whatever its free bytes.
    mount(f"size=2g,nr_inodes={files}", disk)
    with pytest.raises(InvalidInputError, match="Disco cheio") as refusal:
        up(disk, services=["mariadb", "ldap"])
    assert str(disk) in refusal.value.where
    subprocess.run(["mount", "-o", "remount,nr_inodes=100000", str(disk)], check=True)
    up(disk, services=["mariadb", "ldap"])
    assert {s.service for s in status(disk) if s.state == "running"} == {"mariadb", "ldap"}
