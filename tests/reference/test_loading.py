"""Loading a dump into a real server."""

import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.dump_loader import load_dump
from blocks.mariadb import MariaDBServer
from blocks.reference import find_reference
from blocks.structure import read_reference_rows, read_structure
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from tests.reference.conftest import Server
from tests.reference.dumps import sql, write_dump


def test_accents_are_stored_as_latin1(tmp_path: Path, server: Server, database: str) -> None:
    table = "CREATE TABLE t (nome varchar(50)) CHARSET=latin1;\nINSERT INTO t VALUES ('São João – Órgão');\n"
    server.load(write_dump(tmp_path / "sei.sql", sql(extra=table)), database)
    with server.cursor(database) as cursor:
        cursor.execute("SELECT nome, HEX(nome) FROM t")
        assert cursor.fetchone() == ("São João – Órgão", "São João – Órgão".encode("cp1252").hex().upper())


def test_the_locks_of_a_dump_are_left_out_and_nothing_else_is(tmp_path: Path, server: Server, database: str) -> None:
    said = "LOCK TABLES `t` WRITE;"
    table = (
        "CREATE TABLE t (texto varchar(100)) CHARSET=latin1;\n"
        "LOCK TABLES `t` WRITE;\n/*!40000 ALTER TABLE `t` DISABLE KEYS */;\n"
        f"INSERT INTO t VALUES ('um\\n{said}\\nfim');\n"
        "INSERT INTO t VALUES ('dois');\n"
        "/*!40000 ALTER TABLE `t` ENABLE KEYS */;\nUNLOCK TABLES;\n"
        "INSERT INTO t SELECT 'com ' 'LOCK TABLES `t` WRITE;';\n"
    )
    with server.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_lock_tables'")
        before = cursor.fetchone()
        server.load(write_dump(tmp_path / "sei.sql", sql(extra=table)), database)
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_lock_tables'")
        assert cursor.fetchone() == before
    with server.cursor(database) as cursor:
        cursor.execute("SELECT texto FROM t")
        assert [row[0] for row in cursor.fetchall()] == [f"um\n{said}\nfim", "dois", f"com {said}"]
    refused = sql(extra=f"{table}INSERT INTO t VALUES (1, 2);\n")
    number = refused.splitlines().index("INSERT INTO t VALUES (1, 2);") + 1
    with pytest.raises(IntegrityError, match=f"linha {number}"):
        server.load(
            write_dump(tmp_path / "sei.sql", refused.replace("CREATE TABLE t", "CREATE OR REPLACE TABLE t")), database
        )


def test_loading_again_repairs_an_interrupted_load(
    tmp_path: Path, server: Server, make_database: Callable[[], str]
) -> None:
    reference = find_reference("4.1.0", None)
    broken = reference.sip.path.read_text("utf-8").replace("drop table if exists menu;", "drop table menu;")
    interrupted, whole = make_database(), make_database()
    with pytest.raises(IntegrityError):
        server.load(write_dump(tmp_path / "sip.sql", broken), interrupted)
    for name in (interrupted, whole, whole):
        server.load(reference.sip, name)
    with server.cursor() as cursor:
        assert read_structure(cursor, interrupted) == read_structure(cursor, whole)
        assert read_reference_rows(cursor, interrupted, "sip") == read_reference_rows(cursor, whole, "sip")


def test_refused_statement_is_named_by_code_and_line_without_its_data(
    tmp_path: Path, server: Server, database: str
) -> None:
    dump = write_dump(tmp_path / "sei.sql", sql(extra="INSERT INTO `infra_parametro` VALUES ('Y','segredo');\n"))
    with pytest.raises(IntegrityError, match=r"erro 1062, linha 5.*sei\.sql em") as refusal:
        server.load(dump, database)
    assert "segredo" not in str(refusal.value)


def test_client_commands_in_a_dump_run_nothing(tmp_path: Path, server: Server, database: str) -> None:
    victim = tmp_path / "victim"
    for command in (f"\\! touch {victim}", f"system touch {victim}"):
        with pytest.raises((IntegrityError, RetryableError)):
            server.load(write_dump(tmp_path / "sei.sql", sql(extra=f"{command}\n")), database)
    assert not victim.exists()


def test_full_table_space_is_retryable(tmp_path: Path, server: Server, database: str) -> None:
    extra = (
        "SET max_heap_table_size = 16384;\nCREATE TABLE t (v char(255)) ENGINE=MEMORY;\n"
        "INSERT INTO t SELECT seq FROM seq_1_to_10000;\n"
    )
    with pytest.raises(RetryableError, match=r"disco do MariaDB está cheio.*Libere espaço"):
        server.load(write_dump(tmp_path / "sei.sql", sql(extra=extra)), database)


def test_connection_lost_in_the_middle_is_retryable(tmp_path: Path, server: Server, database: str) -> None:
    dump = write_dump(tmp_path / "sei.sql", sql(extra="KILL CONNECTION_ID();\n" + "SELECT 1;\n" * 200_000))
    with pytest.raises(RetryableError, match=r"MariaDB não respondeu|interrompida"):
        server.load(dump, database)


def test_server_that_is_down_is_retryable(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        down = Server("127.0.0.1", closed.getsockname()[1], "carga", "x")
        with pytest.raises(RetryableError, match=r"não respondeu \(erro 200\d\)"):
            down.load(write_dump(tmp_path / "sei.sql", sql()), "qualquer")


def test_wrong_password_is_final_and_never_shown(tmp_path: Path, server: Server, database: str) -> None:
    wrong = server._replace(password="senha-errada")
    with pytest.raises(InvalidInputError, match="recusou o acesso") as refusal:
        wrong.load(write_dump(tmp_path / "sei.sql", sql()), database)
    assert "senha-errada" not in str(refusal.value)


def test_absent_schema_is_refused(tmp_path: Path, server: Server) -> None:
    with pytest.raises(InvalidInputError, match=r"banco não existe no MariaDB \(erro 1049\).*nao_existe"):
        server.load(write_dump(tmp_path / "sei.sql", sql()), "nao_existe")


@pytest.mark.parametrize("name", ["", "--help", "a b", "a;b", "A", "x" * 65])
def test_schema_name_that_is_no_identifier_is_refused(tmp_path: Path, server: Server, name: str) -> None:
    with pytest.raises(InvalidInputError, match="Nome de banco inválido"):
        server.load(write_dump(tmp_path / "sei.sql", sql()), name)


def test_dump_changed_since_it_was_found_touches_nothing(tmp_path: Path, server: Server, database: str) -> None:
    dump = write_dump(tmp_path / "sei.sql", sql())
    dump.path.write_text(sql(extra="CREATE TABLE novo (a int);\n"))
    with pytest.raises(IntegrityError, match="mudou desde que foi conferido"):
        server.load(dump, database)
    with server.cursor() as cursor:
        assert read_structure(cursor, database).tables == {}


def test_missing_client_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    dump = write_dump(tmp_path / "sei.sql", sql())
    with pytest.raises(InvalidInputError, match="Instale o pacote mariadb-client"):
        load_dump(dump, MariaDBServer(host="127.0.0.1", port=1, user="x", password=SecretStr("x")), "x")


def test_password_is_in_no_argument_environment_or_file(
    tmp_path: Path, server: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrapper records how the client is called, and then is the real client."""
    seen = tmp_path / "seen"
    wrapper = tmp_path / "bin" / "mariadb"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\n{{ printf "%s\\n" "$@"; env; }} > {seen}\nexec /usr/bin/mariadb "$@"\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(wrapper.parent), prepend=":")
    server.load(write_dump(tmp_path / "sei.sql", sql()), database)
    assert f"--database={database}" in seen.read_text()
    assert server.password not in seen.read_text()


def test_a_server_without_the_authoritys_certificate_gets_no_dump(
    tmp_path: Path, server: Server, database: str
) -> None:
    """The server of these tests has no TLS: where the block names an authority, the load must not fall back."""
    authority = tmp_path / 'autoridade da "casa".pem'
    authority.write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
    with pytest.raises(InvalidInputError, match=r"conexão cifrada com o MariaDB falhou \(erro 2026\)"):
        load_dump(
            write_dump(tmp_path / "sei.sql", sql()), server.block.model_copy(update={"ca_file": authority}), database
        )
    with server.cursor() as cursor:
        assert read_structure(cursor, database).tables == {}


@pytest.mark.parametrize(("version", "series"), [("4.0.0", None), ("4.1.0", 254)])
def test_official_reference_loads_whole(
    official_dir: Path, server: Server, make_database: Callable[[], str], version: str, series: int | None
) -> None:
    reference = find_reference(version, official_dir)
    sei = make_database()
    server.load(reference.sei, sei)
    with server.cursor() as cursor:
        structure, counts = read_structure(cursor, sei), read_reference_rows(cursor, sei, "sei").counts
    assert len(structure.tables) == {"4.0.0": 267, "4.1.0": 311}[version]
    assert structure.definitions == {}
    assert not [table for table, count in counts.items() if not count]
    if series:
        assert (counts["tipo_procedimento"], counts["serie"], counts["assunto"]) == (318, series, 668)
