"""Trying a change without making it: the same code runs, every door looks, and none writes.

`plan`, `verify` and `apply` are therefore one procedure: what a rehearsal counts and names is what a run would do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_rehearsing: ContextVar[bool] = ContextVar("implanta_rehearsing", default=False)


@contextmanager
def rehearsing() -> Iterator[None]:
    """Run everything inside without leaving a trace in any real system; each step still returns its `Change`."""
    token = _rehearsing.set(True)
    try:
        yield
    finally:
        _rehearsing.reset(token)


def is_rehearsal() -> bool:
    """Whether writing is forbidden here: a door then counts what it would do, and does not do it."""
    return _rehearsing.get()
