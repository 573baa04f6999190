"""The text of `mariadb-dump` as statements, and what each of its tables holds as digests.

In that text a raw line break never stands inside a value (it is written as `\\n`), so a line that ends in the
delimiter ends a statement, and each row of an INSERT has a line of its own. Only the bodies of triggers, routines and
events have lines as somebody wrote them: between two `DELIMITER` lines only the program's own ends count.

Equal data give equal text, rows in the order of their key; so two dumps of equal tables have equal digests, and the
digest of a dump's own text says what the dump's snapshot held: NULL, empty strings, separators and rows that occur
twice are all told apart in it.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from domain.backup.facts import DumpFacts, SchemaDigest, TableDigest
from domain.errors import IntegrityError

if TYPE_CHECKING:
    from hashlib import _Hash

INSERT = b"INSERT INTO `"
_USE = re.compile(rb"USE `(\w+)`;\s*")
_CREATE = re.compile(rb"CREATE TABLE `([^`]+)` \(\s*")
# Where a column is invisible, all are named, and the first row follows in the same line.
_INSERT = re.compile(rb"INSERT INTO `([^`]+)` (?:\(.*?\) )?VALUES\s*")
_CREATE_DATABASE = re.compile(rb"CREATE DATABASE (?:/\*!\d+ IF NOT EXISTS\*/ )?`(\w+)`")
_DELIMITER = re.compile(rb"DELIMITER (\S+)\s*")
# The program's words, in comments, on where the dump is in the server's log: no part of what was dumped.
_ABOUT_PLACE = (b"-- CHANGE MASTER TO ", b"-- SET GLOBAL gtid_slave_pos=")
_PLACE = re.compile(rb"-- CHANGE MASTER TO MASTER_LOG_FILE='([^']+)', MASTER_LOG_POS=(\d+);\s*")
_AUTO_INCREMENT = re.compile(rb" AUTO_INCREMENT=(\d+)")
# Says nothing of the data: settings of the session, locks, and what only the client program understands; those that
# begin with 50003 belong to a trigger or routine.
_NOISE = re.compile(
    rb"(?:/\*(?!!50003)[!M]\d* ?)?(?:SET |DROP |LOCK TABLES|UNLOCK TABLES|ALTER TABLE `[^`]+` (?:DIS|EN)ABLE KEYS|\\-)"
)


def statements(lines: Iterable[bytes], where: str) -> Iterator[bytes]:
    """The statements of a dump, each whole and without its delimiter; comments of the client are left out.

    Raises:
        IntegrityError: the text ends within a statement.
    """
    delimiter = b";"
    parts: list[bytes] = []
    for line in lines:
        if not parts:
            if found := _DELIMITER.fullmatch(line):
                delimiter = found[1]
                continue
            if line.isspace() or line.startswith((b"--", b"/*!999999\\-", b"/*M!999999\\-")):
                continue
        parts.append(line)
        stripped = line.rstrip()
        if stripped.endswith(delimiter) and (delimiter == b";" or _ends_body(parts[0], stripped, delimiter)):
            parts[-1] = stripped[: -len(delimiter)]
            yield b"".join(parts)
            parts = []
    if parts:
        raise IntegrityError("O texto da cópia do banco está truncado", where, "Não use esta cópia: faça outra.")


def _ends_body(first: bytes, stripped: bytes, delimiter: bytes) -> bool:
    """Whether a line that ends in the delimiter is the program's: it closes its own comment, or stands alone."""
    rest = stripped[: -len(delimiter)].rstrip()
    return rest.endswith(b"*/") if first.startswith(b"/*!") else not rest


class DigestedDump:
    """Passes the lines of a dump on, and knows afterwards what each of its tables held."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines
        self._schemas: dict[str, _Schema] = {}
        self.place: tuple[str, int] | None = None
        """File and offset of its snapshot in the server's binary log, once passed, where that was asked for."""

    def __iter__(self) -> Iterator[bytes]:
        schema = _Schema()  # of nobody, until the first one is named
        table: _Table | None = None
        definition: _Table | None = None
        in_body = False
        for line in self._lines:
            yield line
            if table is not None:
                table = table.add_row(line)
            elif definition is not None:
                definition.add_definition(line)
                if line.endswith(b";\n"):
                    definition = None
            elif found := _DELIMITER.fullmatch(line):
                in_body = found[1] != b";"
            elif in_body:
                schema.others.update(line)
            elif found := _USE.fullmatch(line):
                schema = self._schema(found[1])
            elif found := _CREATE_DATABASE.match(line):
                self._schema(found[1]).others.update(line)
            elif found := _INSERT.match(line):
                table = schema.table(found[1])
                if row := line[found.end() :]:
                    table = table.add_row(row)
            elif found := _CREATE.fullmatch(line):
                definition = schema.table(found[1])
                definition.add_definition(line)
            elif not line.isspace() and not _NOISE.match(line) and not self._is_about_place(line):
                schema.others.update(line)

    def _is_about_place(self, line: bytes) -> bool:
        if found := _PLACE.fullmatch(line):
            self.place = found[1].decode(), int(found[2])
        return line.startswith(_ABOUT_PLACE)

    def _schema(self, name: bytes) -> "_Schema":
        return self._schemas.setdefault(name.decode(), _Schema())

    @property
    def facts(self) -> DumpFacts:
        """What has passed so far, by schema."""
        return DumpFacts(
            schemas={
                name: SchemaDigest(
                    tables={key: table.digest for key, table in sorted(schema.tables.items())},
                    others=schema.others.hexdigest(),
                )
                for name, schema in self._schemas.items()
            }
        )


class _Table:
    def __init__(self) -> None:
        self.rows = 0
        self.content: _Hash = hashlib.sha256()
        self._definition: _Hash = hashlib.sha256()
        self._next_id: int | None = None

    def add_row(self, line: bytes) -> "_Table | None":
        """The table whose row the next line is: none after the last one of a statement."""
        stripped = line.rstrip(b"\n")
        self.rows += 1
        self.content.update(stripped[:-1])
        self.content.update(b"\n")
        return None if stripped.endswith(b";") else self

    def add_definition(self, line: bytes) -> None:
        if found := _AUTO_INCREMENT.search(line):
            self._next_id = int(found[1])
            line = line[: found.start()] + line[found.end() :]
        self._definition.update(line)

    @property
    def digest(self) -> TableDigest:
        return TableDigest(
            rows=self.rows,
            content=self.content.hexdigest(),
            definition=self._definition.hexdigest(),
            next_id=self._next_id,
        )


class _Schema:
    def __init__(self) -> None:
        self.tables: dict[str, _Table] = {}
        self.others: _Hash = hashlib.sha256()

    def table(self, name: bytes) -> _Table:
        return self.tables.setdefault(name.decode(), _Table())
