"""A scratch server that starts while its user still does something else."""

from concurrent.futures import Future
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

from blocks.scratch_server import ScratchServer, scratch_server


class ScratchAhead:
    """One scratch server, started by the first who asks, and gone when the block ends.

    A thread of its own owns it, because the server dies with the thread that started it.
    """

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._started: Future[ScratchServer] = Future()
        self._left = Event()
        self._owner: Thread | None = None

    def begin(self) -> None:
        """Start the server, unless it was; what goes wrong is told by `server`."""
        if self._owner is None:
            self._owner = Thread(target=self._own, daemon=True)
            self._owner.start()

    def server(self) -> ScratchServer:
        """The server, as soon as it answers. Raises as `scratch_server`."""
        self.begin()
        return self._started.result()

    def release(self) -> None:
        """Nobody needs it any more: it goes away while its user does something else."""
        self._left.set()

    def _own(self) -> None:
        try:
            with scratch_server(self._parent) as scratch:
                self._started.set_result(scratch)
                self._left.wait()
        except BaseException as e:
            if self._started.done():
                raise
            self._started.set_exception(e)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        if self._owner is not None:
            self._owner.join()
