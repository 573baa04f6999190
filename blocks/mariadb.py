"""A MariaDB server: the only door to the databases of the SEI instances."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr

from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from domain.mariadb_errors import NO_CODE, Failure, classify

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from pymysql.cursors import Cursor

# What SEI and SIP need at run time, on their own schemas only: SEI creates its yearly counters as rows, not as tables.
APPLICATION_PRIVILEGES = "SELECT, INSERT, UPDATE, DELETE, CREATE TEMPORARY TABLES, LOCK TABLES"

_ANSWER_TIMEOUT_SECONDS = 60
_SERVER_FAILURES: dict[Failure, tuple[type[ImplantaError], str, str]] = {
    Failure.DENIED: (
        InvalidInputError,
        "O MariaDB recusou o acesso",
        "Confira usuário, senha e permissões no bloco do servidor.",
    ),
    Failure.MISSING_DATABASE: (
        InvalidInputError,
        "O banco não existe no MariaDB",
        "Confira se o ambiente foi criado neste servidor ou se o banco foi apagado.",
    ),
    Failure.UNTRUSTED: (
        InvalidInputError,
        "A conexão cifrada com o MariaDB falhou",
        "Confira o certificado da autoridade (ca_file) no bloco do servidor e o TLS do servidor.",
    ),
    Failure.UNREACHABLE: (
        RetryableError,
        "O MariaDB não respondeu",
        "Confira se o servidor está no ar e execute de novo.",
    ),
    Failure.CONTENDED: (RetryableError, "Outra execução grava os mesmos dados no MariaDB", "Execute de novo."),
    Failure.DISK_FULL: (
        RetryableError,
        "O disco do MariaDB está cheio",
        "Libere espaço no servidor e execute de novo.",
    ),
    Failure.STORAGE: (
        RetryableError,
        "O MariaDB não conseguiu ler ou gravar no disco",
        "Confira o disco do servidor e execute de novo.",
    ),
    Failure.READ_ONLY: (
        RetryableError,
        "O MariaDB está em modo somente leitura",
        "Espere o fim da manutenção do servidor e execute de novo.",
    ),
    Failure.INTERRUPTED: (RetryableError, "A operação no MariaDB foi interrompida", "Execute de novo."),
}
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,63}")


def explain(error: pymysql.err.MySQLError, where: str) -> ImplantaError:
    """Translate a driver error; the result never carries a row's values, which may be personal data."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else NO_CODE
    text = str(error.args[-1]) if error.args else ""
    if told := explain_code(code, text, where):
        return told
    if isinstance(error, pymysql.err.IntegrityError) or classify(code, text) is Failure.CONSTRAINT:
        return IntegrityError(
            f"O MariaDB recusou uma linha por violar uma chave (erro {code})",
            where,
            "O banco tem dados que o plano não previa: compare o ambiente com a referência antes de repetir.",
        )
    return IntegrityError(
        f"O MariaDB recusou um comando (erro {code}, {type(error).__name__})",
        where,
        "Registre o número do erro e chame o suporte de banco de dados.",
    )


def explain_code(code: int, text: str, where: str) -> ImplantaError | None:
    """What an error number of server or client says of the server itself; None when it judges the statement.

    `text` only helps to tell kinds apart: it may quote a row, so nothing of it reaches the result.
    """
    failure = classify(code, text)
    if failure not in _SERVER_FAILURES:
        return None
    kind, what, fix = _SERVER_FAILURES[failure]
    return kind(f"{what} (erro {code})", where, fix)


def identifier(name: str) -> str:
    """Quote a schema or user name, which never comes from outside a validated slug.

    Raises:
        InvalidInputError: the name is not a plain identifier.
    """
    if not _IDENTIFIER.fullmatch(name):
        raise InvalidInputError(
            "Nome de banco inválido", repr(name), "Use só letras minúsculas, algarismos e sublinhado."
        )
    return f"`{name}`"


class MariaDBServer(Block):
    """One MariaDB server that holds the databases of many SEI instances."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta MariaDB"
    _block_type_slug = "implanta-mariadb"

    host: str = Field(description="Endereço do servidor.")
    port: int = Field(default=3306, description="Porta do servidor.")
    user: str = Field(description="Usuário de serviço, que cria bancos e usuários.")
    password: SecretStr = Field(description="Senha do usuário de serviço.")
    ca_file: Path | None = Field(
        default=None,
        description="Certificado da autoridade que assina o servidor; vazio, só na própria máquina, é sem TLS.",
    )
    answer_timeout_seconds: int = Field(
        default=_ANSWER_TIMEOUT_SECONDS, ge=1, description="Segundos que um comando espera pela resposta do servidor."
    )

    @contextmanager
    def transaction(self, database: str | None = None) -> Iterator["Cursor"]:
        """Run one transaction: committed when the block ends, rolled back when it raises.

        Raises:
            RetryableError: the server is down, silent, read-only or out of disk, or broke off.
            InvalidInputError: wrong user, password or database, or a text that latin1 cannot hold.
            IntegrityError: the server refused a statement or a row.
        """
        where = f"{self.host}:{self.port}" + (f"/{database}" if database else "")
        connection: Connection | None = None
        try:
            connection = pymysql.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password.get_secret_value(),
                database=database,
                charset="latin1",  # SEI and SIP are latin1 databases; the driver's latin1 is cp1252, as MariaDB's
                connect_timeout=10,
                read_timeout=self.answer_timeout_seconds,
                write_timeout=self.answer_timeout_seconds,
                autocommit=False,
                ssl_ca=str(self.ca_file) if self.ca_file else None,
                ssl_verify_cert=self.ca_file is not None,
                ssl_disabled=self.ca_file is None,
            )
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        except pymysql.err.MySQLError as e:
            raise explain(e, where) from None  # the driver's text may hold a row's values
        except UnicodeEncodeError as e:
            raise InvalidInputError(
                f"O caractere U+{ord(e.object[e.start]):04X} não existe no alfabeto do SEI (cp1252)",
                where,
                "Troque o caractere no dado de origem e execute de novo. Nada foi gravado.",
            ) from None  # the error holds the whole value
        finally:
            if connection is not None and connection.open:
                connection.close()

    def probe(self) -> None:
        """Ask for one row, to know that the server answers.

        Raises:
            RetryableError: it does not answer.
            InvalidInputError: it refuses these credentials.
        """
        with self.transaction() as cursor:
            cursor.execute("SELECT 1")

    def list_databases(self, prefix: str) -> list[str]:
        """The names of the schemas that start with `prefix`, sorted."""
        with self.transaction() as cursor:
            cursor.execute(
                "SELECT schema_name FROM information_schema.schemata WHERE LEFT(schema_name, %s) = %s ORDER BY 1",
                (len(prefix), prefix),
            )
            return [str(row[0]) for row in cursor.fetchall()]

    def ensure_database(self, name: str) -> Change:
        """Create an empty latin1 schema where there is none (SEI's own character set, `sei.md` 2.1)."""
        with self.transaction() as cursor:
            cursor.execute("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (name,))
            if cursor.fetchone():
                return Change(unchanged=1)
            cursor.execute(f"CREATE DATABASE {identifier(name)} CHARACTER SET latin1 COLLATE latin1_swedish_ci")
            return Change(created=1)

    def drop_database(self, name: str) -> Change:
        """Remove a schema and everything in it; callers prove first that nobody works in it."""
        with self.transaction() as cursor:
            cursor.execute("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (name,))
            if not cursor.fetchone():
                return Change()
            cursor.execute("SET foreign_key_checks = 0")  # SEI's foreign keys go in circles
            cursor.execute(f"DROP DATABASE {identifier(name)}")
            return Change(removed=1)

    def ensure_application_user(self, environment: EnvironmentName, password: SecretStr) -> Change:
        """Give one environment its own database account: its two schemas only, no DDL; other schemas are taken away.

        The account may connect from any host; the password alone is compared by connecting with it.
        """
        user = environment.database_user
        # An underscore is a wildcard in a grant's schema name: escape it, or one tenant could match another's.
        wanted = [name.replace("_", "\\_") for name in (environment.database_sei, environment.database_sip)]
        identifier(user)
        change = Change()
        with self.transaction() as cursor:
            cursor.execute("SELECT 1 FROM mysql.user WHERE user = %s AND host = '%%'", (user,))
            if not cursor.fetchone():
                cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (user, password.get_secret_value()))
                change += Change(created=1)
            cursor.execute("SELECT db FROM mysql.db WHERE user = %s AND host = '%%'", (user,))
            granted = {str(row[0]) for row in cursor.fetchall()}
            for pattern in wanted:
                if pattern in granted:
                    change += Change(unchanged=1)
                    continue
                cursor.execute(f"GRANT {APPLICATION_PRIVILEGES} ON `{pattern}`.* TO %s@'%%'", (user,))
                change += Change(created=1)
            for pattern in sorted(granted.difference(wanted)):
                stray = pattern.replace("`", "``").replace("%", "%%")
                cursor.execute(f"REVOKE ALL PRIVILEGES ON `{stray}`.* FROM %s@'%%'", (user,))
                change += Change(removed=1)
        if not self._opens(user, password, environment.database_sip):
            with self.transaction() as cursor:
                cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", (user, password.get_secret_value()))
            change += Change(updated=1)
        return change

    def _opens(self, user: str, password: SecretStr, database: str) -> bool:
        door = self.model_copy(update={"user": user, "password": password})
        try:
            with door.transaction(database) as cursor:
                cursor.execute("SELECT 1")
        except InvalidInputError:
            return False
        return True
