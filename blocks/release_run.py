"""Running the statements of a release package: checks first, in order, stopping at the first error."""

from collections.abc import Callable, Sequence

import pymysql
from pymysql.cursors import Cursor

from blocks.mariadb import MariaDBServer, explain
from blocks.rehearsal import is_rehearsal
from blocks.release_statement import execute_statement, find_obstacles, set_session
from domain.errors import ImplantaError, InvalidInputError
from domain.upgrade.package import Kind, Statement

# A table of many millions of rows is copied when a foreign key is added.
_ANSWER_TIMEOUT_SECONDS = 4 * 3600
# As many problems as fit a line, and as much of each value.
_SHOWN = 3
_SHOWN_CHARACTERS = 60
_RESTORE = "O banco ficou no meio da atualização: restaure a cópia tirada antes dela."

Progress = Callable[[int, int, Statement], None]


def run_statements(
    server: MariaDBServer, schema: str, statements: Sequence[Statement], *, progress: Progress | None = None
) -> None:
    """Run them in order: first every check, before anything changes. Raises as `apply_package`."""
    patient = server.model_copy(update={"answer_timeout_seconds": _ANSWER_TIMEOUT_SECONDS})
    with patient.transaction(schema) as cursor:
        set_session(cursor)
        changed = False
        for number, statement in enumerate(statements, 1):
            where = f"{schema}, comando {number} de {len(statements)} ({statement.kind}), tabela {statement.table}"
            try:
                _run(cursor, statement, where)
            except pymysql.err.MySQLError as error:
                raise _stopped(explain(error, where), changed=changed) from None  # its text may hold a row's values
            changed = changed or statement.kind is not Kind.REQUIRE
            if progress is not None:
                progress(number, len(statements), statement)


def shortened(problems: Sequence[str]) -> str:
    """As many of them as fit a line, and how many more there are."""
    more = f" e mais {len(problems) - _SHOWN}" if len(problems) > _SHOWN else ""
    return "; ".join(problems[:_SHOWN]) + more


def _run(cursor: Cursor, statement: Statement, where: str) -> None:
    if statement.kind is Kind.REQUIRE:
        _require(cursor, statement, where)
    elif not is_rehearsal():
        execute_statement(cursor, statement)


def _require(cursor: Cursor, statement: Statement, where: str) -> None:
    """Refuse when rows are found; values that a check binds are the reference's, and may be told."""
    obstacles = find_obstacles(cursor, statement)
    count = sum(obstacle.rows for obstacle in obstacles)
    if not obstacles:
        return
    if not statement.rows:
        raise InvalidInputError(
            f"{count} linhas impedem a atualização ({statement.sql})",
            where,
            "Nada foi mudado. Corrija essas linhas no ambiente e execute de novo.",
        )
    taken = [", ".join(str(value)[:_SHOWN_CHARACTERS] for value in obstacle.values) for obstacle in obstacles]
    raise InvalidInputError(
        f"{count} linhas do ambiente ocupam o identificador ou o nome de linhas da versão ({shortened(taken)})",
        where,
        "Nada foi mudado. Veja de quem são (em geral, de um módulo) e mude-lhes o identificador ou o nome, e o que"
        " aponta para elas, antes de atualizar.",
    )


def _stopped(error: ImplantaError, *, changed: bool) -> ImplantaError:
    return type(error)(error.what, error.where, f"{error.fix} {_RESTORE}" if changed else error.fix)
