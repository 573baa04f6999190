"""A table as `SHOW CREATE TABLE` writes it, taken apart into the clauses that an ALTER TABLE can use.

Character sets stand with each column, so that a clause means the same whatever the table's default is.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from domain.errors import IntegrityError

_COLUMN = re.compile(r"  `((?:[^`]|``)+)` (.*?),?")
_PRIMARY = re.compile(r"  (PRIMARY KEY .*?),?")
_INDEX = re.compile(r"  ((?:UNIQUE |FULLTEXT |SPATIAL )?KEY `((?:[^`]|``)+)` .*?),?")
_FOREIGN_KEY = re.compile(
    r"  (CONSTRAINT `((?:[^`]|``)+)` FOREIGN KEY \((.+?)\) REFERENCES `((?:[^`]|``)+)` \((.+?)\).*?),?"
)
_CHECK = re.compile(r"  (CONSTRAINT `((?:[^`]|``)+)` CHECK .*?),?")
_OPTIONS = re.compile(r"\) (ENGINE=.*)")
_COUNTER = re.compile(r" AUTO_INCREMENT=(\d+)")
_CHARACTERS = re.compile(r"(?: CHARACTER SET \w+)?(?: COLLATE \w+)?")
_NAME = re.compile(r"`((?:[^`]|``)+)`")
PRIMARY = "PRIMARY"


class ColumnCharacters(NamedTuple):
    """What information_schema says of a column: its type's text, and its characters if it has any."""

    column_type: str
    charset: str | None
    collation: str | None


class ForeignKey(NamedTuple):
    """A foreign key and what it rests on."""

    clause: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]


class TableText(NamedTuple):
    """The clauses of one table, each by its name."""

    name: str
    columns: dict[str, str]
    """In order; without the name, so that a column can be added, changed or made optional."""
    indexes: dict[str, str]
    foreign_keys: dict[str, ForeignKey]
    checks: dict[str, str]
    options: str
    counter: int | None
    """The next AUTO_INCREMENT value, where it is not the first."""

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns of the primary key; none when there is no such key."""
        return index_columns(self.indexes[PRIMARY]) if PRIMARY in self.indexes else ()

    @property
    def create(self) -> str:
        """The table without its foreign keys."""
        clauses = [f"{quoted(name)} {definition}" for name, definition in self.columns.items()]
        clauses += [*self.indexes.values(), *self.checks.values()]
        counter = f" AUTO_INCREMENT={self.counter}" if self.counter else ""
        return f"CREATE TABLE {quoted(self.name)} ({', '.join(clauses)}) {self.options}{counter}"


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return "`" + name.replace("`", "``") + "`"


def index_columns(clause: str) -> tuple[str, ...]:
    """The columns of an index's clause; the name before the parenthesis is not one."""
    return _names(clause[clause.index("(") :])


def parse_table(name: str, text: str, characters: Mapping[str, ColumnCharacters]) -> TableText:
    """Take a `SHOW CREATE TABLE` apart. Raises IntegrityError for what SEI has never had, as partitions."""
    table = TableText(name, {}, {}, {}, {}, "", None)
    for line in text.split("\n")[1:]:
        if found := _COLUMN.fullmatch(line):
            column = found[1].replace("``", "`")
            table.columns[column] = _explicit(found[2], characters[column])
        elif found := _PRIMARY.fullmatch(line):
            table.indexes[PRIMARY] = found[1]
        elif found := _INDEX.fullmatch(line):
            table.indexes[found[2].replace("``", "`")] = found[1]
        elif found := _FOREIGN_KEY.fullmatch(line):
            key = ForeignKey(found[1], _names(found[3]), found[4], _names(found[5]))
            table.foreign_keys[found[2].replace("``", "`")] = key
        elif found := _CHECK.fullmatch(line):
            table.checks[found[2].replace("``", "`")] = found[1]
        elif found := _OPTIONS.fullmatch(line):
            counter = _COUNTER.search(found[1])
            options = _COUNTER.sub("", found[1])
            table = table._replace(options=options, counter=int(counter[1]) if counter else None)
        else:
            raise IntegrityError(
                "A tabela tem algo que o Implanta não sabe comparar",
                f"tabela {name}",
                "Confira com SHOW CREATE TABLE: partições e chaves para outro banco não são suportadas.",
            )
    return table


def _explicit(definition: str, column: ColumnCharacters) -> str:
    kind, charset, collation = column
    if charset is None or not definition.startswith(kind):
        return definition
    rest = definition[len(kind) :]
    found = _CHARACTERS.match(rest)
    rest = rest[found.end() :] if found else rest
    return f"{kind} CHARACTER SET {charset} COLLATE {collation}{rest}"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.replace("``", "`") for name in _NAME.findall(text))
