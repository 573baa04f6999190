"""The structure: migrated equals modelled, again changes nothing, killed half-way heals."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from domain.change import Change
from domain.errors import GateClosedError, InvalidInputError
from registry import Registry, migrate
from registry.models import Base
from tests.mariadb import PrivateMariadb
from tests.registry.conftest import Schema

KILLED_AT_A_STATEMENT = """
import os, signal, sys, threading
from sqlalchemy import Engine, event
from registry import migrate

statements_left, delay_seconds = int(sys.argv[1]), float(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *rest):
    global statements_left
    if statement.lstrip().upper().startswith(("CREATE", "INSERT")):
        statements_left -= 1
        if statements_left == 0:
            threading.Timer(delay_seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
            if not delay_seconds:
                signal.pause()

migrate(os.environ["REGISTRY"])
"""

MIGRATIONS = 10


def test_a_migrated_schema_is_what_the_models_say(migrated: Schema) -> None:
    with create_engine(migrated.url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_models_and_migrations_make_the_same_tables_to_the_last_collation(
    server: PrivateMariadb, migrated: Schema
) -> None:
    by_migration = _tables(server, migrated.name)
    migrated.empty()
    Base.metadata.create_all(create_engine(migrated.url))
    by_models = _tables(server, migrated.name)
    assert by_models == {table: lines for table, lines in by_migration.items() if table != "alembic_version"}


def test_migrating_again_changes_nothing(schema: Schema) -> None:
    assert migrate(schema.url) == Change(created=MIGRATIONS)
    before = _structure(schema)
    assert migrate(schema.url) == Change(unchanged=MIGRATIONS)
    assert _structure(schema) == before


def test_two_processes_may_migrate_at_once(schema: Schema) -> None:
    with ThreadPoolExecutor(3) as pool:
        changes = list(pool.map(migrate, [schema.url] * 3))
    assert Change.sum(changes) == Change(created=MIGRATIONS, unchanged=2 * MIGRATIONS)


def test_a_migration_waits_for_the_one_that_runs(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.schema._LOCK_WAIT_SECONDS", 0)
    with (
        Registry(schema.url).lock("estrutura do registro"),
        pytest.raises(GateClosedError, match="Outra execução já está trabalhando em 'estrutura do registro'"),
    ):
        migrate(schema.url)


@pytest.mark.parametrize(
    ("statement", "delay_seconds"),
    [(1, 0), (2, 0), (6, 0), (12, 0), (16, 0), (19, 0), (3, 0.002), (10, 0.002), (17, 0.002)],
)
def test_a_migration_killed_half_way_is_finished_by_the_next(
    schema: Schema, statement: int, delay_seconds: float
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AT_A_STATEMENT, str(statement), str(delay_seconds)],
        env={**os.environ, "REGISTRY": schema.url},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    migrate(schema.url)
    healed = _structure(schema)
    schema.empty()
    migrate(schema.url)
    assert healed == _structure(schema)
    assert len(healed["triggers"]) == 7


def test_a_schema_that_was_never_migrated_says_so(schema: Schema) -> None:
    with pytest.raises(InvalidInputError, match=r"não tem a estrutura desta versão .* Execute \./implanta deploy"):
        Registry(schema.url).list_municipalities()


def _tables(server: PrivateMariadb, name: str) -> dict[str, list[str]]:
    with server.root() as root:
        root.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (name,))
        names = [str(row[0]) for row in root.fetchall()]
        tables = {}
        for table in names:
            root.execute(f"SHOW CREATE TABLE {name}.`{table}`")
            definition = str(root.fetchall()[0][1])
            tables[table] = sorted(line.rstrip(",") for line in definition.splitlines())
        return tables


def _structure(schema: Schema) -> dict[str, list[str]]:
    with schema.server.root() as root:
        root.execute(
            "SELECT trigger_name, event_manipulation, event_object_table, action_statement "
            "FROM information_schema.triggers WHERE trigger_schema = %s ORDER BY 1",
            (schema.name,),
        )
        triggers = [str(row) for row in root.fetchall()]
        root.execute(f"SELECT version_num FROM {schema.name}.alembic_version")
        versions = [str(row[0]) for row in root.fetchall()]
    return {**_tables(schema.server, schema.name), "triggers": triggers, "versions": versions}
