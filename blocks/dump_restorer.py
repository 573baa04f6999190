"""Restoring a dump into a scratch server, under the schemas' own names.

The statements go to the server as they are: the client program would parse each of them a second time, which takes
longer than the server itself needs.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from blocks.dump_statements import INSERT, statements
from blocks.mariadb import MariaDBServer, identifier, until_no_deadlock
from blocks.row_lanes import RowLanes
from domain.errors import IntegrityError

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# Locks keep nobody out here, and keys are not disabled in InnoDB.
_NEEDLESS = re.compile(rb"LOCK TABLES|UNLOCK TABLES|/\*!40000 ALTER TABLE ")
_SETTING = re.compile(rb"(?:/\*[!M]+\d* ?)?SET ")
_TABLE = re.compile(rb"CREATE TABLE |INSERT INTO |DROP TABLE |/\*M?!40000 DROP TABLE ")
_CREATE_TABLE = b"CREATE TABLE "
_PRIMARY_KEY = b"\n  PRIMARY KEY ("
_CREATE_DATABASE = re.compile(rb"CREATE DATABASE ")
_USE = re.compile(rb"USE `([^`]+)`\s*")
_ANSWER_TIMEOUT_SECONDS = 4 * 3600
_DEFINER = re.compile(rb"DEFINER=`([^`]+)`@`([^`]+)`")


class Filled(NamedTuple):
    """A table whose rows are all there, and how many bytes of SQL they were."""

    schema: str
    table: str
    size_bytes: int


def restore(
    lines: Iterable[bytes],
    server: MariaDBServer,
    what: str,
    filled: Callable[[Filled], object] = lambda _: None,
) -> None:
    """Run a dump (of `blocks.dump_writer.dumped`) in an empty server of which nothing else lives.

    `filled` is told of each table as soon as the dump has gone on to another. One that a damaged dump fills in two
    pieces is told of twice.

    Raises:
        RetryableError: the server ended, or its disk is full.
        IntegrityError: it refused a statement, or the text is cut off.
    """
    definers: set[tuple[bytes, bytes]] = set()
    schema = ""
    filling: Filled | None = None
    has_key = False
    opening: list[bytes] = []
    with server.transaction() as cursor, RowLanes(server) as lanes:
        # Each statement by itself: a whole table in one transaction takes twice the time (measured, MariaDB 10.11).
        cursor.connection.autocommit(True)
        for statement in statements(lines, what):
            if _NEEDLESS.match(statement):
                continue
            table = _table_filled(statement)
            if filling is not None and table != filling.table:
                lanes.wait()
                filled(filling)
                filling = None
            if table is not None:
                filling = Filled(schema, table, len(statement) + (filling.size_bytes if filling else 0))
                if has_key and schema:
                    lanes.insert(schema, statement)
                    continue
            else:
                _ensure_definers(cursor, statement, definers)
                if found := _USE.fullmatch(statement):
                    if not schema:
                        lanes.open(opening)
                    schema = found[1].decode()
                elif not schema and _SETTING.match(statement):
                    opening.append(statement)
                if statement.startswith(_CREATE_TABLE):
                    has_key = _PRIMARY_KEY in statement
            cursor.connection.query(statement)
        lanes.wait()


def _table_filled(statement: bytes) -> str | None:
    if not statement.startswith(INSERT):
        return None
    return statement[len(INSERT) : statement.index(b"`", len(INSERT))].decode()


def ensure_definers(server: MariaDBServer, statements: Iterable[bytes]) -> None:
    """Let everybody whom these statements name as their author be there, in a server of which nothing else lives."""
    definers: set[tuple[bytes, bytes]] = set()
    with server.transaction() as cursor:
        for statement in statements:
            _ensure_definers(cursor, statement, definers)


def _ensure_definers(cursor: "Cursor", statement: bytes, known: set[tuple[bytes, bytes]]) -> None:
    """A view of somebody who is not there cannot be read; here everybody is, without a way in."""
    for name, host in set(_DEFINER.findall(statement)) - known:
        known.add((name, host))
        account = f"`{name.decode()}`@`{host.decode()}`"
        cursor.connection.query(f"CREATE USER IF NOT EXISTS {account} IDENTIFIED VIA unix_socket")
        cursor.connection.query(f"GRANT ALL ON *.* TO {account}")


class Remainder(NamedTuple):
    """What a dump holds beside its tables: for each schema its views, triggers, routines and events, as statements.

    The settings between them are kept with them, for each is made under those of its author.
    """

    statements: tuple[tuple[str, bytes], ...]

    def run(self, server: MariaDBServer, schemas: Mapping[str, str]) -> None:
        """Make them in the schemas that hold their tables by now, each under the name that `schemas` maps its own to.

        Raises as `restore_tables`.
        """
        with server.transaction() as cursor:
            cursor.connection.autocommit(True)
            current = ""
            for schema, statement in self.statements:
                if schema and schema != current:
                    cursor.connection.query(f"USE {identifier(schemas[schema])}")
                    current = schema
                _query(cursor, statement)


def restore_tables(lines: Iterable[bytes], server: MariaDBServer, schemas: Mapping[str, str], what: str) -> Remainder:
    """Run the tables of a dump (of `blocks.dump_writer.dumped`) on a server on which others live.

    They go into the schemas, empty and there already, that `schemas` maps the dump's own names to. A table can be moved
    from there into its place only without triggers, and a view names its schema: these are given back, for later.

    Raises:
        RetryableError: the server ended, or its disk is full.
        IntegrityError: it refused a statement, or the text is cut off or names another schema.
    """
    rest: list[tuple[str, bytes]] = []
    current = ""
    patient = server.model_copy(update={"answer_timeout_seconds": _ANSWER_TIMEOUT_SECONDS})
    with patient.transaction() as cursor:
        cursor.connection.autocommit(True)
        for statement in statements(lines, what):
            if statement.startswith(INSERT):
                _query(cursor, statement)
            elif _NEEDLESS.match(statement) or _CREATE_DATABASE.match(statement):
                continue
            elif found := _USE.fullmatch(statement):
                current = found[1].decode()
                if current not in schemas:
                    raise IntegrityError("A cópia traz um banco que não é do ambiente", what, "Não use esta cópia.")
                cursor.connection.query(f"USE {identifier(schemas[current])}")
            elif _TABLE.match(statement):
                _query(cursor, statement)
            else:
                rest.append((current, statement))
                if _SETTING.match(statement):
                    _query(cursor, statement)
    return Remainder(tuple(rest))


def _query(cursor: "Cursor", statement: bytes) -> None:
    until_no_deadlock(lambda: cursor.connection.query(statement))
