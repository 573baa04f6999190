"""A MariaDB server: the only door to the databases of the SEI instances."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pymysql
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr
from pymysql.constants import ER
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from blocks.mariadb_accounts import EnvironmentAccounts
from blocks.rehearsal import is_rehearsal
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from domain.mariadb_errors import NO_CODE, Failure, classify
from domain.placement import ServerCapacity

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from pymysql.cursors import Cursor

T = TypeVar("T")

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
    Failure.RESTRUCTURED: (
        RetryableError,
        "A estrutura do banco mudou enquanto era lido no MariaDB",
        "Espere o fim da atualização e execute de novo.",
    ),
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


def _was_undone(error: BaseException) -> bool:
    return isinstance(error, pymysql.err.MySQLError) and error.args[:1] == (ER.LOCK_DEADLOCK,)


@retry(
    retry=retry_if_exception(_was_undone),
    stop=stop_after_attempt(5),
    wait=wait_random_exponential(multiplier=0.05, max=1),
    reraise=True,
)
def until_no_deadlock(run: Callable[[], T]) -> T:
    """Run a statement that is a transaction of its own, and again if InnoDB undid it for another's sake.

    A definition writes the server's statistics of its tables, which the server writes by itself at the same time.
    """
    return run()


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
    # How much a server takes is written where its address is: the two change together, by the same hand.
    accepts_environments: bool = Field(
        default=True, description="Se recebe ambientes novos; desligue para esvaziar ou reparar o servidor."
    )
    max_environments: int = Field(default=200, ge=1, description="Quantos ambientes o servidor recebe no máximo.")
    max_connections_total: int = Field(
        default=4000, ge=1, description="Soma dos limites de conexões de todos os ambientes do servidor."
    )
    memory_mb: int = Field(default=65536, ge=1, description="Memória do buffer pool a repartir, em MB.")
    storage_gb: int = Field(default=4000, ge=1, description="Disco para os bancos, em GB.")

    def capacity(self, name: str) -> ServerCapacity:
        """What this server, under the name of its document, takes in all."""
        return ServerCapacity(
            name=name,
            environments=self.max_environments,
            connections=self.max_connections_total,
            memory_mb=self.memory_mb,
            storage_gb=self.storage_gb,
            accepts_new=self.accepts_environments,
        )

    @contextmanager
    def connection(self, database: str | None = None) -> Iterator["Connection"]:
        """A connection, closed when the block ends; what the driver raises is explained. Raises as `transaction`."""
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
            yield connection
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

    @contextmanager
    def transaction(self, database: str | None = None) -> Iterator["Cursor"]:
        """Run one transaction: committed when the block ends, rolled back when it raises and in a rehearsal.

        A statement that cannot be rolled back (CREATE, DROP, GRANT, …) goes through `define`.

        Raises:
            RetryableError: the server is down, silent, read-only or out of disk, or broke off.
            InvalidInputError: wrong user, password or database, or a text that latin1 cannot hold.
            IntegrityError: the server refused a statement or a row.
        """
        with self.connection(database) as connection:
            with connection.cursor() as cursor:
                yield cursor
            if is_rehearsal():
                connection.rollback()
            else:
                connection.commit()

    @staticmethod
    def define(cursor: "Cursor", statement: str, values: Sequence[str | int] = ()) -> None:
        """Run a statement that MariaDB commits by itself: not at all in a rehearsal."""
        if not is_rehearsal():
            cursor.execute(statement, values)

    def probe(self) -> None:
        """Ask for one row, to know that the server answers.

        Raises:
            RetryableError: it does not answer.
            InvalidInputError: it refuses these credentials.
        """
        with self.transaction() as cursor:
            cursor.execute("SELECT 1")

    def version(self) -> str:
        """The server's own version, as it tells it."""
        with self.transaction() as cursor:
            cursor.execute("SELECT VERSION()")
            row = cursor.fetchone()
            return str(row[0]) if row else ""

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
            made = f"CREATE DATABASE {identifier(name)} CHARACTER SET latin1 COLLATE latin1_swedish_ci"
            until_no_deadlock(lambda: self.define(cursor, made))
            return Change(created=1, details=(f"banco {name} criado",))

    def drop_database(self, name: str) -> Change:
        """Remove a schema and everything in it; callers prove first that nobody works in it."""
        with self.transaction() as cursor:
            cursor.execute("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (name,))
            if not cursor.fetchone():
                return Change()
            cursor.execute("SET foreign_key_checks = 0")  # SEI's foreign keys go in circles
            until_no_deadlock(lambda: self.define(cursor, f"DROP DATABASE {identifier(name)}"))
            return Change(removed=1, details=(f"banco {name} apagado",))

    def ensure_application_user(
        self, environment: EnvironmentName, password: SecretStr, *, max_connections: int | None = None
    ) -> Change:
        """Give one environment its own account: rows of its two schemas, and not one grant more, whoever gave it.

        Without `max_connections` the account keeps its limit.
        """
        return EnvironmentAccounts(self, environment).ensure_application(password, max_connections)

    def ensure_migration_user(self, environment: EnvironmentName, password: SecretStr) -> Change:
        """Give one environment a second account, which may change structure, and is locked."""
        return EnvironmentAccounts(self, environment).ensure_migration(password)

    def unlock_migration_user(self, environment: EnvironmentName) -> AbstractContextManager[None]:
        """Open the migration account for the length of a block, and close it again whatever happened in it.

        After a kill in the middle the next `ensure_migration_user` closes it.
        """
        return EnvironmentAccounts(self, environment).unlocked_migration()

    def remove_accounts(self, environment: EnvironmentName) -> Change:
        """Take an environment's accounts away, end their sessions, and leave nobody with rights on its schemas."""
        return EnvironmentAccounts(self, environment).remove()
