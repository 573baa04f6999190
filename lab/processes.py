"""Private processes: started in the background, recognised again later, and stopped, they and no others."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from blocks.waiting import comes_true
from lab.layout import PRIVATE_UMASK
from lab.record import ProcessRecord

MARK = "IMPLANTA_LAB_OWNER"
UNKNOWN_OWNER = ""
HANDED_ON = frozenset({"IMPLANTA_REFERENCE_DIR", "IMPLANTA_RETRIES"})
CLOCK_TOLERANCE_SECONDS = 2.0  # the system derives start times from a clock that may be corrected meanwhile
KILL_SECONDS = 5.0
STOP_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Launch:
    """How one server is started."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)


def _environment(launch: Launch, lab_root: Path) -> dict[str, str]:
    # The caller's own Prefect and Implanta settings may point at production; the lab's servers know only the lab.
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "IMPLANTA_")) or name in HANDED_ON
    }
    around_proxies = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    return inherited | around_proxies | {"DO_NOT_TRACK": "1"} | dict(launch.env) | {MARK: str(lab_root)}


def start(launch: Launch, lab_root: Path, log_file: Path) -> ProcessRecord:
    """Start a server that outlives this process; what it says is appended to `log_file`."""
    descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            # A shell without job control starts us with SIGINT ignored; a Prefect worker that inherits that ignores
            # SIGTERM as well. `env` resets it, then becomes the server: same pid, same start time.
            ["env", "--default-signal=INT,QUIT", *launch.argv],  # noqa: S607  # env is part of every system
            cwd=launch.cwd,
            env=_environment(launch, lab_root),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            umask=PRIVATE_UMASK,
        )
    finally:
        os.close(descriptor)
    return ProcessRecord(pid=process.pid, created_at=psutil.Process(process.pid).create_time())


def find(record: ProcessRecord | None, lab_root: Path) -> psutil.Process | None:
    """The recorded process if it still runs and really is this lab's; pids are reused, and labs are copied."""
    if record is None:
        return None
    try:
        process = psutil.Process(record.pid)
        is_ours = _started_as(process, record) and _owner(process) in {str(lab_root), UNKNOWN_OWNER}
        return process if is_ours else None
    except psutil.Error:
        return None


def find_unrecorded(launch: Launch, lab_root: Path) -> ProcessRecord | None:
    """A server that an earlier `up` started and was killed before it could write that down."""
    for process in list_marked(lab_root):
        with suppress(psutil.Error):
            # Without the program that only starts another, such as setpriv.
            command = tuple(process.cmdline())
            if command and launch.argv[-len(command) :] == command:
                return ProcessRecord(pid=process.pid, created_at=process.create_time())
    return None


def list_marked(lab_root: Path) -> Iterator[psutil.Process]:
    """Every process that this lab's servers are or have started, except the caller and its parents."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid not in own and _owner(process) == str(lab_root):
                yield process


def _owner(process: psutil.Process) -> str | None:
    """The directory of the lab that the process runs for; None when it is dead or no lab's."""
    if process.status() == psutil.STATUS_ZOMBIE:
        return None
    environment = process.environ()
    # For an instant, while a process becomes another program, the system shows no environment at all.
    return environment.get(MARK) if environment else UNKNOWN_OWNER


def stop(process: psutil.Process, patience_seconds: float) -> None:
    """End a process: asked first, killed after `patience_seconds`. Returns when it is gone."""
    with suppress(psutil.NoSuchProcess):
        process.terminate()
        if not _is_gone_within(process, patience_seconds):
            process.kill()
            _is_gone_within(process, KILL_SECONDS)


def wait_until_gone(record: ProcessRecord) -> None:
    """Return when a dying process has let go of its ports and files; at once for one that is not dying."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(record.pid)
        if process.status() == psutil.STATUS_ZOMBIE and _started_as(process, record):
            _is_gone_within(process, KILL_SECONDS)


def _started_as(process: psutil.Process, record: ProcessRecord) -> bool:
    return abs(process.create_time() - record.created_at) < CLOCK_TOLERANCE_SECONDS


def _is_gone_within(process: psutil.Process, seconds: float) -> bool:
    # Not psutil's own wait: it waits for zombies too, and the init of a container may leave them for ever.
    return comes_true(lambda: _is_gone(process), seconds=seconds, every=STOP_POLL_SECONDS)


def _is_gone(process: psutil.Process) -> bool:
    try:
        # A killed program's first thread is a zombie while others still hold its ports and files.
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True
