"""Whether the foreign keys of a schema hold: a load switches their checks off, and so would hide a broken one."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from itertools import groupby
from types import MappingProxyType
from typing import NamedTuple

from blocks.infra_rows import first_number
from blocks.mariadb import MariaDBServer

_COLUMNS = """
    SELECT table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name,
           referenced_column_name
    FROM information_schema.key_column_usage
    WHERE table_schema = %s AND referenced_table_name IS NOT NULL
    ORDER BY table_name, constraint_name, ordinal_position
"""
_CASCADES = """
    SELECT unique_constraint_schema, referenced_table_name, constraint_schema, table_name
    FROM information_schema.referential_constraints
    WHERE constraint_schema = %s AND (delete_rule IN ('CASCADE', 'SET NULL') OR update_rule IN ('CASCADE', 'SET NULL'))
"""
_TABLES = "SELECT table_schema, table_name FROM information_schema.tables"


class BrokenKey(NamedTuple):
    """A foreign key with rows that point nowhere; `parent` is `schema.table`."""

    table: str
    key: str
    rows: int
    parent: str


class ForeignKeys(NamedTuple):
    """What was looked at, and what does not hold."""

    checked: int
    broken: tuple[BrokenKey, ...]


def check_foreign_keys(
    server: MariaDBServer,
    schema: str,
    untouched: Set[str] = frozenset(),
    parents: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> ForeignKeys:
    """Look for the parent of every row, key by key; a key with a NULL in it points nowhere by intent.

    Left out are the keys of tables that are `untouched`, with rows and structure, since they were looked at, to columns
    that `parents` have as they had them then.
    """
    broken: list[BrokenKey] = []
    checked = 0
    with server.transaction(schema) as cursor:
        cursor.execute(_TABLES)
        tables = set(cursor.fetchall())
        cursor.execute(_COLUMNS, (schema,))
        for (table, key), columns in _keys(cursor.fetchall()):
            parent = columns[0][3], columns[0][4]
            same = parents.get(parent[1], ()) if parent[0] == schema else ()
            if table in untouched and all(column[5] in same for column in columns):
                continue
            cursor.execute(_orphans(table, columns) if parent in tables else _pointing(table, columns))
            checked += 1
            if rows := first_number(cursor):
                broken.append(BrokenKey(table, key, rows, ".".join(parent)))
    return ForeignKeys(checked, tuple(broken))


def cascades(server: MariaDBServer, schemas: Iterable[str]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """For a table, as schema and name, those whose rows change when one of its own is deleted or changed."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    with server.transaction() as cursor:
        for schema in schemas:
            cursor.execute(_CASCADES, (schema,))
            for parent_schema, parent, child_schema, child in cursor.fetchall():
                found.setdefault((str(parent_schema), str(parent)), set()).add((str(child_schema), str(child)))
    return found


def _keys(rows: Sequence[tuple[str, ...]]) -> Iterator[tuple[tuple[str, str], list[tuple[str, ...]]]]:
    for (table, key), columns in groupby(rows, key=lambda row: (row[0], row[1])):
        yield (table, key), list(columns)


def _orphans(table: str, columns: Sequence[tuple[str, ...]]) -> str:
    # Every name comes from information_schema; a backtick in one would be doubled.
    parent = f"{_quoted(columns[0][3])}.{_quoted(columns[0][4])}"
    joined = " AND ".join(f"p.{_quoted(column[5])} = c.{_quoted(column[2])}" for column in columns)
    return (
        f"SELECT COUNT(*) FROM {_quoted(table)} c LEFT JOIN {parent} p ON {joined}"
        f" WHERE {_given(columns)} AND p.{_quoted(columns[0][5])} IS NULL"
    )


def _pointing(table: str, columns: Sequence[tuple[str, ...]]) -> str:
    """Where the parents' whole table is lost, every row that names one is an orphan."""
    return f"SELECT COUNT(*) FROM {_quoted(table)} c WHERE {_given(columns)}"


def _given(columns: Sequence[tuple[str, ...]]) -> str:
    return " AND ".join(f"c.{_quoted(column[2])} IS NOT NULL" for column in columns)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
