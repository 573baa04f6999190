"""One transaction on a SEI or SIP database, and how both hand out identifiers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

import pymysql
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pymysql.constants import CR, ER
from pymysql.cursors import DictCursor

from domain.errors import IntegrityError, InvalidInputError, RetryableError

Value = str | int | Decimal | datetime | None
# A tuple is a list of values, as in `IN %s`.
Argument = Value | tuple[Value, ...]
Row = dict[str, Any]

# Columns that only some of the supported releases have (`sei.md` 5.2): left out where the database lacks them.
_COLUMNS_OF_SOME_RELEASES: Mapping[str, frozenset[str]] = {
    "usuario": frozenset({"sin_acessibilidade"}),
    "protocolo": frozenset({"sin_eliminado"}),
    "documento": frozenset({"sin_versoes", "sta_editor"}),
    "rel_protocolo_assunto": frozenset({"id_protocolo_procedimento"}),
}

_UNREACHABLE = {
    CR.CR_CONN_HOST_ERROR,
    CR.CR_CONNECTION_ERROR,
    CR.CR_SERVER_GONE_ERROR,
    CR.CR_SERVER_LOST,
    ER.CON_COUNT_ERROR,
    ER.SERVER_SHUTDOWN,
    ER.LOCK_WAIT_TIMEOUT,
    ER.LOCK_DEADLOCK,
}


class DatabaseSettings(BaseModel):
    """Groups `BancoSEI` and `BancoSip` of the application's configuration."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    host: str = Field(alias="Servidor")
    port: int = Field(alias="Porta")
    name: str = Field(alias="Banco")
    user: str = Field(alias="Usuario")
    password: SecretStr = Field(alias="Senha")


@contextmanager
def transaction(settings: DatabaseSettings) -> Iterator[DictCursor]:
    """Run one transaction: committed when the block ends, rolled back when it raises.

    Raises:
        RetryableError: the server does not answer, or another transaction was in the way.
        InvalidInputError: a text holds a character that latin1 (cp1252) cannot store.
        IntegrityError: the server refused the account or a statement.
    """
    connection: pymysql.Connection[DictCursor] | None = None
    try:
        connection = pymysql.connect(
            host=settings.host,
            port=settings.port,
            user=settings.user,
            password=settings.password.get_secret_value(),
            database=settings.name,
            charset="latin1",  # both databases are latin1 (`sei.md` 2.1); the driver's latin1 is cp1252, as MariaDB's
            connect_timeout=5,
            ssl_disabled=True,  # the lab is one machine, and preparing TLS takes ten times as long as connecting
            cursorclass=DictCursor,
        )
        with connection.cursor() as cursor:
            yield cursor
        connection.commit()
    except pymysql.err.MySQLError as e:
        # The driver's text may hold a row's values: only its number goes on.
        code = e.args[0] if e.args and isinstance(e.args[0], int) else 0
        if code in _UNREACHABLE:
            raise RetryableError(
                f"O banco de dados não respondeu (erro {code})", settings.name, "Tente de novo em instantes."
            ) from None
        raise IntegrityError(
            f"O banco de dados recusou um comando (erro {code})", settings.name, "Avise o suporte do SEI."
        ) from None
    except UnicodeEncodeError as e:
        raise InvalidInputError(
            f"O caractere {e.object[e.start]!r} não existe no conjunto do SEI (ISO-8859-1)",
            settings.name,
            "Troque esse caractere e envie de novo.",
        ) from None
    finally:
        if connection is not None and connection.open:
            connection.close()


def fetch_one(cursor: DictCursor, query: str, values: Sequence[Argument] = ()) -> Row | None:
    """The first row of a query, or None."""
    cursor.execute(query, values)
    return cursor.fetchone()


def fetch_all(cursor: DictCursor, query: str, values: Sequence[Argument] = ()) -> list[Row]:
    """Every row of a query."""
    cursor.execute(query, values)
    return list(cursor.fetchall())


def insert(cursor: DictCursor, table: str, rows: Sequence[Mapping[str, Value]]) -> None:
    """Insert rows that all have the same columns, in as few statements as fit the server's packet."""
    if not rows:
        return
    columns = list(rows[0])
    optional = _COLUMNS_OF_SOME_RELEASES.get(table)
    if optional:
        existing = _list_columns(cursor, table)
        columns = [name for name in columns if name not in optional or name in existing]
    marks = ", ".join(["%s"] * len(columns))
    cursor.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608  # names are literals of ours
        [tuple(row[name] for name in columns) for row in rows],
    )


def _list_columns(cursor: DictCursor, table: str) -> frozenset[str]:
    rows = fetch_all(
        cursor,
        "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = DATABASE()"
        " AND table_name = %s",
        (table,),
    )
    return frozenset(str(row["name"]) for row in rows)


def next_ids(cursor: DictCursor, table: str, count: int = 1) -> range:
    """Take ids from SEI's counter `seq_<table>`, a name cut at 30 characters (`sei.md` 2.2).

    One INSERT takes them all: InnoDB gives the rows of one statement consecutive numbers.
    """
    if count == 0:
        return range(0)
    counter = f"seq_{table}"[:30]
    marks = ", ".join(["('0')"] * count)
    cursor.execute(f"INSERT INTO {counter} (campo) VALUES {marks}")  # noqa: S608  # names are literals of ours
    return range(cursor.lastrowid, cursor.lastrowid + count)


def next_id(cursor: DictCursor, table: str) -> int:
    """Take one id from SEI's counter `seq_<table>`."""
    return next_ids(cursor, table)[0]


def next_sip_id(cursor: DictCursor, table: str) -> int:
    """Take one id from SIP's `infra_sequencia` (`sei.md` 2.2)."""
    cursor.execute(
        "UPDATE infra_sequencia SET num_atual = LAST_INSERT_ID(num_atual + qtd_incremento)"
        " WHERE nome_tabela = %s AND num_atual < num_maximo",
        (table,),
    )
    if cursor.rowcount != 1:
        raise IntegrityError(
            f"O contador {table} não existe ou se esgotou", "infra_sequencia", "Compare o banco com a referência."
        )
    return int(cursor.lastrowid)


def next_yearly_number(cursor: DictCursor, counter: str) -> int:
    """Take the next number of a yearly process counter, which starts at 1 when it is first asked (`sei.md` 2.2)."""
    cursor.execute(
        "INSERT INTO infra_sequencia (nome_tabela, qtd_incremento, num_atual, num_maximo)"
        " VALUES (%s, 1, LAST_INSERT_ID(1), 999999999)"
        " ON DUPLICATE KEY UPDATE num_atual = LAST_INSERT_ID(num_atual + qtd_incremento)",
        (counter,),
    )
    return int(cursor.lastrowid)


def read_parameter(cursor: DictCursor, name: str) -> str | None:
    """A value of `infra_parametro`; None when it is missing, null or empty."""
    row = fetch_one(cursor, "SELECT valor FROM infra_parametro WHERE nome = %s", (name,))
    return str(row["valor"]) if row and row["valor"] else None


def require_parameter(cursor: DictCursor, name: str) -> int:
    """A numeric value of `infra_parametro`.

    Raises:
        IntegrityError: the parameter is missing or empty.
    """
    value = read_parameter(cursor, name)
    if value is None or not value.isdigit():
        raise IntegrityError(
            f"O parâmetro {name} não existe ou está vazio", "infra_parametro", "Acerte o parâmetro no SEI."
        )
    return int(value)
