"""What SEI's and SIP's databases have in common: the `infra_…` tables, and how a convergent UPDATE counts."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from blocks.mariadb import MariaDBServer
from domain.change import Change

if TYPE_CHECKING:
    from pymysql.cursors import Cursor


def ensure_parameters(server: MariaDBServer, database: str, values: dict[str, str]) -> Change:
    """Set rows of `infra_parametro`, which SEI and SIP both have; unknown names are left out."""
    change = Change()
    with server.transaction(database) as cursor:
        for name, value in values.items():
            cursor.execute("UPDATE infra_parametro SET valor = %s WHERE nome = %s", (value, name))
            change += updated(cursor)
    return change


def ensure_scheduled(server: MariaDBServer, database: str, commands: Iterable[str]) -> Change:
    """Switch rows of `infra_agendamento_tarefa` on, which SEI and SIP both have."""
    change = Change()
    with server.transaction(database) as cursor:
        for command in commands:
            cursor.execute("UPDATE infra_agendamento_tarefa SET sin_ativo = 'S' WHERE comando = %s", (command,))
            change += updated(cursor)
    return change


def updated(cursor: "Cursor") -> Change:
    """What the UPDATE just run changed, as a count of rows."""
    # MariaDB counts only rows whose values really changed, which is just what a convergent step reports.
    return Change(updated=cursor.rowcount) if cursor.rowcount else Change(unchanged=1)


def first_number(cursor: "Cursor") -> int:
    """The number that a `SELECT COUNT(*)` just run found."""
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def has_column(cursor: "Cursor", table: str, column: str) -> bool:
    """Whether the schema that the transaction is in has this column: versions differ in a few."""
    cursor.execute(
        "SELECT 1 FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = %s AND column_name = %s",
        (table, column),
    )
    return cursor.fetchone() is not None
