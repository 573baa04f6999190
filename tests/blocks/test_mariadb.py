"""The database server: transactions whole or not at all, and one account an environment that sees only its own."""

from collections.abc import Iterator

import pymysql
import pytest
from pydantic import SecretStr

from blocks.mariadb import MariaDBServer, explain
from domain.change import Change
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from tests.blocks.conftest import ENVIRONMENT
from tests.blocks.instance import Databases

PASSWORD = SecretStr("senha-da-aplicacao-123")
ACCESS_DENIED = {1044, 1045, 1049, 1142}


@pytest.fixture
def schemas(server: MariaDBServer) -> Iterator[Databases]:
    """Both schemas of the environment with one table each, and no account yet."""
    made = Databases(server, ENVIRONMENT)
    made.create()
    for database in ("sei", "sip"):
        made.rows(database, "CREATE TABLE pessoa (id INT PRIMARY KEY, nome VARCHAR(10)) ENGINE=InnoDB")
    yield made
    made.drop()
    with server.transaction() as cursor:
        cursor.execute("DROP USER IF EXISTS blocos_a_treinamento@'%%'", ())


@pytest.fixture
def account(schemas: Databases, server: MariaDBServer) -> MariaDBServer:
    """The server as the environment's application sees it."""
    server.ensure_application_user(ENVIRONMENT, PASSWORD)
    return server.model_copy(update={"user": ENVIRONMENT.database_user, "password": PASSWORD})


def refused_with(account: MariaDBServer, database: str | None, statement: str) -> int:
    """The server's error number for a statement that it must refuse."""
    with (
        pytest.raises(pymysql.err.OperationalError) as refusal,
        pymysql.connect(
            host=account.host,
            port=account.port,
            user=account.user,
            password=account.password.get_secret_value(),
            database=database,
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    return int(refusal.value.args[0])


def test_the_application_account_is_made_once_and_again_changes_nothing(
    schemas: Databases, server: MariaDBServer
) -> None:
    assert server.ensure_application_user(ENVIRONMENT, PASSWORD) == Change(created=3)
    assert server.ensure_application_user(ENVIRONMENT, PASSWORD) == Change(unchanged=2)


def test_the_application_works_on_the_rows_of_both_its_schemas(account: MariaDBServer) -> None:
    for schema in (ENVIRONMENT.database_sei, ENVIRONMENT.database_sip):
        with account.transaction(schema) as cursor:
            cursor.execute("INSERT INTO pessoa VALUES (1, 'Ana')")
            cursor.execute("UPDATE pessoa SET nome = 'Bia'")
            cursor.execute("CREATE TEMPORARY TABLE rascunho SELECT * FROM pessoa")
            cursor.execute("SELECT nome FROM rascunho")
            assert cursor.fetchall() == (("Bia",),)
            cursor.execute("DELETE FROM pessoa")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE outra (id INT)",
        "ALTER TABLE pessoa ADD COLUMN cpf BIGINT",
        "DROP TABLE pessoa",
        "TRUNCATE TABLE pessoa",
        "CREATE INDEX i ON pessoa (nome)",
        "CREATE VIEW v AS SELECT * FROM pessoa",
        "CREATE DATABASE blocos_a_treinamento_outro",
        "DROP DATABASE blocos_a_treinamento_sei",
        "CREATE USER estranho",
        "GRANT SELECT ON pessoa TO blocos_a_treinamento",
        "SELECT * FROM mysql.user",
        "SELECT * FROM implanta.event",
    ],
)
def test_the_application_may_not_change_structure_or_reach_beyond(account: MariaDBServer, statement: str) -> None:
    assert refused_with(account, ENVIRONMENT.database_sei, statement) in {*ACCESS_DENIED, 1227}


def test_the_application_sees_no_schema_of_an_environment_whose_name_an_underscore_would_match(
    account: MariaDBServer, other_databases: Databases
) -> None:
    for schema in (other_databases.name.database_sei, other_databases.name.database_sip):
        assert refused_with(account, schema, "SELECT 1") in ACCESS_DENIED
    with account.transaction() as cursor:
        cursor.execute("SHOW DATABASES")
        seen = {name for (name,) in cursor.fetchall()} - {"information_schema"}
    assert seen == {ENVIRONMENT.database_sei, ENVIRONMENT.database_sip}


def test_a_password_that_somebody_changed_is_healed(account: MariaDBServer, server: MariaDBServer) -> None:
    with server.transaction() as cursor:
        cursor.execute("ALTER USER blocos_a_treinamento@'%%' IDENTIFIED BY 'outra'", ())
    with pytest.raises(InvalidInputError):
        account.probe()
    assert server.ensure_application_user(ENVIRONMENT, PASSWORD) == Change(updated=1, unchanged=2)
    account.probe()


def test_a_grant_that_somebody_took_away_is_given_again(account: MariaDBServer, server: MariaDBServer) -> None:
    with server.transaction() as cursor:
        cursor.execute(r"REVOKE ALL ON `blocos\_a\_treinamento\_sei`.* FROM blocos_a_treinamento@'%%'", ())
    assert server.ensure_application_user(ENVIRONMENT, PASSWORD) == Change(created=1, unchanged=1)
    with account.transaction(ENVIRONMENT.database_sei) as cursor:
        cursor.execute("SELECT * FROM pessoa")


def test_a_grant_that_reaches_further_than_the_environment_is_taken_away(
    schemas: Databases, other_databases: Databases, server: MariaDBServer
) -> None:
    server.ensure_application_user(ENVIRONMENT, PASSWORD)
    with server.transaction() as cursor:
        cursor.execute("GRANT SELECT ON `blocos_a_treinamento_sei`.* TO blocos_a_treinamento@'%%'", ())
    assert server.ensure_application_user(ENVIRONMENT, PASSWORD) == Change(removed=1, unchanged=2)
    account = server.model_copy(update={"user": ENVIRONMENT.database_user, "password": PASSWORD})
    assert refused_with(account, other_databases.name.database_sei, "SELECT 1") in ACCESS_DENIED


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
    assert server.ensure_database(name) == Change(created=1)
    assert server.ensure_database(name) == Change(unchanged=1)
    assert server.list_databases("blocos_a_") == [name, ENVIRONMENT.database_sei, ENVIRONMENT.database_sip]
    assert server.drop_database(name) == Change(removed=1)
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
