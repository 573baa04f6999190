"""What would make a later statement fail or lose something, looked for in the rows before the first statement."""

import re
from collections.abc import Iterator, Sequence

from domain.upgrade.fills import Fill, fills_for
from domain.upgrade.package import Kind, Statement
from domain.upgrade.structure_plan import Tables, loose_keys, obligatory
from domain.upgrade.table_text import ForeignKey, TableText, quoted

_CHARACTER_TYPE = re.compile(
    r"((?:var)?char\((\d+)\)|(?:tiny|medium|long)?text)(?: CHARACTER SET (\w+) COLLATE (\w+))?"
)
_TEXT_BYTES = {"tinytext": 255, "text": 65_535, "mediumtext": 16_777_215, "longtext": 4_294_967_295}
_WHOLE_NUMBER = re.compile(r"(tiny|small|medium|big)?int(?:\(\d+\))?( unsigned)?")
_WHOLE_NUMBER_BITS = {"tiny": 8, "small": 16, "medium": 24, None: 32, "big": 64}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)( unsigned)?")
_INDEX_PART = re.compile(r"`((?:[^`]|``)+)`(?:\((\d+)\))?")
_NOT_NULL = " NOT NULL"


def plan_requirements(source: Tables, target: Tables, fills: Sequence[Fill]) -> list[Statement]:
    """Checks of the source's rows: each counts what is in the way, and nothing may be."""
    loose = loose_keys(source, target)
    found = []
    for name in sorted(source.keys() & target.keys()):
        before, after = source[name], target[name]
        found += [(name, check) for check in (*_values(before, after, fills), *_duplicates(before, after))]
        for key_name, key in after.foreign_keys.items():
            if key_name not in before.foreign_keys or (name, key_name) in loose:
                found += [(name, check) for check in _orphans(source, before, key)]
    return [Statement(kind=Kind.REQUIRE, table=name, sql=f"SELECT COUNT(*) FROM {check}") for name, check in found]


def _values(before: TableText, after: TableText, fills: Sequence[Fill]) -> Iterator[str]:
    """Rows without a value for a column that needs one, and values that do not fit the new type."""
    for column in obligatory(before, after):
        declared = fills_for(fills, before.name, column)
        if not any(fill.value is not None and not fill.only for fill in declared):
            needs = f"{quoted(column)} IS NULL" if column in before.columns else "TRUE"
            yield f"{quoted(before.name)} WHERE {needs}"
    for column, definition in after.columns.items():
        was = before.columns.get(column)
        if was is not None and was != definition:
            for misfit in (*_too_long(column, was, definition), *_too_large(column, was, definition)):
                yield f"{quoted(before.name)} WHERE {misfit}"


def _too_long(column: str, was: str, now: str) -> Iterator[str]:
    old, new = _CHARACTER_TYPE.match(was), _CHARACTER_TYPE.match(now)
    if new is None:
        return
    name = quoted(column)
    shorter = old is None or old[2] is None or int(new[2] or 0) < int(old[2])
    if new[2] and shorter:
        yield f"CHAR_LENGTH({name}) > {int(new[2])}"
    elif not new[2] and (old is None or old[0] != new[0]):
        stored = f"CONVERT({name} USING {new[3]})" if new[3] else name
        yield f"LENGTH({stored}) > {_TEXT_BYTES[new[1]]}"
    if old and old[3] and new[3] and old[3] != new[3]:
        yield f"BINARY CONVERT(CONVERT({name} USING {new[3]}) USING {old[3]}) <> BINARY {name}"


def _too_large(column: str, was: str, now: str) -> Iterator[str]:
    name = quoted(column)
    whole, decimal = _WHOLE_NUMBER.match(now), _DECIMAL.match(now)
    if (whole or decimal) and _CHARACTER_TYPE.match(was):
        yield f"{name} NOT REGEXP '^-?[0-9]+$'"
    if whole:
        bits = _WHOLE_NUMBER_BITS[whole[1]]
        least, most = (0, 2**bits - 1) if whole[2] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        old = _WHOLE_NUMBER.match(was)
        if old is None or old[0].split("(")[0] != whole[0].split("(")[0] or old[2] != whole[2]:
            yield f"{name} < {least} OR {name} > {most} OR {name} <> ROUND({name})"
    elif decimal and decimal[0] != was[: decimal.end()]:
        limit = 10 ** (int(decimal[1]) - int(decimal[2]))
        negative = f" OR {name} < 0" if decimal[3] else ""
        yield f"ABS({name}) >= {limit} OR {name} <> ROUND({name}, {int(decimal[2])}){negative}"


def _duplicates(before: TableText, after: TableText) -> Iterator[str]:
    """Rows that a primary or unique key would hold to be the same, as the new columns compare."""
    for key_name, clause in after.indexes.items():
        parts = _INDEX_PART.findall(clause[clause.index("(") :])
        columns = [column.replace("``", "`") for column, _ in parts]
        changed = before.indexes.get(key_name) != clause or any(
            before.columns.get(column) != after.columns[column] for column in columns
        )
        new = [column for column in columns if column not in before.columns]
        # A new column is the same in every row, or NULL in every row, or numbered by the server.
        distinct = any(_NOT_NULL not in after.columns[c] or "AUTO_INCREMENT" in after.columns[c] for c in new)
        if not clause.startswith(("PRIMARY ", "UNIQUE ")) or not changed or distinct:
            continue
        old = [(column, length) for column, (_, length) in zip(columns, parts, strict=True) if column not in new]
        grouped = ", ".join(_compared(before, after, column, length) for column, length in old) or "1"
        optional = [f"{quoted(column)} IS NOT NULL" for column, _ in old if _NOT_NULL not in after.columns[column]]
        where = f" WHERE {' AND '.join(optional)}" if optional else ""
        yield (f"(SELECT COUNT(*) AS same FROM {quoted(before.name)}{where} GROUP BY {grouped} HAVING COUNT(*) > 1) d")


def _compared(before: TableText, after: TableText, column: str, length: str) -> str:
    """A column as an index of the new table sees it."""
    value = quoted(column)
    characters = _CHARACTER_TYPE.match(after.columns[column])
    if characters and characters[3] and before.columns[column] != after.columns[column]:
        value = f"CONVERT({value} USING {characters[3]}) COLLATE {characters[4]}"
    return f"LEFT({value}, {int(length)})" if length else value


def _orphans(source: Tables, before: TableText, key: ForeignKey) -> Iterator[str]:
    """Rows that a foreign key would refuse; one that rests on a new table or column is left to the server."""
    parent = source.get(key.parent)
    if parent is None or not set(key.columns) <= before.columns.keys():
        return
    if not set(key.parent_columns) <= parent.columns.keys():
        return
    filled = " AND ".join(f"c.{quoted(column)} IS NOT NULL" for column in key.columns)
    joined = " AND ".join(
        f"p.{quoted(other)} = c.{quoted(column)}" for column, other in zip(key.columns, key.parent_columns, strict=True)
    )
    there = f"SELECT 1 FROM {quoted(key.parent)} p WHERE {joined}"
    yield f"{quoted(before.name)} c WHERE {filled} AND NOT EXISTS ({there})"
