"""Real servers as private processes, for the demo, the tests and the benches, and for nothing else.

`up`, `down`, `status` and `log_file` are the whole way in; `lab.state.load_state` gives the addresses and passwords.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.orchestration import down, log_file, status, up

__all__ = ["down", "log_file", "status", "up"]


def __getattr__(name: str) -> object:
    # Lazy, because servers of ours run as modules of this package and must not load every client library first.
    if name in __all__:
        return getattr(import_module("lab.orchestration"), name)
    raise AttributeError(name)
