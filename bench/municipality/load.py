"""Rows into a table by LOAD DATA, the fastest way in, with every foreign key checked and nothing lost quietly."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

import pymysql

from blocks.mariadb import MariaDBServer, identifier
from domain.errors import IntegrityError

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

Value: TypeAlias = str | bytes | int | datetime | Decimal | None
Row: TypeAlias = dict[str, Value]


@contextmanager
def loading(server: MariaDBServer, schema: str) -> "Iterator[Cursor]":
    """One transaction that may LOAD DATA LOCAL, which the product's own door refuses; committed at the end."""
    with (
        pymysql.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password.get_secret_value(),
            database=schema,
            charset="latin1",
            local_infile=True,
            ssl_ca=str(server.ca_file) if server.ca_file else None,
            ssl_verify_cert=server.ca_file is not None,
            ssl_disabled=server.ca_file is None,
        ) as connection,
        connection.cursor() as cursor,
    ):
        yield cursor
        connection.commit()


# What the rows, which are those of SEI 4.1, lack in an older version.
_OLDER: Row = {"sin_acessibilidade": "N"}


def load_rows(cursor: "Cursor", table: str, rows: Iterable[Row]) -> None:
    """Put rows that all have the same columns into a table; of an older version those that it has.

    Raises:
        IntegrityError: the server left a row out or changed a value, which LOAD DATA LOCAL only warns of.
    """
    columns: Sequence[str] = ()
    count = 0
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s",
        (table,),
    )
    there = {str(name) for (name,) in cursor.fetchall()}
    older = {column: value for column, value in _OLDER.items() if column in there}
    with tempfile.NamedTemporaryFile(prefix="implanta-bench-") as file:
        for row in rows:
            columns = columns or tuple(column for column in {**older, **row} if column in there)
            whole = {**older, **row}
            file.write(b"\t".join(_field(whole[column]) for column in columns) + b"\n")
            count += 1
        file.flush()
        if not count:
            return
        names = ", ".join(map(identifier, columns))
        loaded = cursor.execute(
            f"LOAD DATA LOCAL INFILE %s INTO TABLE {identifier(table)} CHARACTER SET latin1 ({names})", (file.name,)
        )
    if loaded != count or cursor.warning_count:
        raise IntegrityError(
            f"{count - loaded} linhas não entraram, com {cursor.warning_count} avisos", table, "Corrija bench/."
        )


def _field(value: Value) -> bytes:
    if value is None:
        return b"\\N"
    text = value if isinstance(value, bytes) else str(value).encode("cp1252")
    return text.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n")
