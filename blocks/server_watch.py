"""What one database server says of itself and of every environment on it: few queries, however many there are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import pymysql
from pymysql.cursors import DictCursor

from blocks.mariadb import MariaDBServer, identifier
from blocks.server_disk import read_disks
from domain.mariadb_errors import NO_CODE, Failure, classify
from domain.monitoring.facts import EnvironmentFigures, ServerFigures
from domain.person import RESERVED_LOGINS

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# One statement speaks of so many environments: a longer one takes the parser more than it saves.
_AT_ONCE = 100
_NEEDED = ("usuario", "infra_agendamento_tarefa", "login")
_OF_ENVIRONMENT = (
    "SELECT %s, (SELECT TIMESTAMPDIFF(SECOND, MAX(dth_ultima_execucao), NOW()) FROM {sei}.infra_agendamento_tarefa"
    " WHERE comando = 'AgendamentoRN::testarAgendamento' AND sin_sucesso = 'S'),"
    # V: let in and not left (`sei.md` 2.4). Two sessions of one person are one person.
    " (SELECT COUNT(DISTINCT l.id_usuario) FROM {sip}.login l JOIN {sip}.usuario u ON u.id_usuario = l.id_usuario"
    " WHERE l.sta_login = 'V' AND l.dth_login > NOW() - INTERVAL %s MINUTE AND u.sigla NOT IN %s),"
    " (SELECT COUNT(*) FROM {sei}.usuario WHERE sta_tipo = '0' AND sin_ativo = 'S' AND sigla NOT IN %s)"
)


_OF_THE_SERVER = frozenset({Failure.UNREACHABLE, Failure.INTERRUPTED, Failure.DENIED, Failure.STORAGE})


class OnServer(NamedTuple):
    """One environment's two schemas."""

    environment: str
    sei: str
    sip: str


def read_server(server: MariaDBServer, environments: Sequence[OnServer], session_minutes: int) -> ServerFigures:
    """The figures of a server, over one connection.

    Raises:
        RetryableError: the server does not answer.
        InvalidInputError: it refuses these credentials.
        IntegrityError: it refuses a statement.
    """
    with server.transaction() as cursor:
        connections, maximum = _connections(cursor)
        complete = _schemas_with_all(cursor)
        sizes = _sizes(cursor)
        present = [one for one in environments if one.sei in complete and one.sip in complete]
        figures = {one.environment: EnvironmentFigures(present=False) for one in environments}
        for start in range(0, len(present), _AT_ONCE):
            figures |= _figures(cursor, present[start : start + _AT_ONCE], sizes, session_minutes)
    replicates, lag = _replication(server)
    return ServerFigures(
        connections=connections,
        max_connections=maximum,
        replicates=replicates,
        lag_seconds=lag,
        environments=figures,
        disks=read_disks(server),
    )


def _connections(cursor: "Cursor") -> tuple[int, int]:
    cursor.execute(
        "SELECT (SELECT COUNT(*) FROM information_schema.processlist WHERE command <> 'Daemon'), @@max_connections"
    )
    row = cursor.fetchone() or (0, 0)
    return int(row[0]), int(row[1])


def _schemas_with_all(cursor: "Cursor") -> frozenset[str]:
    """The schemas that look like SEI's or SIP's; only names are read, so that no table is opened."""
    cursor.execute(
        "SELECT table_schema, COUNT(*) FROM information_schema.tables WHERE table_name IN %s GROUP BY table_schema",
        (_NEEDED,),
    )
    # SEI has no table `login`.
    return frozenset(str(schema) for schema, count in cursor.fetchall() if int(count) >= len(_NEEDED) - 1)


def _sizes(cursor: "Cursor") -> dict[str, int]:
    """Bytes of data and indexes by schema, as InnoDB's own statistics have them: no table is opened for it."""
    if not _allowed(cursor, "SELECT 1 FROM mysql.innodb_table_stats LIMIT 1"):
        return {}
    cursor.execute(
        "SELECT database_name, SUM(clustered_index_size + sum_of_other_index_sizes) * @@innodb_page_size"
        " FROM mysql.innodb_table_stats GROUP BY database_name"
    )
    return {str(schema): int(size) for schema, size in cursor.fetchall()}


def _figures(
    cursor: "Cursor", environments: Sequence[OnServer], sizes: dict[str, int], session_minutes: int
) -> dict[str, EnvironmentFigures]:
    query = " UNION ALL ".join(
        _OF_ENVIRONMENT.format(sei=identifier(one.sei), sip=identifier(one.sip)) for one in environments
    )
    reserved = tuple(sorted(RESERVED_LOGINS))
    values = [value for one in environments for value in (one.environment, session_minutes, reserved, reserved)]
    try:
        cursor.execute(query, values)
    except pymysql.err.MySQLError as error:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else NO_CODE
        if classify(code, str(error.args[-1]) if error.args else "") in _OF_THE_SERVER:
            raise
        if len(environments) == 1:
            return {environments[0].environment: EnvironmentFigures(present=False)}
        # One environment's broken table says nothing of the others.
        alone = [_figures(cursor, [one], sizes, session_minutes) for one in environments]
        return {slug: figures for part in alone for slug, figures in part.items()}
    found = {str(slug): counts for slug, *counts in cursor.fetchall()}
    figures = {}
    for one in environments:
        age, concurrent, users = found[one.environment]
        figures[one.environment] = EnvironmentFigures(
            present=True,
            heartbeat_seconds=None if age is None else int(age),
            concurrent_users=int(concurrent),
            users=int(users),
            storage_bytes=sizes.get(one.sei, 0) + sizes.get(one.sip, 0) if sizes else None,
        )
    return figures


def _allowed(cursor: "Cursor", query: str) -> bool:
    """Whether the account may ask this: one that may not is told nothing of it, and the server is not down for that."""
    try:
        cursor.execute(query)
        cursor.fetchall()
    except pymysql.err.MySQLError as error:
        if error.args and classify(error.args[0]) is Failure.DENIED:
            return False
        raise
    return True


def _replication(server: MariaDBServer) -> tuple[bool, int | None]:
    """Whether the server is a replica, and how far behind the slowest of its sources; None while one stands still."""
    query = "SHOW ALL SLAVES STATUS"
    with server.connection() as connection, connection.cursor(DictCursor) as cursor:
        if not _allowed(cursor, query):
            return False, None
        cursor.execute(query)
        sources = cursor.fetchall()
    lags = [source["Seconds_Behind_Master"] for source in sources]
    return bool(sources), None if None in lags else max(map(int, lags), default=0)
