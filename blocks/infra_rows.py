"""What SEI's and SIP's databases have in common: the `infra_…` tables, and how a convergent UPDATE counts."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from blocks.mariadb import MariaDBServer
from domain.change import Change
from domain.drift import difference
from domain.schedule import Schedule

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

Value = str | int | None


def read_parameters(cursor: "Cursor", names: Iterable[str]) -> dict[str, str]:
    """Those of these rows of `infra_parametro` that the database has, by name."""
    cursor.execute("SELECT nome, valor FROM infra_parametro WHERE valor IS NOT NULL AND nome IN %s", (tuple(names),))
    return {str(name): str(value) for name, value in cursor.fetchall()}


def ensure_parameters(server: MariaDBServer, database: str, values: dict[str, str]) -> Change:
    """Set rows of `infra_parametro`, which SEI and SIP both have; unknown names are left out."""
    change = Change()
    with server.transaction(database) as cursor:
        cursor.execute("SELECT nome, valor FROM infra_parametro FOR UPDATE")
        found: dict[str, str | None] = dict(cursor.fetchall())
        for name, value in values.items():
            if name not in found or found[name] == value:
                change += Change(unchanged=1)
                continue
            cursor.execute("UPDATE infra_parametro SET valor = %s WHERE nome = %s", (value, name))
            change += Change(updated=1, details=(f"parâmetro {difference(name, found[name], value)}",))
    return change


def ensure_schedules(server: MariaDBServer, database: str, wanted: Iterable[Schedule]) -> Change:
    """Bring rows of `infra_agendamento_tarefa`, which SEI and SIP both have, to what they should be.

    A task that this version lacks is left out; a task that is not wanted here is a module's, and stays as it is.
    """
    change = Change()
    with server.transaction(database) as cursor:
        for schedule in wanted:
            values = {
                "sin_ativo": "S" if schedule.active else "N",
                "sta_periodicidade_execucao": schedule.periodicity,
                "periodicidade_complemento": schedule.when,
            }
            change += ensure_row(
                cursor,
                "infra_agendamento_tarefa",
                ("comando", schedule.command),
                {column: value for column, value in values.items() if value is not None},
                f"tarefa agendada {schedule.command.removeprefix('AgendamentoRN::')}",
            )
    return change


def ensure_row(
    cursor: "Cursor", table: str, key: tuple[str, Value], values: Mapping[str, Value], what: str, condition: str = ""
) -> Change:
    """Write columns that differ in the rows of a key, and tell each as old → new under the name `what`.

    No row at all is `unchanged`: whoever needs one checks that itself. `condition` is more SQL for the WHERE.
    """
    column, identity = key
    where = f"{column} = %s {condition}"
    cursor.execute(f"SELECT {', '.join(values)} FROM {table} WHERE {where} FOR UPDATE", (identity,))
    rows = cursor.fetchall()
    told = [
        difference(name, _text(old), _text(new))
        for row in rows
        for (name, new), old in zip(values.items(), row, strict=True)
        if _text(old) != _text(new)
    ]
    if not told:
        return Change(unchanged=1)
    assigned = ", ".join(f"{name} = %s" for name in values)
    cursor.execute(f"UPDATE {table} SET {assigned} WHERE {where}", (*values.values(), identity))
    return Change(updated=cursor.rowcount, details=tuple(f"{what}, {text}" for text in dict.fromkeys(told)))


def updated(cursor: "Cursor", detail: str = "") -> Change:
    """What the UPDATE just run changed, as a count of rows; `detail` names it in Portuguese, without personal data."""
    # MariaDB counts only rows whose values really changed, which is just what a convergent step reports.
    if not cursor.rowcount:
        return Change(unchanged=1)
    return Change(updated=cursor.rowcount, details=(detail,) if detail else ())


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


def _text(value: Value) -> str | None:
    return None if value is None else str(value)
