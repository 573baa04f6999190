"""Directories for the length of one piece of work: gone at its end, or swept by the next one when it was killed."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_LOCK_NAME = "em-uso"


@contextmanager
def held_directory(parent: Path, prefix: str) -> Iterator[Path]:
    """A fresh private directory below `parent`, held while the block runs and removed when it ends.

    What killed runs left under the same prefix is swept first.
    """
    with ExitStack() as stack:
        with _alone(parent):  # or another start could sweep it before it is held
            sweep(parent, prefix)
            home = parent / f"{prefix}{secrets.token_hex(4)}"
            home.mkdir(mode=0o700)
            stack.callback(shutil.rmtree, home, ignore_errors=True)
            stack.enter_context(held(home))
        yield home


def sweep(parent: Path, prefix: str) -> int:
    """Remove the directories of this prefix that nobody holds; how many."""
    removed = 0
    for home in parent.glob(f"{prefix}*"):
        with suppress(BlockingIOError, FileNotFoundError), held(home):
            shutil.rmtree(home, ignore_errors=True)
            removed += 1
    return removed


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Hold a directory for this process; the system lets go when it dies. Raises BlockingIOError when it is held."""
    with (home / _LOCK_NAME).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    handle = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
