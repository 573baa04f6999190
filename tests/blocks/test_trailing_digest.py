"""Digests of tables read while others are still being restored equal those of one reading at the end."""

from collections.abc import Iterator

import pytest

from blocks.dump_restorer import Filled, restore
from blocks.dump_statements import DigestedDump
from blocks.dump_writer import digest, dumped
from blocks.mariadb import MariaDBServer
from blocks.scratch_server import scratch_server
from blocks.trailing_digest import TrailingDigest

SCHEMAS = ("implanta_sip_atras", "implanta_sei_atras")
ROWS = 300


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MariaDBServer, MariaDBServer]]:
    """A source of two schemas, with tables of the same name, a trigger, and a name that is no plain one."""
    with (
        scratch_server(tmp_path_factory.mktemp("de")) as source,
        scratch_server(tmp_path_factory.mktemp("para")) as copy,
    ):
        for number, schema in enumerate(SCHEMAS):
            source.server.ensure_database(schema)
            with source.server.transaction(schema) as cursor:
                cursor.execute("CREATE TABLE documento (id int PRIMARY KEY AUTO_INCREMENT, texto longtext)")
                cursor.execute("CREATE TABLE `Com Espaço` (a int)")
                cursor.execute("CREATE TABLE pequena (a int)")
                cursor.execute("CREATE TRIGGER t BEFORE UPDATE ON documento FOR EACH ROW SET NEW.texto = 'x'")
                texts = [("'" * at + ";\n" + "é" * number,) for at in range(ROWS)]
                cursor.executemany("INSERT INTO documento (texto) VALUES (%s)", texts)
                cursor.execute("INSERT INTO `Com Espaço` VALUES (1)")
                cursor.execute("INSERT INTO pequena VALUES (1)")
        yield source.server, copy.server


def lines_of(server: MariaDBServer) -> list[bytes]:
    with dumped(server, SCHEMAS) as lines:
        return list(lines)


def drop_all(server: MariaDBServer) -> None:
    for schema in SCHEMAS:
        server.drop_database(schema)


def test_what_was_read_on_the_way_gives_the_facts_of_a_reading_at_the_end(
    servers: tuple[MariaDBServer, MariaDBServer],
) -> None:
    source, copy = servers
    told: list[Filled] = []
    with TrailingDigest(copy, least_bytes=1000) as trailing:

        def filled(table: Filled) -> None:
            told.append(table)
            trailing.begin(table)

        restore(lines_of(source), copy, "teste", filled)
        known = trailing.collect()
    assert [(table.schema, table.table) for table in told] == [
        (schema, table) for schema in SCHEMAS for table in ("Com Espaço", "documento", "pequena")
    ]
    assert known.keys() == {(schema, "documento") for schema in SCHEMAS}  # the others are small, or not to be quoted
    assert {rows.rows for rows in known.values()} == {ROWS}
    assert digest(copy, SCHEMAS, known) == digest(copy, SCHEMAS) == digest(source, SCHEMAS)
    drop_all(copy)


def test_a_table_that_is_filled_once_more_is_read_at_the_end(servers: tuple[MariaDBServer, MariaDBServer]) -> None:
    source, copy = servers
    lines = lines_of(source)
    end = max(at for at, line in enumerate(lines) if line.startswith(b"INSERT INTO `pequena`")) + 2
    more = [*lines[:end], b"INSERT INTO `documento` VALUES\n", b"(9000,'a mais');\n", *lines[end:]]
    with TrailingDigest(copy, least_bytes=1) as trailing:
        restore(more, copy, "teste", trailing.begin)
        known = trailing.collect()
    assert (SCHEMAS[0], "documento") in known
    assert (SCHEMAS[1], "documento") not in known
    found = digest(copy, SCHEMAS, known).schemas[SCHEMAS[1]].tables["documento"]
    assert found.rows == ROWS + 1
    drop_all(copy)


def test_rows_that_differ_and_a_table_that_is_lost_are_seen(servers: tuple[MariaDBServer, MariaDBServer]) -> None:
    source, copy = servers
    with TrailingDigest(copy, least_bytes=1000) as trailing:
        changed = [line.replace(b"(7,'\\'", b"(7,'!") for line in lines_of(source)]
        assert changed != lines_of(source)
        restore(changed, copy, "teste", trailing.begin)
        known = trailing.collect()
    wanted = DigestedDump(lines_of(source))
    for _ in wanted:
        pass
    assert digest(copy, SCHEMAS, known) != wanted.facts
    with copy.transaction(SCHEMAS[0]) as cursor:
        cursor.execute("DROP TABLE documento")
    assert "documento" not in digest(copy, SCHEMAS, known).schemas[SCHEMAS[0]].tables
    drop_all(copy)


def test_a_table_that_cannot_be_read_on_the_way_is_left_to_the_reading_at_the_end(
    servers: tuple[MariaDBServer, MariaDBServer],
) -> None:
    _, copy = servers
    copy.ensure_database(SCHEMAS[0])
    with TrailingDigest(copy, least_bytes=1) as trailing:
        trailing.begin(Filled(SCHEMAS[0], "nenhuma", 5))
        assert trailing.collect() == {}
    drop_all(copy)
