"""The connection to the registry's MariaDB: one way to open it, one way to say in Portuguese what went wrong."""

from pydantic import SecretStr
from pymysql.constants import ER
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from domain.mariadb_errors import NO_CODE, Failure, classify

CONNECT_TIMEOUT_SECONDS = 5
ANSWER_TIMEOUT_SECONDS = 60


Explanation = tuple[type[ImplantaError], str, str]

_SERVER_FAILURES: dict[Failure, Explanation] = {
    Failure.DENIED: (
        InvalidInputError,
        "O registro recusou o acesso",
        "Confira usuário, senha e permissões em registry_url.",
    ),
    Failure.MISSING_DATABASE: (
        InvalidInputError,
        "O banco do registro não existe",
        "Crie o banco vazio, ou corrija o nome em registry_url.",
    ),
    Failure.UNTRUSTED: (
        InvalidInputError,
        "A conexão cifrada com o registro falhou",
        "Confira os certificados em registry_url e o TLS do servidor.",
    ),
    Failure.UNREACHABLE: (
        RetryableError,
        "O registro não respondeu",
        "Confira se o MariaDB está no ar e execute de novo.",
    ),
    Failure.CONTENDED: (RetryableError, "Outra execução está gravando o mesmo no registro", "Execute de novo."),
    Failure.DISK_FULL: (
        RetryableError,
        "O registro não consegue gravar: disco cheio",
        "Libere espaço no servidor e execute de novo.",
    ),
    Failure.STORAGE: (
        RetryableError,
        "O registro não consegue ler ou gravar no disco",
        "Confira o disco do servidor e execute de novo.",
    ),
    Failure.READ_ONLY: (
        RetryableError,
        "O registro está em modo somente leitura",
        "Espere o fim da manutenção do MariaDB e execute de novo.",
    ),
    Failure.INTERRUPTED: (RetryableError, "A operação no registro foi interrompida", "Execute de novo."),
}
_UNMIGRATED: Explanation = (
    InvalidInputError,
    "O registro ainda não tem a estrutura desta versão",
    "Execute ./implanta deploy.",
)
_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
_SCHEMA_FAILURES: dict[int, Explanation] = {
    ER.NO_SUCH_TABLE: _UNMIGRATED,
    ER.BAD_FIELD_ERROR: _UNMIGRATED,
    ER.NO_REFERENCED_ROW_2: (
        InvalidInputError,
        "O município deste dado ainda não está no registro",
        "Cadastre antes o município: ./implanta municipality add.",
    ),
    ER.DATA_TOO_LONG: (
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
            # To this machine TLS protects nobody, and being ready for it takes 25 ms of a core a connection.
            **({"ssl_disabled": True} if url.host in _THIS_MACHINE and not url.query else {}),
        },
        **({"pool_pre_ping": True, "pool_recycle": 1800} if pooled else {"poolclass": NullPool}),
    )


def code_of(error: DBAPIError | PoolTimeoutError) -> int:
    """The server's (or driver's) error number, `NO_CODE` when there is none."""
    arguments = _arguments_of(error)
    return arguments[0] if arguments and isinstance(arguments[0], int) else NO_CODE


def _arguments_of(error: DBAPIError | PoolTimeoutError) -> tuple[object, ...]:
    return error.orig.args if isinstance(error, DBAPIError) and error.orig is not None else ()


def explain(error: DBAPIError | PoolTimeoutError, where: str) -> ImplantaError:
    """Translate an error of the driver, or of the pool of connections, for an operator.

    Raise the result `from None`: the driver's own text may repeat a row's values, which may be personal data.
    """
    if isinstance(error, PoolTimeoutError):
        return RetryableError("O registro está ocupado demais", where, "Espere um minuto e execute de novo.")
    code, arguments = code_of(error), _arguments_of(error)
    failure = classify(code, str(arguments[-1]) if arguments else "")
    if explanation := _SCHEMA_FAILURES.get(code) or _SERVER_FAILURES.get(failure):
        kind, what, fix = explanation
        return kind(what, where, fix)
    return IntegrityError(
        f"O registro recusou um comando (erro {code}, {type(error.orig).__name__})",
        where,
        "Anote o número do erro e chame o suporte de banco de dados.",
    )
