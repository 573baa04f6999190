"""One statement of a release package on an open connection: for the product, and for the lab's update scripts.

Nothing of Prefect is imported here: a script has to start at once.
"""

from typing import NamedTuple

from pymysql.cursors import Cursor

from domain.upgrade.package import Kind, Statement, Value
from domain.upgrade.table_text import quoted


class Obstacle(NamedTuple):
    """How many rows a check found in the way, and the values that it bound."""

    values: tuple[Value, ...]
    rows: int


def set_session(cursor: Cursor) -> None:
    """What the statements of a package take for granted of their connection."""
    cursor.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'")


def find_obstacles(cursor: Cursor, check: Statement) -> list[Obstacle]:
    """What stands in the way of the package by one of its checks; nothing may. Driver errors are the caller's."""
    obstacles = []
    for row in check.rows or ((),):
        cursor.execute(check.sql, row)
        (count,) = cursor.fetchone() or (0,)
        if count:
            obstacles.append(Obstacle(row, int(count)))
    return obstacles


def execute_statement(cursor: Cursor, statement: Statement) -> None:
    """Carry out one change, once for each of its rows. Driver errors are the caller's."""
    if statement.kind is Kind.MOVE_COUNTER:
        _move_counter(cursor, statement)
        return
    # New foreign keys are checked against every row; rows and tables come in an order of their own until then.
    cursor.execute(f"SET SESSION foreign_key_checks = {int(statement.kind is Kind.ADD_FOREIGN_KEY)}")
    if statement.rows:
        cursor.executemany(statement.sql, statement.rows)
    else:
        cursor.execute(statement.sql)


def _move_counter(cursor: Cursor, statement: Statement) -> None:
    cursor.execute(statement.sql, statement.rows[0])
    (wanted,) = cursor.fetchone() or (0,)
    cursor.execute(
        "SELECT auto_increment FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s",
        (statement.table,),
    )
    (current,) = cursor.fetchone() or (None,)
    if int(current or 0) < int(wanted):
        cursor.execute(f"ALTER TABLE {quoted(statement.table)} AUTO_INCREMENT = {int(wanted)}")
