"""Who is at work in an environment's databases, and how much room there is: asked before they are changed."""

from collections.abc import Sequence
from typing import NamedTuple

from blocks.infra_rows import first_number
from blocks.mariadb import MariaDBServer


class OpenWork(NamedTuple):
    """One account's connections to some schemas, and for how long its oldest transaction has been open."""

    account: str
    sessions: int
    oldest_seconds: int


def list_open_work(server: MariaDBServer, schemas: Sequence[str]) -> list[OpenWork]:
    """Every account that is connected to one of the schemas; `oldest_seconds` is 0 for one without a transaction."""
    with server.transaction() as cursor:
        cursor.execute("SET SESSION time_zone = 'SYSTEM'")  # InnoDB tells its times in the machine's, whatever is set
        cursor.execute(
            "SELECT p.user, COUNT(*), COALESCE(MAX(TIMESTAMPDIFF(SECOND, t.trx_started, NOW())), 0)"
            " FROM information_schema.processlist p"
            " LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id"
            " WHERE p.db IN %s AND p.id <> CONNECTION_ID() GROUP BY p.user ORDER BY p.user",
            (tuple(schemas),),
        )
        return [OpenWork(str(user), int(count), int(seconds)) for user, count, seconds in cursor.fetchall()]


def end_sessions(server: MariaDBServer, account: str) -> int:
    """End every connection of an account that must have none any more, and say how many there were."""
    with server.transaction() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE user = %s", (account,))
        sessions = [int(session) for (session,) in cursor.fetchall()]
        for session in sessions:
            server.define(cursor, f"KILL CONNECTION {session}")
    return len(sessions)


def measure_schemas(server: MariaDBServer, schemas: Sequence[str] = ()) -> int:
    """How many bytes data and indexes of some schemas take, or those of all."""
    chosen = "table_schema IN %s" if schemas else "%s IS NOT NULL"
    with server.transaction() as cursor:
        cursor.execute(
            f"SELECT COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables WHERE {chosen}",
            (tuple(schemas) or 1,),
        )
        return first_number(cursor)
