"""The database server: transactions whole or not at all, schemas made and dropped, errors told without data."""

from concurrent.futures import ThreadPoolExecutor

import pymysql
import pytest

from blocks.mariadb import MariaDBServer, explain, until_no_deadlock
from domain.change import Change
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from tests.blocks.conftest import ENVIRONMENT
from tests.blocks.instance import Databases
from tests.waiting import wait_until


def test_a_transaction_that_fails_leaves_nothing(schemas: Databases, server: MariaDBServer) -> None:
    with (
        pytest.raises(IntegrityError, match=r"violar uma chave \(erro 1062\)") as refusal,
        server.transaction(ENVIRONMENT.database_sip) as cursor,
    ):
        cursor.execute("INSERT INTO pessoa VALUES (1, 'Sigilosa')")
        cursor.execute("INSERT INTO pessoa VALUES (1, 'Sigilosa')")
    assert schemas.rows("sip", "SELECT * FROM pessoa") == []
    assert "Sigilosa" not in repr(refusal.value)
    assert refusal.value.__cause__ is None
    assert ENVIRONMENT.database_sip in refusal.value.where


def test_an_error_of_the_caller_leaves_nothing_and_passes_as_it_is(schemas: Databases, server: MariaDBServer) -> None:
    with pytest.raises(ZeroDivisionError), server.transaction(ENVIRONMENT.database_sip) as cursor:
        cursor.execute("INSERT INTO pessoa VALUES (1, 'Ana')")
        raise ZeroDivisionError
    assert schemas.rows("sip", "SELECT * FROM pessoa") == []


@pytest.mark.parametrize(
    ("statement", "values", "kind", "message"),
    [
        ("INSERT INTO pessoa VALUES (1, %s)", ("Sigilosa demais",), IntegrityError, "erro 1406"),
        ("INSERT INTO pessoa VALUES (1, %s)", ("Sigilosa→",), InvalidInputError, r"U\+2192"),
        ("INSERT INTO pessoa (id) VALUES (%s)", ("Sigilosa",), IntegrityError, "erro 1366"),
        ("SELECT * FROM Sigilosa", (), IntegrityError, "erro 1146"),
        ("SELECT Sigilosa", (), IntegrityError, "erro 1054"),
    ],
)
def test_a_refused_statement_is_told_without_its_values(
    schemas: Databases,
    server: MariaDBServer,
    statement: str,
    values: tuple[str, ...],
    kind: type[Exception],
    message: str,
) -> None:
    with pytest.raises(kind, match=message) as refusal, server.transaction(ENVIRONMENT.database_sei) as cursor:
        cursor.execute(statement, values)
    assert "Sigilosa" not in repr(refusal.value) + str(refusal.value)


def test_a_schema_is_created_and_dropped_once(schemas: Databases, server: MariaDBServer) -> None:
    name = "blocos_a_homologacao_sei"
    assert server.drop_database(name) == Change()
    assert server.ensure_database(name) == Change(created=1, details=(f"banco {name} criado",))
    assert server.ensure_database(name) == Change(unchanged=1)
    assert server.list_databases("blocos_a_") == [name, ENVIRONMENT.database_sei, ENVIRONMENT.database_sip]
    assert server.drop_database(name) == Change(removed=1, details=(f"banco {name} apagado",))
    assert server.drop_database(name) == Change()


def test_the_prefix_of_a_listing_is_no_pattern(other_databases: Databases, server: MariaDBServer) -> None:
    assert other_databases.name.database_sei in server.list_databases("blocosxa_")
    assert other_databases.name.database_sei not in server.list_databases("blocos_a")


@pytest.mark.parametrize("name", ["", "Maiusculo", "com-hifen", "a`; DROP DATABASE mysql; --", "1a", "a" * 65])
def test_a_name_that_is_no_plain_identifier_is_refused(server: MariaDBServer, name: str) -> None:
    with pytest.raises(InvalidInputError, match="Nome de banco inválido"):
        server.ensure_database(name)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (pymysql.err.OperationalError(1030, 'Got error 28 "No space left" from storage'), RetryableError, "disco"),
        (pymysql.err.OperationalError(1030, "Got error 5 from storage engine"), RetryableError, "no disco"),
        (pymysql.err.OperationalError(1290, "running with the --read-only option"), RetryableError, "somente leitura"),
        (pymysql.err.OperationalError(1836, "Running in read-only mode"), RetryableError, "somente leitura"),
        (pymysql.err.InterfaceError(0, ""), RetryableError, "não respondeu"),
        (pymysql.err.InternalError("Packet sequence number wrong - got 1"), RetryableError, "não respondeu"),
        (pymysql.err.ProgrammingError(1064, "syntax"), IntegrityError, "recusou um comando"),
    ],
)
def test_what_may_pass_by_itself_is_worth_a_retry(
    error: pymysql.err.MySQLError, kind: type[ImplantaError], message: str
) -> None:
    told = explain(error, "servidor")
    assert isinstance(told, kind)
    assert message in told.what


def test_an_absent_schema_is_not_a_wrong_password(server: MariaDBServer) -> None:
    with (
        pytest.raises(InvalidInputError, match=r"O banco não existe no MariaDB \(erro 1049\).*/nao_existe") as refusal,
        server.transaction("nao_existe"),
    ):
        pytest.fail("a schema that does not exist")
    assert "senha" not in str(refusal.value)


@pytest.mark.parametrize("victim", ["QUERY", "CONNECTION"])
def test_a_statement_that_an_administrator_ends_is_worth_a_retry(server: MariaDBServer, victim: str) -> None:
    with (
        pytest.raises(RetryableError, match="interrompida"),
        server.transaction() as cursor,
    ):
        cursor.execute("SELECT CONNECTION_ID()")
        (number,) = cursor.fetchone() or (0,)
        cursor.execute(f"KILL {victim} {number}")
        cursor.execute("SELECT 1")


def test_a_server_that_falls_silent_does_not_hold_a_step_for_ever(server: MariaDBServer) -> None:
    impatient = server.model_copy(update={"answer_timeout_seconds": 1})
    with (
        pytest.raises(RetryableError, match=r"não respondeu \(erro 2013\)"),
        impatient.transaction() as cursor,
    ):
        cursor.execute("SELECT SLEEP(20)")


def somebody_waits_for(server: MariaDBServer, table: str) -> bool:
    with server.transaction() as cursor:
        waiting = "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE %s"
        cursor.execute(waiting, (f"%{table}%",))
        return cursor.fetchone() is not None


def test_a_statement_that_a_deadlock_undid_is_run_again(schemas: Databases, server: MariaDBServer) -> None:
    """The other transaction has changed more rows, so that InnoDB undoes this one."""
    database, table = schemas.name.database_sei, "implanta_impasse"
    with server.connection(database) as mine, server.connection(database) as others:
        with mine.cursor() as cursor:
            cursor.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, valor int) ENGINE=InnoDB")
            cursor.execute(f"INSERT INTO {table} SELECT seq, 0 FROM seq_1_to_50")
            mine.commit()
        mine.autocommit(True)
        attempts: list[int] = []

        def both() -> int:
            attempts.append(1)
            with mine.cursor() as cursor:
                return cursor.execute(f"UPDATE {table} SET valor = valor + 1 WHERE id IN (1, 2)")

        with others.cursor() as other, ThreadPoolExecutor(1) as pool:
            other.execute(f"UPDATE {table} SET valor = 7 WHERE id >= 2")
            waiting = pool.submit(until_no_deadlock, both)
            wait_until(lambda: somebody_waits_for(server, table), "it has the first row, and waits for the second")
            other.execute(f"UPDATE {table} SET valor = 7 WHERE id = 1")
            others.commit()
            assert waiting.result(timeout=30) == 2
        with mine.cursor() as cursor:
            cursor.execute(f"SELECT valor FROM {table} WHERE id IN (1, 2)")
            assert cursor.fetchall() == ((8,), (8,))
            cursor.execute(f"DROP TABLE {table}")
    assert len(attempts) == 2
