"""The structure of one database as a fingerprint: what two databases must share to be the same release.

Rows come from `information_schema`; nothing here talks to a server. Left out on purpose: the next AUTO_INCREMENT value,
definers and the name of the database itself, which differ between two equal environments.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from domain.model import Frozen

Parts = dict[str, str]
DefinitionKind = Literal["visão", "gatilho", "rotina", "evento"]


class TableRow(NamedTuple):
    """One row of information_schema.tables."""

    table: str
    table_type: str
    engine: str | None
    collation: str | None
    options: str | None
    comment: str


class ColumnRow(NamedTuple):
    """One row of information_schema.columns."""

    table: str
    position: int
    column: str
    column_type: str
    nullable: str
    default: str | None
    extra: str
    charset: str | None
    collation: str | None
    generation: str | None
    comment: str


class IndexRow(NamedTuple):
    """One row of information_schema.statistics: one column of one index."""

    table: str
    index_name: str
    position: int
    column: str | None
    non_unique: int
    index_type: str
    sub_part: int | None
    direction: str | None


class ForeignKeyRow(NamedTuple):
    """One column of a foreign key, with the rules of the key; the schema is None inside the same database."""

    table: str
    key: str
    position: int
    column: str
    referenced_schema: str | None
    referenced_table: str
    referenced_column: str
    update_rule: str
    delete_rule: str


class CheckRow(NamedTuple):
    """One row of information_schema.check_constraints."""

    table: str
    name: str
    clause: str


class DefinitionRow(NamedTuple):
    """A view, trigger, routine or event, with everything that defines it as text."""

    kind: DefinitionKind
    name: str
    definition: str


class StructureRows(NamedTuple):
    """All that was read about one database, in any order."""

    tables: Sequence[TableRow]
    columns: Sequence[ColumnRow]
    indexes: Sequence[IndexRow]
    foreign_keys: Sequence[ForeignKeyRow]
    checks: Sequence[CheckRow]
    definitions: Sequence[DefinitionRow]


class Structure(Frozen):
    """The canonical description of one database."""

    tables: dict[str, Parts]
    """Table to its parts ('coluna sigla', 'índice PRIMARY'…), each with its description."""
    definitions: Parts
    """Views, triggers, routines and events to the sha256 of their definition. SEI has none in any version."""

    @property
    def table_digests(self) -> dict[str, str]:
        """The sha256 of each table's description."""
        return {table: _digest(parts) for table, parts in self.tables.items()}

    @property
    def digest(self) -> str:
        """One sha256 over everything: equal exactly when `differences` finds nothing."""
        return _digest({"tables": self.tables, "definitions": self.definitions})


def build_structure(rows: StructureRows) -> Structure:
    """The structure that the rows describe; their order does not matter."""
    tables: dict[str, Parts] = {row.table: {"opções": _options(row)} for row in rows.tables}
    columns: defaultdict[str, list[ColumnRow]] = defaultdict(list)
    for column in sorted(rows.columns, key=lambda r: r[:2]):
        columns[column.table].append(column)
    for table, table_columns in columns.items():
        if table in tables:  # information_schema.columns also lists the columns of views
            tables[table] |= {f"coluna {column.column}": _column(column) for column in table_columns}
            tables[table]["ordem das colunas"] = ", ".join(column.column for column in table_columns)
    for (table, index), index_rows in groupby(sorted(rows.indexes, key=lambda r: r[:3]), key=lambda r: r[:2]):
        tables[table][f"índice {index}"] = _index(list(index_rows))
    for (table, key), key_rows in groupby(sorted(rows.foreign_keys, key=lambda r: r[:3]), key=lambda r: r[:2]):
        tables[table][f"chave estrangeira {key}"] = _foreign_key(list(key_rows))
    for check in rows.checks:
        tables[check.table][f"restrição {check.name}"] = check.clause
    definitions = {f"{row.kind} {row.name}": _digest(row.definition) for row in rows.definitions}
    return Structure(tables=tables, definitions=definitions)


def differences(expected: Structure, found: Structure) -> list[str]:
    """What differs, in Portuguese, one difference an item with its table and kind; empty when both are equal."""
    found_differences = []
    for table in sorted(expected.tables.keys() | found.tables.keys()):
        if table not in found.tables:
            found_differences.append(f"tabela {table}: falta")
        elif table not in expected.tables:
            found_differences.append(f"tabela {table}: sobra")
        else:
            compared = _compare(expected.tables[table], found.tables[table])
            found_differences.extend(f"tabela {table}: {difference}" for difference in compared)
    return found_differences + _compare(expected.definitions, found.definitions)


def _compare(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    messages = []
    for part in sorted(expected.keys() | found.keys()):
        if part not in found:
            messages.append(f"{part}: falta")
        elif part not in expected:
            messages.append(f"{part}: sobra")
        elif expected[part] != found[part]:
            messages.append(f"{part}: esperado «{expected[part]}», encontrado «{found[part]}»")
    return messages


def _options(row: TableRow) -> str:
    # ROW_FORMAT is left out: without an explicit choice it repeats the server's default, and an explicit choice
    # shows among the options.
    parts = [row.table_type, f"motor {row.engine}", f"collation {row.collation}"]
    return "; ".join(parts + [part for part in (row.options, row.comment) if part])


def _column(row: ColumnRow) -> str:
    parts = [row.column_type, "null" if row.nullable == "YES" else "not null"]
    if row.default is not None:
        parts.append(f"default {row.default}")
    if row.charset:
        parts.append(f"charset {row.charset} collation {row.collation}")
    return " ".join(parts + [part for part in (row.extra, row.generation, row.comment) if part])


def _index(rows: list[IndexRow]) -> str:
    columns = ", ".join(
        f"{row.column}{f'({row.sub_part})' if row.sub_part else ''}{' desc' if row.direction == 'D' else ''}"
        for row in rows
    )
    return f"{'comum' if rows[0].non_unique else 'único'} {rows[0].index_type} ({columns})"


def primary_key(parts: Parts) -> tuple[str, ...]:
    """The columns of a table's primary key, in its order; none where it has none."""
    _, _, columns = parts.get("índice PRIMARY", "").partition("(")
    return tuple(filter(None, columns.removesuffix(")").split(", ")))


def _foreign_key(rows: list[ForeignKeyRow]) -> str:
    first = rows[0]
    target = ".".join(filter(None, (first.referenced_schema, first.referenced_table)))
    columns = ", ".join(row.column for row in rows)
    referenced = ", ".join(row.referenced_column for row in rows)
    return f"({columns}) → {target} ({referenced}), update {first.update_rule}, delete {first.delete_rule}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
