"""Registries of some tests alone: what is registered stays registered, so it goes into a schema that is dropped."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from blocks.mariadb import MariaDBServer
from lab.state import LabState
from registry import migrate


@contextmanager
def registry_apart(lab_state: LabState, purpose: str) -> Iterator[SecretStr]:
    """The address of an empty registry on the lab's MariaDB."""
    database = lab_state.mariadb
    server = MariaDBServer(
        host=database.host, port=database.port, user=database.admin_user, password=database.admin_password
    )
    schema = f"implanta_{purpose}_{secrets.token_hex(4)}"
    with server.transaction() as cursor:
        cursor.execute(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
    account = f"{database.admin_user}:{database.admin_password.get_secret_value()}"
    url = SecretStr(f"mysql+pymysql://{account}@{database.host}:{database.port}/{schema}?charset=utf8mb4")
    migrate(url)
    yield url
    server.drop_database(schema)
