"""The registry's structure, brought to this version by Alembic."""

from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from domain.change import Change
from registry.engine import explain, open_engine, parse_url, where_is
from registry.locks import hold

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_WAIT_SECONDS = 120


def migrate(url: SecretStr | str) -> Change:
    """Bring the schema to this version: `created` counts the migrations applied now, `unchanged` the earlier ones.

    One process at a time, and safe to kill: MariaDB commits every DDL statement by itself, so each migration can run
    again over its own half-done work.

    Raises:
        RetryableError: the registry does not answer.
        GateClosedError: another process was still migrating after two minutes.
        InvalidInputError: wrong user, password or schema in the address.
    """
    address = parse_url(url)
    engine = open_engine(address, pooled=False)
    try:
        with hold(address, "estrutura do registro", wait_seconds=_LOCK_WAIT_SECONDS), engine.begin() as connection:
            return _upgrade(connection)
    except DBAPIError as error:
        raise explain(error, where_is(address)) from error


def _upgrade(connection: Connection) -> Change:
    # Imported here: Alembic takes half a second, and only this function needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    applied = MigrationContext.configure(connection).get_current_heads()
    pending = len(list(script.iterate_revisions("heads", applied or "base")))
    total = len(list(script.walk_revisions()))
    if pending:
        command.upgrade(config, "head")
    return Change(created=pending, unchanged=total - pending)
