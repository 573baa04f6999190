"""What the lab's servers that are an nginx have in common."""

import os
import pwd
from contextlib import suppress
from pathlib import Path

import psutil

from lab import processes

PACKAGE = "nginx"
STOP_SECONDS = 10.0


def user() -> str | None:
    """Whose the workers are; root's workers are root's too, as everything of a lab belongs to one user."""
    return pwd.getpwuid(0).pw_name if os.geteuid() == 0 else None


def stop_orphans(home: Path) -> None:
    """End what a killed nginx leaves behind: its workers go on serving, and hold the port."""
    # nginx writes its title over the environment that marks the lab's processes; its directory marks it as well.
    orphans = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "nginx" and process.cwd() == str(home):
                orphans.append(process)
    for process in sorted(orphans, key=lambda found: found.pid):  # the main process first: it would make new ones
        processes.stop(process, STOP_SECONDS)
