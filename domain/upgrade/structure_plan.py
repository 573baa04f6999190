"""The statements that turn one structure into another: pure, the tables as `SHOW CREATE TABLE` wrote them."""

import re
from collections.abc import Iterator, Mapping, Sequence

from domain.errors import InvalidInputError
from domain.upgrade.fills import Fill, fills_for
from domain.upgrade.package import Kind, Statement, Value
from domain.upgrade.table_text import PRIMARY, ForeignKey, TableText, quoted

Tables = Mapping[str, TableText]
_OPTION = re.compile(r"(?:DEFAULT )?(\w+)=('(?:[^']|'')*'|\S+)")
# How an option goes that DEFAULT does not take away.
_WITHOUT = {"COMMENT": "''", "KEY_BLOCK_SIZE": "0", "CHECKSUM": "0", "DELAY_KEY_WRITE": "0", "MAX_ROWS": "0"}
_NOT_NULL = " NOT NULL"


def plan_before(source: Tables, target: Tables, fills: Sequence[Fill], *, strict: bool) -> list[Statement]:
    """Everything before the rows but the checks: loose foreign keys, columns with their fills, tables.

    Raises InvalidInputError, when `strict`, if a column that becomes obligatory has no declared fill; otherwise rows
    that need a value are refused when it is applied.
    """
    common = sorted(source.keys() & target.keys())
    if strict:
        _refuse_undeclared(source, target, fills)
    statements = list(_drop_foreign_keys(source, target))
    for table in common:
        statements += _fill_columns(source[table], target[table], fills)
    statements += [_ddl(Kind.DROP_TABLE, t, f"DROP TABLE {quoted(t)}") for t in sorted(source.keys() - target.keys())]
    statements += [_ddl(Kind.CREATE_TABLE, t, target[t].create) for t in sorted(target.keys() - source.keys())]
    for table in common:
        statements += _alter(source[table], target[table])
    return statements


def plan_after(source: Tables, target: Tables) -> list[Statement]:
    """Everything after the rows: the foreign keys that were let loose or are new, each checked against all rows."""
    loose = loose_keys(source, target)
    statements = []
    for name, table in sorted(target.items()):
        before = source[name].foreign_keys if name in source else {}
        clauses = [
            f"ADD {key.clause}"
            for key_name, key in sorted(table.foreign_keys.items())
            if key_name not in before or (name, key_name) in loose
        ]
        if clauses:
            statements.append(_ddl(Kind.ADD_FOREIGN_KEY, name, f"ALTER TABLE {quoted(name)} {', '.join(clauses)}"))
    return statements


def _refuse_undeclared(source: Tables, target: Tables, fills: Sequence[Fill]) -> None:
    undeclared = [
        f"{table}.{column}"
        for table in sorted(source.keys() & target.keys())
        for column in obligatory(source[table], target[table])
        if not fills_for(fills, table, column)
    ]
    if undeclared:
        raise InvalidInputError(
            f"Não está dito o que as linhas existentes recebem em: {', '.join(undeclared)}",
            "catalog/upgrades",
            "Declare cada coluna no arquivo do par de versões, com o valor e a fonte.",
        )


def obligatory(before: TableText, after: TableText) -> list[str]:
    """Columns for which rows of before have no value: obligatory now, and new without a default or optional before."""
    return [
        column
        for column, definition in after.columns.items()
        if _NOT_NULL in definition
        and " GENERATED " not in definition
        and "AUTO_INCREMENT" not in definition
        and (
            _NOT_NULL not in before.columns[column] and " GENERATED " not in before.columns[column]
            if column in before.columns
            else " DEFAULT " not in definition
        )
    ]


def _fill_columns(before: TableText, after: TableText, fills: Sequence[Fill]) -> Iterator[Statement]:
    """Add obligatory columns as optional ones and give every row its value; the ALTER makes them obligatory."""
    name = quoted(before.name)
    for column in obligatory(before, after):
        if column not in before.columns:
            optional = after.columns[column].replace(_NOT_NULL, " NULL")
            yield _ddl(Kind.ADD_COLUMN, before.name, f"ALTER TABLE {name} ADD COLUMN {quoted(column)} {optional}")
        for fill in fills_for(fills, before.name, column):
            if fill.value is not None:
                where = "".join(f" AND {quoted(other)} = %s" for other in fill.only)
                row: tuple[Value, ...] = (fill.value, *fill.only.values())
                sql = f"UPDATE {name} SET {quoted(column)} = %s WHERE {quoted(column)} IS NULL{where}"
                yield Statement(kind=Kind.FILL, table=before.name, sql=sql, rows=(row,))


def _alter(before: TableText, after: TableText) -> Iterator[Statement]:
    """One ALTER for nearly all that differs, so that an index and the column it needs change in the same moment."""
    added = [column for column in obligatory(before, after) if column not in before.columns]
    clauses = [f"DROP CONSTRAINT {quoted(name)}" for name in _changed(before.checks, after.checks)]
    clauses += [_drop_index(name) for name in _changed(before.indexes, after.indexes)]
    clauses += [f"DROP COLUMN {quoted(name)}" for name in before.columns if name not in after.columns]
    clauses += _columns(before, after, added)
    clauses += [f"ADD {after.indexes[name]}" for name in _changed(after.indexes, before.indexes)]
    clauses += [f"ADD {after.checks[name]}" for name in _changed(after.checks, before.checks)]
    wanted, lost = _options(before.options, after.options)
    # An option of the engine that the table leaves (Aria's PAGE_CHECKSUM) only goes once it has left it.
    for changes in ([*clauses, *wanted], lost):
        if changes:
            yield _ddl(Kind.ALTER_TABLE, before.name, f"ALTER TABLE {quoted(before.name)} {', '.join(changes)}")


def _columns(before: TableText, after: TableText, added: Sequence[str]) -> Iterator[str]:
    """Additions, changes and moves, in the order of the target: each column is placed after one that already stands."""
    standing = [column for column in (*before.columns, *added) if column in after.columns]
    previous = None
    for place, (column, definition) in enumerate(after.columns.items()):
        where = f"AFTER {quoted(previous)}" if previous else "FIRST"
        previous = column
        if column not in standing:
            standing.insert(place, column)
            yield f"ADD COLUMN {quoted(column)} {definition} {where}"
        elif standing[place] != column:
            standing.remove(column)
            standing.insert(place, column)
            yield f"MODIFY COLUMN {quoted(column)} {definition} {where}"
        elif before.columns.get(column) != definition:
            yield f"MODIFY COLUMN {quoted(column)} {definition}"


def _changed(these: Mapping[str, str], those: Mapping[str, str]) -> list[str]:
    return [name for name, clause in these.items() if those.get(name) != clause]


def _drop_index(name: str) -> str:
    return "DROP PRIMARY KEY" if name == PRIMARY else f"DROP INDEX {quoted(name)}"


def _options(before: str, after: str) -> tuple[list[str], list[str]]:
    """The options to set, and those to go back to what they are without."""
    had, has = dict(_OPTION.findall(before)), dict(_OPTION.findall(after))
    if had == has:
        return [], []
    wanted = [f"{name}={value}" for name, value in has.items() if had.get(name) != value or name == "CHARSET"]
    return wanted, [f"{name}={_WITHOUT.get(name, 'DEFAULT')}" for name in had if name not in has]


def _drop_foreign_keys(source: Tables, target: Tables) -> Iterator[Statement]:
    loose = loose_keys(source, target)
    for name, table in sorted(source.items()):
        clauses = [f"DROP FOREIGN KEY {quoted(key)}" for key in sorted(table.foreign_keys) if (name, key) in loose]
        if clauses:
            yield _ddl(Kind.DROP_FOREIGN_KEY, name, f"ALTER TABLE {quoted(name)} {', '.join(clauses)}")


def loose_keys(source: Tables, target: Tables) -> set[tuple[str, str]]:
    """The foreign keys that go or change, and those that rest on something which changes."""
    return {
        (name, key_name)
        for name, table in source.items()
        for key_name, key in table.foreign_keys.items()
        if name not in target
        or key_name not in target[name].foreign_keys
        or target[name].foreign_keys[key_name].clause != key.clause
        or _touched(source, target, name, key)
    }


def _touched(source: Tables, target: Tables, name: str, key: ForeignKey) -> bool:
    return any(
        table not in source
        or table not in target
        or source[table].options != target[table].options
        or any(source[table].columns.get(column) != target[table].columns.get(column) for column in columns)
        or any(
            any(quoted(column) in source[table].indexes.get(index, "") for column in columns)
            for index in _changed(source[table].indexes, target[table].indexes)
        )
        for table, columns in ((name, key.columns), (key.parent, key.parent_columns))
    )


def _ddl(kind: Kind, table: str, sql: str) -> Statement:
    return Statement(kind=kind, table=table, sql=sql)
