"""What was dumped and restored into an empty server is the same, whatever its values and rules look like."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.dump_restorer import Filled, restore
from blocks.dump_statements import DigestedDump
from blocks.dump_writer import dumped
from blocks.foreign_keys import BrokenKey, check_foreign_keys
from blocks.infra_rows import first_number
from blocks.mariadb import MariaDBServer
from blocks.scratch_server import ScratchServer, scratch_server
from blocks.table_facts import read_database_facts
from domain.backup.facts import DumpFacts
from domain.errors import IntegrityError, RetryableError

SCHEMAS = ("implanta_um_rascunho", "implanta_dois_rascunho")
STRANGE = (
    None,
    "",
    "NULL",
    "ção «é» €",
    "a;\nUSE `x`;\n-- Dump completed\n",
    "INSERT INTO `t` VALUES\n(1);\n",
    "\\'\"`\x1a\0",
)
DEFINITIONS = (
    "CREATE TABLE pai (id int PRIMARY KEY, irmao int, texto longtext COMMENT 'fim;', UNIQUE (id, irmao))"
    " ENGINE=InnoDB COMMENT='de ;\nduas linhas;'",
    "CREATE TABLE filho (id int AUTO_INCREMENT PRIMARY KEY, pai int, irmao int, dobro int AS (pai * 2) STORED,"
    " escondido int INVISIBLE DEFAULT 7, CONSTRAINT um FOREIGN KEY (pai) REFERENCES pai (id),"
    " CONSTRAINT dois FOREIGN KEY (pai, irmao) REFERENCES pai (id, irmao)) ENGINE=InnoDB",
    "CREATE TABLE sem_chave (a int, b longblob, c decimal(20,4), d bit(3), e double) ENGINE=InnoDB",
    "CREATE TABLE vazia (a int) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
    "CREATE VIEW vista AS SELECT id, ';\n' AS fim FROM pai",
    "CREATE TRIGGER gatilho BEFORE UPDATE ON pai FOR EACH ROW BEGIN\nSET NEW.texto = 'x;;';\n-- fim ;;\nEND",
    "CREATE PROCEDURE rotina() BEGIN\nSET @a = 1;\n-- nada ;;\nDROP TABLE IF EXISTS `nada`;\nEND",
    "CREATE FUNCTION dobro(n int) RETURNS int DETERMINISTIC RETURN n * 2",
    "CREATE EVENT evento ON SCHEDULE EVERY 1 DAY DO SET @b = 2",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDBServer]:
    """A server with two schemas full of what could be mistaken for something else."""
    with scratch_server(tmp_path_factory.mktemp("o")) as scratch:
        for schema in SCHEMAS:
            scratch.server.ensure_database(schema)
            with scratch.server.transaction(schema) as cursor:
                for definition in DEFINITIONS:
                    cursor.execute(definition)
                for number, text in enumerate(STRANGE):
                    cursor.execute("INSERT INTO pai VALUES (%s, %s, %s)", (number, number, text))
                    cursor.execute("INSERT INTO filho (pai, irmao) VALUES (%s, %s)", (number, number or None))
                cursor.executemany("INSERT INTO sem_chave VALUES (1, %s, 1.5, b'101', 0.1)", [(bytes(range(256)),)] * 2)
        with scratch.server.transaction() as cursor:
            cursor.execute("CREATE USER estranho@'10.%%'", ())
            cursor.execute(f"CREATE DEFINER=estranho@'10.%%' VIEW {SCHEMAS[0]}.alheia AS SELECT 1 AS um", ())
        yield scratch.server


@pytest.fixture(scope="module")
def text(source: MariaDBServer) -> tuple[list[bytes], DumpFacts]:
    with dumped(source, SCHEMAS) as lines:
        dump = DigestedDump(lines)
        return list(dump), dump.facts


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[ScratchServer]:
    with scratch_server(tmp_path) as scratch:
        yield scratch


def digest(server: MariaDBServer) -> DumpFacts:
    with dumped(server, SCHEMAS) as lines:
        dump = DigestedDump(lines)
        for _ in dump:
            pass
        return dump.facts


def test_what_was_restored_is_what_was_dumped(
    source: MariaDBServer, text: tuple[list[bytes], DumpFacts], empty: ScratchServer
) -> None:
    lines, facts = text
    restore(lines, empty.server, "teste")
    assert digest(empty.server) == facts
    tables = facts.schemas[SCHEMAS[0]].tables
    assert {name: table.rows for name, table in tables.items()} == {
        "filho": len(STRANGE),
        "pai": len(STRANGE),
        "sem_chave": 2,
        "vazia": 0,
    }
    assert tables["filho"].next_id == len(STRANGE) + 1
    for schema in SCHEMAS:
        assert read_database_facts(empty.server, schema) == read_database_facts(source, schema)
        assert check_foreign_keys(empty.server, schema) == (2, ())
    with empty.server.transaction(SCHEMAS[0]) as cursor:
        cursor.execute("SELECT um FROM alheia")
        assert cursor.fetchall() == ((1,),)


def test_a_broken_foreign_key_is_found_although_the_load_did_not_look(
    text: tuple[list[bytes], DumpFacts], empty: ScratchServer
) -> None:
    lines, _ = text
    orphaned = [b"(100,999,NULL,1998,7);\n" if line.startswith(b"(7,6,6") else line for line in lines]
    assert orphaned != lines
    restore(orphaned, empty.server, "teste")
    found = check_foreign_keys(empty.server, SCHEMAS[0])
    # The second key has a NULL in it: it points nowhere by intent.
    assert found == (2, (BrokenKey("filho", "um", 1, f"{SCHEMAS[0]}.pai"),))


def test_a_refused_statement_and_a_cut_text_are_told_apart_from_a_dead_server(
    text: tuple[list[bytes], DumpFacts], empty: ScratchServer
) -> None:
    lines, _ = text
    with pytest.raises(IntegrityError, match="recusou um comando"):
        restore([b"CREATE TABLE nada;\n"], empty.server, "teste")
    inside = next(at for at, line in enumerate(lines) if line.startswith(b"INSERT INTO `pai`"))
    with pytest.raises(IntegrityError, match="truncado"):
        restore(lines[: inside + 2], empty.server, "teste")

    def until_it_dies() -> Iterator[bytes]:
        yield from lines[: inside + 1]
        empty.process.kill()
        empty.process.wait()
        yield from lines[inside + 1 :]

    with pytest.raises(RetryableError, match="não respondeu"):
        restore(until_it_dies(), empty.server, "teste")


def test_rows_of_a_large_table_that_come_over_several_connections_are_all_there_and_told_when_they_are(
    source: MariaDBServer, empty: ScratchServer
) -> None:
    schema = "implanta_grande_rascunho"
    source.ensure_database(schema)
    with source.transaction(schema) as cursor:
        cursor.execute("CREATE TABLE grande (id int AUTO_INCREMENT PRIMARY KEY, dia datetime, texto longtext)")
        cursor.execute("CREATE TABLE solta (a int, texto longtext)")
        cursor.execute("CREATE TRIGGER conta BEFORE INSERT ON grande FOR EACH ROW SET NEW.dia = '2000-01-01 00:00:00'")
        for table, column in (("grande", "id"), ("solta", "a")):
            rows = [(number, "é;\n" * 12_000 + str(number)) for number in range(1, 120)]
            cursor.executemany(f"INSERT INTO {table} ({column}, texto) VALUES (%s, %s)", rows)
    with dumped(source, [schema]) as lines:
        dump = DigestedDump(lines)
        text = list(dump)
    assert sum(line.startswith(b"INSERT INTO `grande`") for line in text) >= 3
    complete: list[tuple[str, int]] = []

    def look(table: Filled) -> None:
        with empty.server.transaction(schema) as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {table.table}")
            complete.append((table.table, first_number(cursor)))

    restore(text, empty.server, "teste", look)
    assert complete == [("grande", 119), ("solta", 119)]
    with dumped(empty.server, [schema]) as lines:
        again = DigestedDump(lines)
        assert list(again) == text, "rows without a key are in the order in which they came"
    source.drop_database(schema)
    first = next(at for at, line in enumerate(text) if line.startswith(b"INSERT INTO `grande`"))
    end = next(at for at in range(first, len(text)) if text[at].endswith(b");\n")) + 1
    empty.server.drop_database(schema)
    with pytest.raises(IntegrityError, match="recusou uma linha"):
        restore([*text[:end], *text[first:]], empty.server, "teste")
