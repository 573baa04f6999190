"""Which kind of database the Prefect server has, and how a copy of each kind is examined."""

from pathlib import Path

from pydantic import SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from blocks import prefect_postgres, prefect_sqlite
from blocks.prefect_database import Examined, PrefectDatabase
from domain.errors import InvalidInputError
from domain.self_backup import PrefectKind


def prefect_database(address: SecretStr | None) -> PrefectDatabase:
    """The database that the settings name.

    Raises:
        InvalidInputError: they name none, or one of another kind.
    """
    try:
        url = make_url(address.get_secret_value()) if address else None
    except ArgumentError:
        url = None
    kind = url.get_backend_name() if url is not None and url.database else None
    if url is not None and url.database and kind == "sqlite":
        return prefect_sqlite.SqliteDatabase(Path(url.database))
    if url is not None and kind == "postgresql":
        return prefect_postgres.PostgresDatabase(url)
    raise InvalidInputError(
        "O banco do Prefect não está na configuração, ou não é SQLite nem PostgreSQL",
        "configuração prefect_database",
        'Escreva prefect_database = "sqlite:////caminho/prefect.db" ou "postgresql://usuario:senha@servidor/prefect".',
    )


def examine(file: Path, kind: PrefectKind, scratch_dir: Path) -> Examined:
    """What a copy holds; one of PostgreSQL is restored in a private server for it.

    Raises:
        IntegrityError: it is no whole copy.
        InvalidInputError: PostgreSQL's programs are not installed.
        RetryableError: the private server did not start, or its disk is full.
    """
    if kind == "sqlite":
        return prefect_sqlite.examine(file)
    return prefect_postgres.examine(file, scratch_dir)
