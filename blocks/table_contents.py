"""What tables hold over some of their columns, counted by the server itself: an upgrade adds columns to tables whose
rows it must leave alone, so a checksum of the whole table says nothing.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from blocks.mariadb import MariaDBServer
from domain.upgrade.conditions import TableContent
from domain.upgrade.table_text import quoted

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# A digest reads every row of its table.
_ANSWER_TIMEOUT_SECONDS = 4 * 3600
_LANE = 16
_LANES = range(1, 64, _LANE)
# The server counts with one processor a connection.
_CONNECTIONS = 2

_COLUMNS = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()"
_LARGEST_FIRST = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY data_length DESC"
)


class FrozenSchema:
    """One schema as it was when it was frozen, whatever is written to it since."""

    def __init__(self, cursors: Sequence["Cursor"]) -> None:
        self._cursors = cursors

    def contents(
        self, columns: Mapping[str, Collection[str]], quickly: Set[str] = frozenset()
    ) -> dict[str, TableContent]:
        """Rows and digest of each table over its given columns; a table or column that is not there leaves it out.

        Of tables that are looked at `quickly` two sums of 32 bits a row are added up instead: keys that a step wrote
        are seen by them, and it takes a tenth of the time.

        A row's SHA-256 is of its values with their lengths, NULL apart; those of all rows are added up in four lanes of
        64 bits, so that a row which occurs twice counts twice and their order does not matter.
        """
        first = self._cursors[0]
        first.execute(_COLUMNS)
        there = set(first.fetchall())
        first.execute(_LARGEST_FIRST)
        waiting: SimpleQueue[str] = SimpleQueue()
        for (table,) in first.fetchall():
            names = columns.get(table)
            if names and all((table, name) in there for name in names):
                waiting.put(table)
        with ThreadPoolExecutor(len(self._cursors)) as pool:
            read = partial(_read_waiting, waiting, columns, quickly)
            found = dict(chain.from_iterable(pool.map(read, self._cursors)))
        return dict(sorted(found.items()))


@contextmanager
def frozen(server: MariaDBServer, schema: str) -> Iterator[FrozenSchema]:
    """Hold a schema as it is now, until the block ends. Each table shows one moment; if nobody writes, all do."""
    patient = server.model_copy(update={"answer_timeout_seconds": _ANSWER_TIMEOUT_SECONDS})
    with ExitStack() as held:
        cursors = [held.enter_context(patient.transaction(schema)) for _ in range(_CONNECTIONS)]
        for cursor in cursors:
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        yield FrozenSchema(cursors)


def _read_waiting(
    waiting: "SimpleQueue[str]", columns: Mapping[str, Collection[str]], quickly: Set[str], cursor: "Cursor"
) -> list[tuple[str, TableContent]]:
    """Table after table, until none is left for anybody."""
    found: list[tuple[str, TableContent]] = []
    while True:
        try:
            table = waiting.get_nowait()
        except Empty:
            return found
        found.append((table, _read(cursor, table, columns[table], quickly=table in quickly)))


def _read(cursor: "Cursor", table: str, columns: Collection[str], *, quickly: bool) -> TableContent:
    values = ", ".join(
        f"IF({quoted(name)} IS NULL, 'N', CONCAT(LENGTH({quoted(name)}), ':', CAST({quoted(name)} AS BINARY)))"
        for name in sorted(columns)
    )
    if quickly:
        row, sums = f"CONCAT({values})", "SUM(CRC32(h)), SUM(CRC32C(h)), BIT_XOR(CRC32(h)), BIT_XOR(CRC32C(h))"
    else:
        row = f"SHA2(CONCAT({values}), 256)"
        sums = ", ".join(f"SUM(CAST(CONV(SUBSTR(h, {start}, {_LANE}), 16, 10) AS DECIMAL(20)))" for start in _LANES)
    cursor.execute(f"SELECT COUNT(*), {sums} FROM (SELECT {row} AS h FROM {quoted(table)}) d")
    count, *totals = cursor.fetchone() or (0,)
    digest = hashlib.sha256(" ".join(str(total or 0) for total in totals).encode()).hexdigest()
    return TableContent(rows=int(count), digest=digest)
