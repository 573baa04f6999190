"""Locks between runs, on MariaDB's GET_LOCK: whoever holds one and dies, frees it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from domain.errors import GateClosedError, RetryableError
from registry.engine import ANSWER_TIMEOUT_SECONDS, explain, open_engine, where_is

_LONGEST_IDLE_SECONDS = 7 * 24 * 3600


@contextmanager
def hold(url: URL, name: str, *, wait_seconds: int = 0) -> Iterator[None]:
    """Keep every other run out of `name` for the length of the block.

    The lock lives as long as its own connection: closing the block, `kill -9` or a restart of the server frees it.
    It is not re-entrant: a second block for the same name waits, even in the same process.

    Raises:
        GateClosedError: another run holds it, and still did after `wait_seconds`.
        RetryableError: the registry does not answer, or the connection fell while the block ran, so that another run
            may have worked at the same time.
    """
    where = where_is(url)
    # GET_LOCK names are the whole server's and at most 192 characters: schema and digest keep ours apart and short.
    key = f"{url.database}:{sha256(name.encode()).hexdigest()}"
    engine = open_engine(url, pooled=False, answer_timeout_seconds=wait_seconds + ANSWER_TIMEOUT_SECONDS)
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise explain(error, where) from None
    try:
        try:
            # The server ends idle sessions, and their locks with them; a long campaign must not lose its lock so.
            connection.execute(text("SET SESSION wait_timeout = :seconds"), {"seconds": _LONGEST_IDLE_SECONDS})
            taken = connection.execute(text("SELECT GET_LOCK(:key, :wait)"), {"key": key, "wait": wait_seconds})
            if taken.scalar() != 1:
                raise GateClosedError(
                    f"Outra execução já está trabalhando em '{name}'",
                    where,
                    "Espere que ela termine, ou cancele-a na tela do Prefect, e execute de novo.",
                )
        except DBAPIError as error:
            raise explain(error, where) from None
        yield
        try:
            released = connection.execute(text("SELECT RELEASE_LOCK(:key)"), {"key": key}).scalar()
        except DBAPIError:
            released = None
        if released != 1:
            raise RetryableError(
                f"A conexão que reservava '{name}' caiu durante o trabalho",
                where,
                "Confira se o MariaDB está no ar e execute de novo: o que já foi feito será reconhecido.",
            )
    finally:
        with suppress(DBAPIError):  # a dead connection frees the lock by itself
            connection.close()
