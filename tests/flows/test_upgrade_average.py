"""The average municipality of 4.0.0, on the official databases: undone it is 4.0.0 exactly, upgraded it is 4.1.0."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from blocks.dump_loader import load_dump
from blocks.foreign_keys import check_foreign_keys
from blocks.mariadb import MariaDBServer
from blocks.reference import find_reference
from blocks.structure import read_reference_rows, read_structure
from domain.environment import Purpose
from domain.errors import IntegrityError
from domain.reference import Database, ReferenceRows, missing_rows
from domain.structure import Structure, differences
from flows.upgrade_environment import upgrade_environment
from tasks.backup_cycle import back_up
from tasks.upgrade_plan import schemas_of
from tests.flows.conftest import Join
from tests.flows.upgradable import NEW, OLD, fault_file, files, is_new, is_old, make, rows
from tests.upgrade.own_rows import AVERAGE, digests, own_columns

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
DATABASES: tuple[Database, ...] = ("sip", "sei")


@contextmanager
def references(server: MariaDBServer, version: str, official: Path) -> Iterator[dict[Database, str]]:
    """A version's own databases, in schemas of their own."""
    schemas: dict[Database, str] = {}
    with ExitStack() as leaving:
        for dump in find_reference(version, official).dumps:
            schema = f"alvo_{secrets.token_hex(4)}_{dump.database}"
            server.ensure_database(schema)
            leaving.callback(server.drop_database, schema)
            load_dump(dump, server, schema)
            schemas[dump.database] = schema
        yield schemas


def shape(server: MariaDBServer, schema: str) -> Structure:
    with server.transaction(schema) as cursor:
        return read_structure(cursor, schema)


def reference_rows(
    server: MariaDBServer, database: Database, schema: str, like: ReferenceRows | None = None
) -> ReferenceRows:
    """The rows of a schema that a version brings; `like` says which these are, where it is not a reference itself."""
    with server.transaction(schema) as cursor:
        return read_reference_rows(cursor, schema, database, like=like)


def test_it_goes_back_exactly_and_forward_exactly(join: Join, official_reference: Path | None) -> None:
    if official_reference is None:
        pytest.skip("no official dumps: set IMPLANTA_REFERENCE_DIR to their directory")
    instance = make(join, "3171006", "Vazante", Purpose.TREINAMENTO, AVERAGE)
    server, schemas = instance.server, schemas_of(instance)
    with references(server, OLD, official_reference) as old, references(server, NEW, official_reference) as new:
        for database, schema in schemas.items():
            assert differences(shape(server, old[database]), shape(server, schema)) == []

        before, stored = rows(instance), files(instance)
        fault_file(instance).write_text("atualizar_versao_sei.php 40 erro")
        with pytest.raises(IntegrityError) as failure:
            upgrade_environment(instance.name.slug, NEW, "operação", "Versão nova")
        assert f"desfeita: o ambiente está na {OLD}, como antes" in failure.value.fix
        is_old(instance, before, stored)
        for database, schema in schemas.items():
            assert differences(shape(server, old[database]), shape(server, schema)) == []

        fault_file(instance).unlink()
        columns = {
            database: own_columns(server, database, schema, new[database]) for database, schema in schemas.items()
        }
        own = {database: digests(server, schemas[database], columns[database]) for database in DATABASES}
        upgrade_environment(instance.name.slug, NEW, "operação", "Versão nova")
        is_new(instance)
        assert files(instance) == stored
        for database, schema in schemas.items():
            assert differences(shape(server, new[database]), shape(server, schema)) == []
            wanted = reference_rows(server, database, new[database])
            assert missing_rows(wanted, reference_rows(server, database, schema, wanted)) == []
            now = digests(server, schema, columns[database])
            assert {table for table in now if now[table] != own[database][table]} == set()
            assert check_foreign_keys(server, schema).broken == ()
        with server.transaction(schemas["sei"]) as cursor:
            cursor.execute("SELECT COUNT(*) FROM procedimento")
            assert cursor.fetchone() == (AVERAGE.processes,)
        assert back_up(instance).proved
