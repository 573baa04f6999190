"""The connection to the registry's MariaDB: one way to open it, one way to say in Portuguese what went wrong."""

from pydantic import SecretStr
from pymysql.constants import CR, ER
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError

CONNECT_TIMEOUT_SECONDS = 5
ANSWER_TIMEOUT_SECONDS = 60


def _by_code(
    codes: tuple[int, ...], error: type[ImplantaError], what: str, fix: str
) -> dict[int, tuple[type[ImplantaError], str, str]]:
    return dict.fromkeys(codes, (error, what, fix))


_CONNECTION_CLOSED = 0  # pymysql's own, without a number
_CONNECTION_KILLED = 1927  # MariaDB's own
_EXPLANATIONS = {
    **_by_code(
        (
            _CONNECTION_CLOSED,
            _CONNECTION_KILLED,
            CR.CR_CONNECTION_ERROR,
            CR.CR_CONN_HOST_ERROR,
            CR.CR_SERVER_GONE_ERROR,
            CR.CR_SERVER_LOST,
            ER.CON_COUNT_ERROR,
            ER.SERVER_SHUTDOWN,
        ),
        RetryableError,
        "O registro não respondeu",
        "Confira se o MariaDB está no ar e execute de novo.",
    ),
    **_by_code(
        (ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT),
        RetryableError,
        "Outra execução está gravando o mesmo no registro",
        "Execute de novo.",
    ),
    **_by_code(
        (ER.OPTION_PREVENTS_STATEMENT,),
        RetryableError,
        "O registro está em modo somente leitura",
        "Espere o fim da manutenção do MariaDB e execute de novo.",
    ),
    **_by_code(
        (ER.DISK_FULL, ER.RECORD_FILE_FULL, ER.ERROR_ON_WRITE, ER.GET_ERRNO),
        RetryableError,
        "O registro não consegue gravar: disco cheio ou com defeito",
        "Libere espaço no servidor e execute de novo.",
    ),
    **_by_code(
        (ER.ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR),
        InvalidInputError,
        "O registro recusou o acesso",
        "Confira usuário, senha e permissões em registry_url.",
    ),
    **_by_code(
        (ER.BAD_DB_ERROR,),
        InvalidInputError,
        "O banco do registro não existe",
        "Crie o banco vazio, ou corrija o nome em registry_url.",
    ),
    **_by_code(
        (ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR),
        InvalidInputError,
        "O registro ainda não tem a estrutura desta versão",
        "Execute ./implanta deploy.",
    ),
    **_by_code(
        (ER.NO_REFERENCED_ROW_2,),
        InvalidInputError,
        "O município deste dado ainda não está no registro",
        "Cadastre antes o município: ./implanta municipality add.",
    ),
    **_by_code(
        (ER.DATA_TOO_LONG,),
        InvalidInputError,
        "Um dos textos é longo demais para o registro",
        "Encurte o texto e execute de novo.",
    ),
}


def parse_url(url: SecretStr | str) -> URL:
    """Read the registry's address, e.g. `mysql+pymysql://user:password@host:3306/implanta`.

    Raises:
        InvalidInputError: it is not the address of a MariaDB schema; the message never shows it, it holds a password.
    """
    text = url.get_secret_value() if isinstance(url, SecretStr) else url
    try:
        parsed = make_url(text)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in {"mysql+pymysql", "mariadb+pymysql"} or not parsed.database:
        raise InvalidInputError(
            "O endereço do registro não é válido",
            "configuração registry_url",
            "Use a forma mysql+pymysql://usuario:senha@servidor:porta/implanta.",
        )
    return parsed


def where_is(url: URL) -> str:
    """Host, port and schema for a message; no user, no password."""
    return f"{url.host or 'localhost'}:{url.port or 3306}/{url.database}"


def open_engine(url: URL, *, pooled: bool = True, answer_timeout_seconds: int = ANSWER_TIMEOUT_SECONDS) -> Engine:
    """Make an engine that connects at first use, refuses silent truncation and keeps bound values out of its errors.

    READ COMMITTED, because every `ensure_` looks before it writes: under the default isolation two runs that look for
    the same missing row lock the same gap, and one of them dies in a deadlock.
    """
    return create_engine(
        url,
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "read_timeout": answer_timeout_seconds,
            "write_timeout": answer_timeout_seconds,
            "sql_mode": "TRADITIONAL,NO_ENGINE_SUBSTITUTION",
        },
        **({"pool_pre_ping": True, "pool_recycle": 1800} if pooled else {"poolclass": NullPool}),
    )


def code_of(error: DBAPIError | PoolTimeoutError) -> int:
    """The server's (or driver's) error number, -1 when there is none."""
    arguments = error.orig.args if isinstance(error, DBAPIError) and error.orig is not None else ()
    return arguments[0] if arguments and isinstance(arguments[0], int) else -1


def explain(error: DBAPIError | PoolTimeoutError, where: str) -> ImplantaError:
    """Translate an error of the driver, or of the pool of connections, for an operator.

    Raise the result `from None`: the driver's own text may repeat a row's values, which may be personal data.
    """
    if isinstance(error, PoolTimeoutError):
        return RetryableError("O registro está ocupado demais", where, "Espere um minuto e execute de novo.")
    code = code_of(error)
    if code in _EXPLANATIONS:
        kind, what, fix = _EXPLANATIONS[code]
        return kind(what, where, fix)
    return IntegrityError(
        f"O registro recusou um comando (erro {code}, {type(error.orig).__name__})",
        where,
        "Anote o número do erro e chame o suporte de banco de dados.",
    )
