"""The two databases of one environment, looked at from behind the blocks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from pymysql.cursors import Cursor, DictCursor

from blocks.dump_loader import load_dump
from blocks.mariadb import MariaDBServer
from blocks.sei import SeiDatabase
from blocks.sei_model import SeiModel
from blocks.sei_units import SeiUnits
from blocks.sip import SipDatabase
from blocks.sip_people import SipPeople
from blocks.sip_users import SipUsers
from domain.environment import EnvironmentName
from domain.reference import Reference
from lab.sei_standin.database import DatabaseSettings, transaction

Rows = list[tuple[Any, ...]]


class Databases:
    """SEI's and SIP's schemas of an environment, with the blocks that work on them and plain SQL beside."""

    def __init__(self, server: MariaDBServer, name: EnvironmentName) -> None:
        self.server = server
        self.name = name
        self.sip = SipDatabase(server, name)
        self.people = SipPeople(server, name)
        self.users = SipUsers(server, name)
        self.sei = SeiDatabase(server, name)
        self.sei_units = SeiUnits(server, name)
        self.model = SeiModel(server, name)
        self._checksums: dict[str, int] = {}
        self._kept: dict[str, Rows] = {}

    def create(self) -> None:
        """Both schemas, empty, whatever an earlier run left."""
        self.drop()
        for schema in self._schemas.values():
            self.server.ensure_database(schema)

    def drop(self) -> None:
        for schema in self._schemas.values():
            self.server.drop_database(schema)

    @property
    def _schemas(self) -> dict[str, str]:
        return {"sei": self.name.database_sei, "sip": self.name.database_sip}

    def rows(self, database: str, query: str, values: Sequence[Any] = ()) -> Rows:
        """What a query finds in `sei` or `sip`; a change that it makes stays."""
        with self._cursor(self._schemas[database]) as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())

    @contextmanager
    def _cursor(self, schema: str) -> Iterator[Cursor]:
        with (
            pymysql.connect(
                host=self.server.host,
                port=self.server.port,
                user=self.server.user,
                password=self.server.password.get_secret_value(),
                database=schema,
                charset="latin1",
                autocommit=True,
                ssl_disabled=True,
            ) as connection,
            connection.cursor() as cursor,
        ):
            yield cursor

    def unchecked(self, database: str, query: str, values: Sequence[Any] = ()) -> None:
        """A change that leaves out the rows which its foreign keys name."""
        with self._cursor(self._schemas[database]) as cursor:
            cursor.execute("SET foreign_key_checks = 0")
            cursor.execute(query, values)

    def row(self, database: str, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
        (row,) = self.rows(database, query, values)
        return row

    def one(self, database: str, query: str, values: Sequence[Any] = ()) -> Any:  # noqa: ANN401  # a column's value
        (value,) = self.row(database, query, values)
        return value

    def next_id(self, counter: str) -> int:
        """The id that SEI's counter table will give next."""
        query = "SELECT auto_increment FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"
        return int(self.one("sei", query, (self.name.database_sei, counter)))

    def contents(self) -> dict[str, int]:
        """The checksum of every table of both, to tell whether anything at all was written."""
        tables = self.rows(
            "sip",
            "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables"
            " WHERE table_schema IN (%s, %s)",
            tuple(self._schemas.values()),
        )
        return dict(self.rows("sip", f"CHECKSUM TABLE {', '.join(sorted(name for (name,) in tables))}"))

    def remember(self) -> None:
        """Keep every row, for `restore`."""
        self._checksums = self.contents()
        with self._cursor(self.name.database_sip) as cursor:
            for table in self._checksums:
                cursor.execute(f"SELECT * FROM {table}")
                self._kept[table] = list(cursor.fetchall())

    def restore(self) -> None:
        """Put back every table that a test changed: far faster than loading the reference anew."""
        now = self.contents()
        with self._cursor(self.name.database_sip) as cursor:
            cursor.execute("SET foreign_key_checks = 0")  # the reference's foreign keys go in circles
            for table in [name for name, checksum in self._checksums.items() if now[name] != checksum]:
                cursor.execute(f"DELETE FROM {table}")
                if kept := self._kept[table]:
                    places = ", ".join(["%s"] * len(kept[0]))
                    cursor.executemany(f"INSERT INTO {table} VALUES ({places})", kept)


def load(databases: Databases, reference: Reference) -> None:
    """Create both schemas anew from a reference."""
    databases.create()
    server = databases.server
    for dump, schema in (
        (reference.sei, databases.name.database_sei),
        (reference.sip, databases.name.database_sip),
    ):
        load_dump(dump, server, schema)


@contextmanager
def working(server: MariaDBServer, name: EnvironmentName) -> Iterator[DictCursor]:
    """An environment's SEI as its application writes into it."""
    settings = {
        "Servidor": server.host,
        "Porta": server.port,
        "Banco": name.database_sei,
        "Usuario": server.user,
        "Senha": server.password,
    }
    with transaction(DatabaseSettings.model_validate(settings)) as sei:
        yield sei
