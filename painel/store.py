"""The board as it was read last: every page is answered from memory, whatever the registry is doing."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.board.board import Board
from domain.board.timeline import Entry
from domain.calendar import local_day
from domain.errors import ImplantaError, told
from registry.board import BoardReader, Version
from tasks import clock
from tasks.board_reading import read_board

logger = logging.getLogger("gateway")

LOOK_SECONDS = 3.0
REST_FACTOR = 9.0
"""Reading takes at most a tenth of this process's time, however much happens in the registry."""
LONGEST_SECONDS = 15 * 60.0
"""After so long it is read anew even if nothing happened: hours pass, and backups grow old."""


@dataclass(frozen=True)
class Snapshot:
    """A board, and since when the registry has not answered, if it does not."""

    board: Board
    version: Version
    silent_since: datetime | None = None


class BoardStore:
    """Keeps the newest board; `run` in a thread of its own looks for news, `refresh` does so at once."""

    def __init__(self, reader: BoardReader, now: Callable[[], datetime] = clock.now) -> None:
        """Take where to read, and the clock."""
        self._reader = reader
        self._now = now
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def current(self) -> Snapshot:
        """The newest board; only the first call of all may have to wait for it.

        Raises:
            RetryableError: the registry has not answered yet since this process began.
        """
        found = self._snapshot
        return found if found is not None else self.refresh()

    def refresh(self) -> Snapshot:
        """Look for news now; a registry that does not answer leaves the board of before, which then says so.

        Raises:
            ImplantaError: there is no board of before.
        """
        with self._lock:
            known = self._snapshot
            try:
                version = self._reader.version()
                if known is None or self._is_old(known, version):
                    board = read_board(self._reader, self._now())
                    self._snapshot, self._read_at = Snapshot(board, version), time.monotonic()
                elif known.silent_since is not None:
                    self._snapshot = Snapshot(known.board, known.version)
            except ImplantaError as error:
                if known is None:
                    raise
                logger.error("%s", told(error))
                if known.silent_since is None:
                    self._snapshot = Snapshot(known.board, known.version, self._now())
            assert self._snapshot is not None  # noqa: S101  # it was just set, or was known before
            return self._snapshot

    def timeline(self, ibge: str) -> tuple[Entry, ...]:
        """What happened to one prefeitura, read now.

        Raises:
            RetryableError: the registry does not answer.
        """
        return self._reader.timeline(ibge)

    def _is_old(self, known: Snapshot, version: Version) -> bool:
        return (
            known.version != version
            or local_day(known.board.taken_at) != local_day(self._now())
            or time.monotonic() - self._read_at > LONGEST_SECONDS
        )

    def run(self) -> None:
        """Look for news until it is stopped."""
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                self.refresh()
            except ImplantaError as error:
                logger.error("%s", told(error))
            except Exception as error:  # a defect must not leave the board standing still for ever
                logger.error("%s", told(error))
            self._ended.wait(max(LOOK_SECONDS, REST_FACTOR * (time.monotonic() - began)))

    def stop(self) -> None:
        """End the loop."""
        self._ended.set()
