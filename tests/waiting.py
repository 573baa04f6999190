"""Waiting for what another process does in its own time."""

import os
import signal
from collections.abc import Callable

import psutil
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Return once `holds` is true, asked ten times a second; fail, saying `what`, if it is not so in time."""
    asking = Retrying(
        retry=retry_if_result(lambda held: not held), stop=stop_after_delay(seconds), wait=wait_fixed(0.1)
    )
    try:
        asking(holds)
    except RetryError:
        raise AssertionError(f"not within {seconds:g} s: {what}") from None


def has_ended(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has asked yet how."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(pid: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Send a process the signal, and return when it has ended: until then it may still answer."""
    os.kill(pid, how)
    wait_until(lambda: has_ended(pid), f"process {pid} ends by {how.name}")
