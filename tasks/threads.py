"""Threads that go on as whoever starts them: for the same Prefect, in the same run, and rehearsing where that does."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def begin(pool: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Call `work` in the pool, in a copy of the caller's context, which a thread does not have by itself."""
    return pool.submit(copy_context().run, partial(work, *args, **kwargs))
