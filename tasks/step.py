"""How every step runs: retried when a system did not answer, never answered from a cache."""

import gc
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from blocks.settings import load_settings
from domain.errors import RetryableError

P = ParamSpec("P")
R = TypeVar("R")

RETRY_DELAYS_SECONDS: list[float] = [2, 5, 15]

# A step on ten thousand people makes hundreds of thousands of objects that live as long as it does: at Python's own 700
# the garbage collector goes through all of them over and over, which took a fifth of an import (measured).
gc.set_threshold(50_000)


def _only_retryable(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001  # Prefect's shape
    """A wrong password or a bad spreadsheet does not get better by itself; a server that is down may."""
    try:
        state.result()
    except RetryableError:
        return run.run_count <= load_settings().retries
    except Exception:  # whatever else it was is a reason not to try again
        return False
    return False


def step(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task of a function whose first argument names the environment or municipality it works on.

    The run's name is the label followed by that argument's value. Nothing is cached: a step reads and changes the
    world, and must look at it again each time.
    """

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        subject = next(iter(function.__annotations__))
        return Task(
            function,
            name=name,
            task_run_name=f"{name} · {{{subject}}}",
            retries=len(RETRY_DELAYS_SECONDS),
            retry_delay_seconds=RETRY_DELAYS_SECONDS,
            retry_condition_fn=_only_retryable,
            cache_policy=NO_CACHE,
        )

    return decorate
