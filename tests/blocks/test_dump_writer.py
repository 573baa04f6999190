"""Dumps of the lab's real databases: two schemas at one moment, each loadable alone under another name."""

import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from blocks.dump_loader import load_sql
from blocks.dump_writer import COMPLETION_MARK, dumping
from blocks.mariadb import MariaDBServer
from blocks.table_facts import read_database_facts
from domain.archive import judge_database
from domain.errors import IntegrityError, InvalidInputError, RetryableError

FIRST, SECOND, COPY = "implanta_despejo_a_rascunho", "implanta_despejo_b_rascunho", "implanta_despejo_c_rascunho"


@pytest.fixture
def schemas(server: MariaDBServer) -> Iterator[tuple[str, str]]:
    """Two small schemas whose rows try to look like the dump's own lines."""
    for schema in (FIRST, SECOND, COPY):
        server.drop_database(schema)
        server.ensure_database(schema)
    for schema in (FIRST, SECOND):
        with server.transaction(schema) as cursor:
            cursor.execute("CREATE TABLE pai (id int PRIMARY KEY, texto longtext) ENGINE=InnoDB")
            cursor.execute(
                "CREATE TABLE filho (id int AUTO_INCREMENT PRIMARY KEY, pai int, FOREIGN KEY (pai) REFERENCES pai (id))"
                " ENGINE=InnoDB"
            )
            cursor.execute("INSERT INTO pai VALUES (1, %s)", (f"ção «é»\nUSE `{SECOND}`;\n-- Dump completed\n\\'\"",))
            cursor.execute("INSERT INTO filho (pai) VALUES (1), (1)")
    yield FIRST, SECOND
    for schema in (FIRST, SECOND, COPY):
        server.drop_database(schema)


def load(server: MariaDBServer, sql: list[bytes], schema: str) -> None:
    load_sql(sql, server, schema, what="teste")


def read_all(server: MariaDBServer, schema: str) -> None:
    with dumping(server, [schema]) as dumps:
        for dump in dumps:
            list(dump)


def test_each_schema_loads_alone_under_another_name(server: MariaDBServer, schemas: tuple[str, str]) -> None:
    texts = {}
    with dumping(server, schemas) as dumps:
        for dump in dumps:
            texts[dump.schema] = list(dump)
    assert list(texts) == list(schemas)
    for schema, lines in texts.items():
        assert lines[-1] == COMPLETION_MARK
        assert b"DATABASE" not in b"".join(lines)
        load(server, lines, COPY)
        assert judge_database(schema, read_database_facts(server, schema), read_database_facts(server, COPY)) == []


def test_equal_data_give_equal_text(server: MariaDBServer, schemas: tuple[str, str]) -> None:
    with dumping(server, [FIRST]) as dumps:
        (first,) = [b"".join(dump) for dump in dumps]
    load(server, [first], COPY)
    with dumping(server, [COPY]) as dumps:
        assert [b"".join(dump) for dump in dumps] == [first]


def test_both_schemas_are_of_one_moment(server: MariaDBServer, schemas: tuple[str, str]) -> None:
    """What is written while the first schema is being read is in neither."""
    rows = {}
    with dumping(server, schemas) as dumps:
        for dump in dumps:
            text = b"".join(dump)
            if dump.schema == FIRST:
                for schema in schemas:
                    with server.transaction(schema) as cursor:
                        cursor.execute("INSERT INTO pai VALUES (2, 'depois')")
            rows[dump.schema] = text
    assert not any(b"depois" in text for text in rows.values())


def test_a_dump_that_dies_never_looks_whole(server: MariaDBServer, schemas: tuple[str, str]) -> None:
    with server.transaction(SECOND) as cursor:
        cursor.execute("CREATE TABLE grande (id int AUTO_INCREMENT PRIMARY KEY, texto longtext) ENGINE=InnoDB")
        for _ in range(12):
            cursor.execute("INSERT INTO grande (texto) VALUES (REPEAT('x', 1000000))")
    seen: list[bytes] = []

    def kill_the_session() -> None:
        with server.transaction() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (SECOND,))
            for (session,) in cursor.fetchall():
                cursor.execute(f"KILL CONNECTION {int(session)}")

    with pytest.raises((RetryableError, IntegrityError)), dumping(server, [SECOND]) as dumps:
        for dump in dumps:
            for line in dump:
                seen.append(line[:20])
                if len(seen) == 1:
                    thread = threading.Thread(target=kill_the_session)
                    thread.start()
                    thread.join()
    assert COMPLETION_MARK not in seen


def test_refusals_are_one_line_without_the_password(server: MariaDBServer) -> None:
    wrong = server.model_copy(update={"password": SecretStr("senha-errada-de-teste")})
    for door, schema, problem in (
        (wrong, FIRST, "recusou o acesso"),
        (server, "implanta_inexistente_rascunho", "não existe"),
        (server.model_copy(update={"port": 1}), FIRST, "não respondeu"),
    ):
        with (
            pytest.raises((InvalidInputError, RetryableError), match=problem) as failure,
            dumping(door, [schema]) as dumps,
        ):
            for dump in dumps:
                list(dump)
        assert "senha-errada" not in str(failure.value)
    with pytest.raises(InvalidInputError, match="Nome de banco inválido"), dumping(server, ["a b"]):
        pass
