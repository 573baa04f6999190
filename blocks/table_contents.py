"""What tables hold over some of their columns, counted by the server itself: an upgrade adds columns to tables whose
rows it must leave alone, so a checksum of the whole table says nothing.
"""

import hashlib
from collections.abc import Collection, Mapping
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


def read_contents(
    server: MariaDBServer, schema: str, columns: Mapping[str, Collection[str]]
) -> dict[str, TableContent]:
    """Rows and digest of each table over its given columns; a table or column that is not there leaves its table out.

    A row's SHA-256 is of its values with their lengths, NULL apart; those of all rows are added up in four lanes of 64
    bits, so that a row which occurs twice counts twice and their order does not matter.
    """
    patient = server.model_copy(update={"answer_timeout_seconds": _ANSWER_TIMEOUT_SECONDS})
    with patient.transaction(schema) as cursor:
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        cursor.execute("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()")
        there = set(cursor.fetchall())
        return {
            table: _read(cursor, table, names)
            for table, names in sorted(columns.items())
            if names and all((table, name) in there for name in names)
        }


def _read(cursor: "Cursor", table: str, columns: Collection[str]) -> TableContent:
    values = ", ".join(
        f"IF({quoted(name)} IS NULL, 'N', CONCAT(LENGTH({quoted(name)}), ':', CAST({quoted(name)} AS BINARY)))"
        for name in sorted(columns)
    )
    lanes = ", ".join(f"SUM(CAST(CONV(SUBSTR(h, {start}, {_LANE}), 16, 10) AS DECIMAL(20)))" for start in _LANES)
    cursor.execute(f"SELECT COUNT(*), {lanes} FROM (SELECT SHA2(CONCAT({values}), 256) AS h FROM {quoted(table)}) d")
    count, *sums = cursor.fetchone() or (0,)
    digest = hashlib.sha256(" ".join(str(total or 0) for total in sums).encode()).hexdigest()
    return TableContent(rows=int(count), digest=digest)
