"""How SEI and SIP hand out identifiers (`sei.md` 2.2): never by AUTO_INCREMENT of the table itself."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

from blocks.mariadb import identifier
from domain.errors import IntegrityError

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# A counter hands out the ids of the table in its name, save these. Of documents it counts the numbers (their ids are
# those of `protocolo`); the two kinds of users that SEI makes itself have ranges of their own.
_USED_OTHERWISE = {
    "documento": (
        "protocolo",
        "SELECT MAX(CAST(protocolo_formatado AS UNSIGNED)) FROM protocolo"
        " WHERE sta_protocolo IN ('G', 'R') AND protocolo_formatado REGEXP '^[0-9]{1,15}$'",
    ),
    "usuario_externo": (
        "usuario",
        "SELECT MAX(id_usuario) FROM usuario WHERE sta_tipo IN ('2', '3') AND id_usuario BETWEEN 1000000 AND 1999999",
    ),
    "usuario_sistema": (
        "usuario",
        "SELECT MAX(id_usuario) FROM usuario WHERE sta_tipo = '1' AND id_usuario < 1000000",
    ),
}


class Counter(NamedTuple):
    """A counter, where it is kept, what it counts and where: its next number, and the highest in use."""

    name: str
    kept_in: str
    table: str
    following: int
    used: int

    @property
    def slack(self) -> int:
        """How far it is ahead; below 1, its next number is taken."""
        return self.following - self.used


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


def read_counters(cursor: "Cursor", names: Collection[str] | None = None) -> Iterator[Counter]:
    """The counters of the current schema, or those of `names`, in both ways that SEI and SIP keep them.

    Left out are counters of nothing that the schema holds, such as those of numbers within a year.
    """
    cursor.execute(
        "SELECT table_name, COALESCE(auto_increment, 1) FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
    )
    tables = {str(table): int(following) for table, following in cursor.fetchall()}
    cursor.execute(
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND column_name = CONCAT('id_', table_name)"
    )
    with_id = {str(table) for (table,) in cursor.fetchall()}
    kept = {
        name: (counter, tables[counter])
        for name in tables
        if (counter := f"seq_{name}"[:30]) in tables and counter != name
    }
    if "infra_sequencia" in tables:
        cursor.execute("SELECT nome_tabela, num_atual + qtd_incremento FROM infra_sequencia")
        kept |= {str(name): ("infra_sequencia", int(following)) for name, following in cursor.fetchall()}
    for name, (kept_in, following) in sorted(kept.items()):
        if names is not None and name not in names:
            continue
        if name not in with_id and name not in _USED_OTHERWISE:
            continue
        table, query = _USED_OTHERWISE.get(name) or (
            name,
            f"SELECT MAX({identifier(f'id_{name}')}) FROM {identifier(name)}",
        )
        if table not in tables:
            continue
        cursor.execute(query)
        (used,) = cursor.fetchone() or (None,)
        yield Counter(name, kept_in, table, following, int(used or 0))
