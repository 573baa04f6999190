"""How the parts of the registry run a transaction that they did not open."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

_Result = TypeVar("_Result")


class Transaction(Protocol):
    """Runs some work in a transaction of its own, and gives what it returned."""

    def __call__(self, work: Callable[[Session], _Result], /) -> _Result: ...
