"""Reading a database for comparison with another: its tables as text, what is defined in it, its reference rows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from pymysql.cursors import Cursor

from blocks.structure import read_structure
from domain.errors import IntegrityError
from domain.structure import Structure
from domain.upgrade.definitions_plan import Definition, DefinitionKind, in_order_of_need
from domain.upgrade.package import Value
from domain.upgrade.rows_plan import VERSION_PARAMETERS, Rows
from domain.upgrade.table_text import ColumnCharacters, TableText, parse_table, quoted

_COLUMNS = """
    SELECT table_name, column_name, column_type, character_set_name, collation_name
    FROM information_schema.columns WHERE table_schema = %s
"""
_DEFINER = re.compile(r" DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`")
_SCHEMA_DEFINITIONS = """
    SELECT routine_type, routine_name, routine_name, sql_mode FROM information_schema.routines
    WHERE routine_schema = %(schema)s
    UNION ALL SELECT 'VIEW', table_name, table_name, '' FROM information_schema.views WHERE table_schema = %(schema)s
    UNION ALL (SELECT 'TRIGGER', trigger_name, event_object_table, sql_mode FROM information_schema.triggers
               WHERE trigger_schema = %(schema)s
               ORDER BY event_object_table, action_timing, event_manipulation, action_order LIMIT 100000)
    UNION ALL SELECT 'EVENT', event_name, event_name, sql_mode FROM information_schema.events
    WHERE event_schema = %(schema)s
"""
# Where the text stands in the answer to SHOW CREATE, and the order in which one may need the other.
_TEXT: dict[DefinitionKind, int] = {"FUNCTION": 2, "PROCEDURE": 2, "VIEW": 1, "TRIGGER": 2, "EVENT": 3}


@dataclass(frozen=True)
class Ground:
    """What a database is: as a fingerprint, and as text that statements can be made of."""

    structure: Structure
    tables: dict[str, TableText]
    definitions: list[Definition]


def read_ground(cursor: Cursor, schema: str) -> Ground:
    """Everything of a schema but its rows; the cursor's own schema must be this one."""
    structure = read_structure(cursor, schema)
    cursor.execute(_COLUMNS, (schema,))
    characters: dict[str, dict[str, ColumnCharacters]] = {}
    for table, column, *rest in cursor.fetchall():
        characters.setdefault(table, {})[column] = ColumnCharacters(*rest)
    tables = {}
    for table in sorted(structure.tables):
        cursor.execute(f"SHOW CREATE TABLE {quoted(table)}")
        tables[table] = parse_table(table, _text(cursor, 1), characters[table])
    return Ground(structure, tables, _read_definitions(cursor, schema))


def read_release_rows(cursor: Cursor, wanted: Ground, tables: Iterable[str]) -> dict[str, Rows]:
    """The rows of these tables, with the columns that the wanted structure has.

    Raises IntegrityError when one has no primary key, or a value that is neither text nor number nor date.
    """
    found = {}
    for name in tables:
        table = wanted.tables[name]
        columns = tuple(table.columns)
        if not table.primary_key:
            raise IntegrityError(
                "Uma tabela de referência não tem chave primária", f"tabela {name}", "Avise a equipe do Implanta."
            )
        cursor.execute(f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(name)}")
        rows = [tuple(_value(value, name) for value in row) for row in cursor.fetchall()]
        places = [columns.index(column) for column in table.primary_key]
        found[name] = Rows(columns, {tuple(row[place] for place in places): row for row in rows})
    return found


def read_core_versions(cursor: Cursor) -> dict[str, str]:
    """The version parameters of the core; none where there is no table of parameters."""
    cursor.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'infra_parametro'"
    )
    if cursor.fetchone() is None:
        return {}
    cursor.execute("SELECT nome, valor FROM infra_parametro WHERE nome IN %s ORDER BY nome", (VERSION_PARAMETERS,))
    return {str(name): str(value) for name, value in cursor.fetchall()}


def _read_definitions(cursor: Cursor, schema: str) -> list[Definition]:
    cursor.execute(_SCHEMA_DEFINITIONS, {"schema": schema})
    found = cursor.fetchall()
    definitions = []
    for kind, place in _TEXT.items():
        for _, name, group, mode in (row for row in found if row[0] == kind):
            cursor.execute(f"SHOW CREATE {kind} {quoted(name)}")
            text = _DEFINER.sub("", _text(cursor, place), count=1)
            definitions.append(Definition(kind, name, f"{kind} {group}", text, mode))
    return in_order_of_need(definitions)


def _text(cursor: Cursor, place: int) -> str:
    row = cursor.fetchone()
    return str(row[place]) if row else ""


def _value(value: object, table: str) -> Value:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Decimal | datetime | date | timedelta):
        return str(value)
    raise IntegrityError(
        f"Uma linha de referência tem um valor que não se compara como texto ({type(value).__name__})",
        f"tabela {table}",
        "Avise a equipe do Implanta: o pacote não sabe levar esse tipo de coluna.",
    )
