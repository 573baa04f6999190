"""Restoring a dump into a scratch server, under the schemas' own names.

The statements go to the server as they are, over one connection: the client program would parse each of them a second
time, which takes longer than the server itself needs.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from blocks.dump_statements import INSERT, statements
from blocks.mariadb import MariaDBServer

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# Locks keep nobody out here, and keys are not disabled in InnoDB.
_NEEDLESS = re.compile(rb"LOCK TABLES|UNLOCK TABLES|/\*!40000 ALTER TABLE ")
_DEFINER = re.compile(rb"DEFINER=`([^`]+)`@`([^`]+)`")


def restore(lines: Iterable[bytes], server: MariaDBServer, what: str) -> None:
    """Run a dump (of `blocks.dump_writer.dumped`) in an empty server of which nothing else lives.

    Raises:
        RetryableError: the server ended, or its disk is full.
        IntegrityError: it refused a statement, or the text is cut off.
    """
    definers: set[tuple[bytes, bytes]] = set()
    with server.transaction() as cursor:
        # Each statement by itself: a whole table in one transaction takes twice the time (measured, MariaDB 10.11).
        cursor.connection.autocommit(True)
        for statement in statements(lines, what):
            if _NEEDLESS.match(statement):
                continue
            if not statement.startswith(INSERT):
                _ensure_definers(cursor, statement, definers)
            cursor.connection.query(statement)


def _ensure_definers(cursor: "Cursor", statement: bytes, known: set[tuple[bytes, bytes]]) -> None:
    """A view of somebody who is not there cannot be read; here everybody is, without a way in."""
    for name, host in set(_DEFINER.findall(statement)) - known:
        known.add((name, host))
        account = f"`{name.decode()}`@`{host.decode()}`"
        cursor.connection.query(f"CREATE USER IF NOT EXISTS {account} IDENTIFIED VIA unix_socket")
        cursor.connection.query(f"GRANT ALL ON *.* TO {account}")
