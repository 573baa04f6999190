"""Filling one table over several connections at once: most of a restoration is the rows of a few large tables."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Self

from blocks.mariadb import MariaDBServer

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

_LANES = 2


class RowLanes:
    """Connections over which INSERT statements of one table run beside each other, in no particular order.

    Only a table with a primary key is equal whatever the order in which its rows came.
    """

    def __init__(self, server: MariaDBServer) -> None:
        self._server = server
        self._left = ExitStack()
        self._free: SimpleQueue[Cursor] = SimpleQueue()
        self._running: list[Future[None]] = []

    def open(self, settings: Sequence[bytes]) -> None:
        """Connect, with the session's settings that the dump begins with."""
        for _ in range(_LANES):
            cursor = self._left.enter_context(self._server.transaction())
            cursor.connection.autocommit(True)
            for setting in settings:
                cursor.connection.query(setting)
            self._free.put(cursor)
        # Entered last, so that it ends first: no connection is closed under a statement.
        self._pool = self._left.enter_context(ThreadPoolExecutor(_LANES))

    def insert(self, schema: str, statement: bytes) -> None:
        """Begin with one statement as soon as a connection is free; `wait` tells whether it went well."""
        self._running.append(self._pool.submit(self._insert, self._free.get(), schema, statement))

    def wait(self) -> None:
        """Until everything that was begun is done. Raises what the first that failed raised."""
        running, self._running = self._running, []
        for insertion in running:
            insertion.result()

    def _insert(self, cursor: "Cursor", schema: str, statement: bytes) -> None:
        try:
            cursor.connection.select_db(schema)
            cursor.connection.query(statement)
        finally:
            self._free.put(cursor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._left.__exit__(kind, error, at)
