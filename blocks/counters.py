"""How SEI and SIP hand out identifiers (`sei.md` 2.2): never by AUTO_INCREMENT of the table itself."""

from typing import TYPE_CHECKING

from domain.errors import IntegrityError

if TYPE_CHECKING:
    from pymysql.cursors import Cursor


def next_sequence_ids(cursor: "Cursor", name: str, count: int) -> list[int]:
    """Take `count` ids from an `infra_sequencia` counter, inside the caller's transaction.

    Raises:
        IntegrityError: the counter does not exist or would pass its maximum.
    """
    current, step, maximum = lock_sequence(cursor, name)
    last = current + step * count
    if last > maximum:
        raise IntegrityError(f"Contador {name} esgotado em {maximum}", "infra_sequencia", "Chame o suporte do SEI.")
    cursor.execute("UPDATE infra_sequencia SET num_atual = %s WHERE nome_tabela = %s", (last, name))
    return list(range(current + step, last + 1, step))


def lock_sequence(cursor: "Cursor", name: str) -> tuple[int, int, int]:
    """Keep everybody else from taking ids until the caller's transaction ends; last id, step and maximum.

    Raises:
        IntegrityError: the counter does not exist.
    """
    cursor.execute(
        "SELECT num_atual, qtd_incremento, num_maximo FROM infra_sequencia WHERE nome_tabela = %s FOR UPDATE", (name,)
    )
    row = cursor.fetchone()
    if row is None:
        raise IntegrityError(
            f"Contador {name} não existe", "infra_sequencia", "Compare o banco com a referência da versão."
        )
    current, step, maximum = (int(value) for value in row)
    return current, step, maximum


def next_table_id(cursor: "Cursor", table: str) -> int:
    """Take one id from SEI's counter table `seq_<table>`, whose name is cut at 30 characters."""
    (number,) = next_table_ids(cursor, table, 1, increment=1)
    return number


def next_table_ids(cursor: "Cursor", table: str, count: int, *, increment: int) -> list[int]:
    """Take `count` ids from SEI's counter table `seq_<table>` in one statement.

    Of an INSERT whose rows are counted beforehand MariaDB gives consecutive ids in every lock mode, from the first one
    on in steps of `increment`, the session's auto_increment_increment (more than 1 in a Galera cluster).
    """
    if not count:
        return []
    marks = ", ".join(["(NULL)"] * count)
    cursor.execute(f"INSERT INTO {f'seq_{table}'[:30]} (campo) VALUES {marks}")
    first = int(cursor.lastrowid)
    return list(range(first, first + count * increment, increment))
