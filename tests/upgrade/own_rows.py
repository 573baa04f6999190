"""What a prefeitura wrote itself, which no upgrade may change, and how much of that the average one has."""

import hashlib
from collections.abc import Mapping

from bench.synthetic import Size
from blocks.mariadb import MariaDBServer
from blocks.release_reading import read_ground
from domain.reference import Database
from domain.upgrade.rows_plan import RELEASE_TABLES, is_counter

# Its texts and files are shorter than those of a real one, as no script looks into them.
AVERAGE = Size(
    processes=3_000,
    documents=11_700,
    html_bytes=1_500,
    attachments=400,
    attachment_bytes=300,
    users=350,
    activities=26_400,
)


def digests(server: MariaDBServer, schema: str, columns: Mapping[str, list[str]]) -> dict[str, str]:
    """A hash of each table's rows over these columns."""
    found = {}
    with server.transaction(schema) as cursor:
        for table, names in columns.items():
            listed = ", ".join(f"`{name}`" for name in names)
            cursor.execute(f"SELECT {listed} FROM `{table}`")
            rows = sorted(map(repr, cursor.fetchall()))
            found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def own_columns(server: MariaDBServer, database: Database, old: str, new: str) -> dict[str, list[str]]:
    """The columns that both schemas have, of each table that is the prefeitura's own."""
    with server.transaction(old) as cursor:
        before = read_ground(cursor, old).tables
    with server.transaction(new) as cursor:
        after = read_ground(cursor, new).tables
    return {
        table: [column for column in before[table].columns if column in after[table].columns]
        for table in before.keys() & after.keys()
        if table not in RELEASE_TABLES[database] and not is_counter(table)
    }
