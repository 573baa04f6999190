"""Rows of a restored SEI written as CSV for somebody to read: a whole table, or all that belongs to one process."""

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pymysql.cursors import SSCursor

from blocks.mariadb import MariaDBServer
from blocks.packed_files import explaining_disk
from domain.errors import InvalidInputError

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

_AT_ONCE = 1000
_KEYS = """
    SELECT table_name, column_name, referenced_table_name, referenced_column_name
    FROM information_schema.key_column_usage
    WHERE table_schema = DATABASE() AND referenced_table_schema = DATABASE()
    ORDER BY table_name, column_name
"""

Value = str | int | None


class _Key(NamedTuple):
    """A foreign key of one column: a row with it belongs to the row that it points to."""

    table: str
    column: str
    parent: str
    parent_column: str


def write_table(server: MariaDBServer, schema: str, table: str, target: Path) -> int:
    """Write every row of a table, in the order of its server; how many.

    Raises:
        InvalidInputError: there is no such table.
        RetryableError: the disk refuses the file.
    """
    with server.transaction(schema) as cursor:
        _require_table(cursor, table)
        stream = cursor.connection.cursor(SSCursor)  # a table may be longer than this machine's memory
        try:
            stream.execute(f"SELECT * FROM {_quoted(table)}")
            return _write(target, [column[0] for column in stream.description], iter(stream))
        finally:
            stream.close()


def write_process(
    server: MariaDBServer, schema: str, number: str, directory: Path, without: Callable[[str], bool]
) -> dict[str, int]:
    """Write what belongs to one process, a file a table; the rows of each.

    Belongs: the process, its documents, and every row that points to one of them, or to a row that does, and so on.
    A table that `without` names is left out, and whatever only points to it.

    Raises:
        InvalidInputError: there is no process of this number.
        RetryableError: the disk refuses a file.
    """
    with server.transaction(schema) as cursor:
        found = _rows_of_process(cursor, number, without)
        counts = {}
        for table, (columns, rows) in sorted(found.items()):
            counts[table] = _write(directory / f"{table}.csv", columns, iter(rows.values()))
    return counts


_Selection = dict[str, tuple[list[str], dict[tuple[object, ...], tuple[object, ...]]]]


def _rows_of_process(cursor: "Cursor", number: str, without: Callable[[str], bool]) -> _Selection:
    cursor.execute(
        "SELECT p.id_protocolo FROM protocolo p JOIN procedimento q ON q.id_procedimento = p.id_protocolo"
        " WHERE p.protocolo_formatado = %s",
        (number,),
    )
    if (process := cursor.fetchone()) is None:
        raise InvalidInputError(
            "A cópia não tem um processo com esse número", "--process", "Confira o número, com pontos, barra e hífen."
        )
    cursor.execute("SELECT id_documento FROM documento WHERE id_procedimento = %s", process)
    protocols = [process[0], *(row[0] for row in cursor.fetchall())]
    cursor.execute(_KEYS)
    children: dict[str, list[_Key]] = {}
    for key in map(_Key._make, cursor.fetchall()):
        if not without(key.table):
            children.setdefault(key.parent, []).append(key)
    found: _Selection = {}
    waiting = [("protocolo", _select(cursor, found, "protocolo", "id_protocolo", protocols))]
    while waiting:
        parent, rows = waiting.pop()
        columns = found[parent][0]
        for key in children.get(parent, ()):
            if key.table == parent == "protocolo":  # the process is its documents' own anyway
                continue
            place = columns.index(key.parent_column)
            values = {row[place] for row in rows if row[place] is not None}
            if fresh := _select(cursor, found, key.table, key.column, values):
                waiting.append((key.table, fresh))
    return found


def _select(
    cursor: "Cursor", found: _Selection, table: str, column: str, values: Iterable[object]
) -> list[tuple[object, ...]]:
    """The rows of a table that were not met before."""
    fresh = []
    for some in _pieces(list(values)):
        cursor.execute(f"SELECT * FROM {_quoted(table)} WHERE {_quoted(column)} IN %s", (some,))
        columns = [described[0] for described in cursor.description]
        known = found.setdefault(table, (columns, {}))[1]
        for row in cursor.fetchall():
            if row not in known:
                known[row] = row
                fresh.append(row)
    if table in found and not found[table][1]:
        del found[table]
    return fresh


def _pieces(values: Sequence[object]) -> Iterator[tuple[object, ...]]:
    for start in range(0, len(values), _AT_ONCE):
        yield tuple(values[start : start + _AT_ONCE])


def _require_table(cursor: "Cursor", table: str) -> None:
    cursor.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s", (table,)
    )
    if cursor.fetchone() is None:
        raise InvalidInputError("A cópia não tem essa tabela", table, "Escreva como sei.protocolo ou sip.usuario.")


def _write(target: Path, columns: Sequence[str], rows: Iterator[tuple[object, ...]]) -> int:
    count = 0
    with explaining_disk(target.parent):
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123  # private from its beginning
            writer = csv.writer(file)
            writer.writerow(columns)
            for row in rows:
                writer.writerow([_shown(value) for value in row])
                count += 1
    return count


def _shown(value: object) -> object:
    return f"0x{value.hex()}" if isinstance(value, bytes) else value


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def exported_ids(directory: Path, tables: Mapping[str, int], table: str, column: str) -> set[str]:
    """The values of one column of an exported table."""
    if table not in tables:
        return set()
    with (directory / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return {row[column] for row in csv.DictReader(file)}
