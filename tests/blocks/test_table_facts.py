"""What the server knows of when its tables were last written: whoever trusts it must never miss a change."""

from collections.abc import Iterator
from time import sleep

import pytest

from blocks.foreign_keys import BrokenKey, check_foreign_keys
from blocks.mariadb import MariaDBServer
from blocks.table_facts import read_clock, read_database, read_resting

SCHEMA = "implanta_fatos_rascunho"
CHANGES = {
    "a row written": ("UPDATE pai SET texto = 'outro'", {"pai"}),
    "a row gone with its parent": ("DELETE FROM pai", {"pai", "filho"}),
    "a table emptied": ("TRUNCATE filho", {"filho"}),
    "a column more": ("ALTER TABLE outra ADD nova int NOT NULL DEFAULT 3, ALGORITHM=COPY", {"outra"}),
    "a table made anew": ("CREATE OR REPLACE TABLE outra (id int PRIMARY KEY) ENGINE=InnoDB", {"outra"}),
    "a table rebuilt as it is": ("ALTER TABLE outra FORCE", {"outra"}),
    "nothing": ("SELECT 1", set()),
}


@pytest.fixture
def since(server: MariaDBServer) -> Iterator[float]:
    """Three tables with a row each, and a moment after they were written."""
    server.drop_database(SCHEMA)
    server.ensure_database(SCHEMA)
    with server.transaction(SCHEMA) as cursor:
        cursor.execute("CREATE TABLE pai (id int PRIMARY KEY, texto longtext) ENGINE=InnoDB")
        cursor.execute(
            "CREATE TABLE filho (id int PRIMARY KEY, pai int, FOREIGN KEY (pai) REFERENCES pai (id) ON DELETE CASCADE)"
            " ENGINE=InnoDB"
        )
        cursor.execute("CREATE TABLE outra (id int PRIMARY KEY) ENGINE=InnoDB")
        for statement in (
            "INSERT INTO pai VALUES (1, 'x')",
            "INSERT INTO filho VALUES (1, 1)",
            "INSERT INTO outra VALUES (1)",
        ):
            cursor.execute(statement)
    sleep(2)  # the server's times have whole seconds
    yield read_clock(server)
    server.drop_database(SCHEMA)


@pytest.mark.parametrize("name", CHANGES)
def test_a_table_is_left_out_only_where_nobody_wrote_it(server: MariaDBServer, since: float, name: str) -> None:
    statement, touched = CHANGES[name]
    with server.transaction(SCHEMA) as cursor:
        cursor.execute(statement)
    assert read_resting(server, SCHEMA, since) == {"pai", "filho", "outra"} - touched
    found = read_database(server, SCHEMA, since=since).facts
    whole = read_database(server, SCHEMA).facts
    assert found.structure == whole.structure
    assert found.tables == {table: facts for table, facts in whole.tables.items() if table in touched}


def test_a_key_is_looked_at_unless_its_table_and_its_parents_are_as_they_were(
    server: MariaDBServer, since: float
) -> None:
    with server.transaction(SCHEMA) as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        cursor.execute("DELETE FROM pai")
        cursor.execute("SET SESSION foreign_key_checks = 1")
    broken = (BrokenKey("filho", "filho_ibfk_1", 1, f"{SCHEMA}.pai"),)
    for untouched, parents in ((set[str](), {"pai": ("id",)}), ({"filho"}, {"pai": ("outra",)}), ({"filho"}, {})):
        assert check_foreign_keys(server, SCHEMA, untouched, parents) == (1, broken)
    assert check_foreign_keys(server, SCHEMA, {"filho"}, {"pai": ("id",)}) == (0, ())
