"""kill -9 at any moment of a backup, then another run: proved, and nothing of the killed one is left."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import psutil
import pytest

from blocks.settings import PROJECT_ROOT, Settings
from domain.errors import GateClosedError
from tasks import clock
from tasks.backup_cycle import back_up
from tests.flows.backup_ground import Ground, lay, make_instance
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
KILLS = int(os.environ.get("IMPLANTA_KILLS", "20"))
SEED = int(os.environ.get("IMPLANTA_SEED", "20261128"))
PROGRAM = """
import sys
from tasks.backup_cycle import back_up
from tasks.instance import load_instance
instance = load_instance(sys.argv[1])
print("começa", flush=True)
back_up(instance)
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("r")


@pytest.fixture(scope="module")
def ground(programme: Settings, scratch: Path) -> Ground:
    assert programme
    os.environ["IMPLANTA_SCRATCH_DIR"] = str(scratch)
    try:
        return lay(make_instance("3101300", "Alagoa"))
    finally:
        os.environ.pop("IMPLANTA_SCRATCH_DIR")


def start(slug: str) -> "subprocess.Popen[str]":
    """A backup by a process of its own, which is about to begin."""
    run = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, slug],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "começa\n"
    return run


def servers_in(scratch: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE and str(scratch) in " ".join(process.info["cmdline"] or [])
    ]


def leftovers(ground: Ground, scratch: Path) -> list[str]:
    """What a run that is over must not leave."""
    storage, bucket = ground.storage, ground.instance.name.backup_bucket
    uploads = storage._client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    loose = [
        stored.key
        for stored in storage.versions_below()
        if (fact := storage.head(stored.key, stored.version_id)) is None
        or fact.retain_until is None
        or fact.retain_until < clock.now()
    ]
    return [
        *(f"servidor {pid}" for pid in servers_in(scratch)),
        *(path.name for path in scratch.glob("rascunho-*")),
        *(f"envio {upload['Key']}" for upload in uploads),
        *(f"sem trava {key}" for key in loose),
    ]


def test_twenty_kills_leave_nothing_that_the_next_run_does_not_clear(
    ground: Ground, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPLANTA_SCRATCH_DIR", str(scratch))
    slug, chance = ground.instance.name.slug, random.Random(SEED)
    started = monotonic()
    undisturbed = start(slug)
    assert undisturbed.wait(120) == 0
    whole = monotonic() - started
    assert leftovers(ground, scratch) == []
    killed = 0
    for number in range(KILLS):
        run = start(slug)
        moment = whole * (number + chance.random()) / KILLS * 0.9
        try:
            run.wait(moment)
        except subprocess.TimeoutExpired:
            os.kill(run.pid, signal.SIGKILL)
            run.wait()
            killed += 1
        wait_until(lambda: not servers_in(scratch), "its server died with it")

        def proved() -> bool:
            try:
                return back_up(ground.instance).proved
            except GateClosedError:  # the server has not noticed yet that the one who held the lock is gone
                return False

        wait_until(proved, "the next run is not kept out and is proved")
        assert leftovers(ground, scratch) == [], f"kill nº {number + 1} aos {moment:.1f} s (IMPLANTA_SEED={SEED})"
    assert killed > KILLS / 2
