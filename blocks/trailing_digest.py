"""Digests of a restored copy's large tables, taken while the rest of it is still being restored.

A server fills one table at a time, on one core; the other reads what is filled already. The copy is nobody else's:
whatever is read of a table that is filled is what a reading after the end would find.
"""

import re
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from blocks.dump_restorer import Filled
from blocks.dump_writer import digest_rows
from blocks.mariadb import MariaDBServer
from domain.backup.facts import RowsDigest
from domain.errors import ImplantaError

# A program's start and its connection take longer than reading a small table does with all the others.
_LEAST_BYTES = 4 * 1024 * 1024
_PLAIN = re.compile(r"[a-z][a-z0-9_]*")


class TrailingDigest:
    """Reads large tables in the order in which they are filled, one at a time, in a thread of its own."""

    def __init__(self, server: MariaDBServer, least_bytes: int = _LEAST_BYTES) -> None:
        self._server = server
        self._least_bytes = least_bytes
        self._reading: dict[tuple[str, str], Future[RowsDigest]] = {}
        self._again: set[tuple[str, str]] = set()
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)

    def begin(self, table: Filled) -> None:
        """Take note of a table that is filled."""
        key = (table.schema, table.table)
        if key in self._reading:
            self._again.add(key)
        elif table.size_bytes >= self._least_bytes and all(_PLAIN.fullmatch(name) for name in key):
            self._reading[key] = self._pool.submit(digest_rows, self._server, *key)

    def collect(self) -> dict[tuple[str, str], RowsDigest]:
        """What was read, by schema and table, when all is.

        A table that was filled once more, or could not be read, is left out: the reading at the end tells what it is.
        """
        read = {}
        for key, reading in self._reading.items():
            with suppress(ImplantaError):
                rows = reading.result()
                if key not in self._again:
                    read[key] = rows
        return read
