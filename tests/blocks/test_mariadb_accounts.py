"""The two accounts of an environment: each sees its own two schemas only, and a grant too many is found and taken."""

from collections.abc import Iterator
from contextlib import suppress

import pymysql
import pytest
from pydantic import SecretStr

from blocks.mariadb import MariaDBServer
from blocks.rehearsal import rehearsing
from domain.change import Change
from domain.errors import InvalidInputError, RetryableError
from tests.blocks.conftest import ENVIRONMENT
from tests.blocks.instance import Databases, Rows

PASSWORD = SecretStr("senha-da-aplicacao-123")
MIGRATION_PASSWORD = SecretStr("senha-da-migracao-456")
ACCESS_DENIED = {1044, 1045, 1049, 1142}
LOCKED = 4151
USER, MIGRATION_USER = "blocos_a_treinamento", "blocos_a_treinamento_mig"


def counts(change: Change) -> Change:
    """The change without its words, where only what happened matters."""
    return change.model_copy(update={"details": ()})


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
    assert counts(server.ensure_application_user(ENVIRONMENT, PASSWORD)) == Change(created=3)
    assert counts(server.ensure_application_user(ENVIRONMENT, PASSWORD)) == Change(unchanged=2)


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
    assert counts(server.ensure_application_user(ENVIRONMENT, PASSWORD)) == Change(updated=1, unchanged=2)
    account.probe()


def test_a_grant_that_somebody_took_away_is_given_again(account: MariaDBServer, server: MariaDBServer) -> None:
    with server.transaction() as cursor:
        cursor.execute(r"REVOKE ALL ON `blocos\_a\_treinamento\_sei`.* FROM blocos_a_treinamento@'%%'", ())
    assert counts(server.ensure_application_user(ENVIRONMENT, PASSWORD)) == Change(created=1, unchanged=1)
    with account.transaction(ENVIRONMENT.database_sei) as cursor:
        cursor.execute("SELECT * FROM pessoa")


def test_a_grant_that_reaches_further_than_the_environment_is_taken_away(
    schemas: Databases, other_databases: Databases, server: MariaDBServer
) -> None:
    server.ensure_application_user(ENVIRONMENT, PASSWORD)
    with server.transaction() as cursor:
        cursor.execute("GRANT SELECT ON `blocos_a_treinamento_sei`.* TO blocos_a_treinamento@'%%'", ())
    assert counts(server.ensure_application_user(ENVIRONMENT, PASSWORD)) == Change(removed=1, unchanged=2)
    account = server.model_copy(update={"user": ENVIRONMENT.database_user, "password": PASSWORD})
    assert refused_with(account, other_databases.name.database_sei, "SELECT 1") in ACCESS_DENIED


# How somebody may give the application more than it should have, and how the step names it. `{user}` is the account.
STRAYS = {
    "GRANT CREATE, DROP ON `blocos\\_a\\_treinamento\\_sei`.* TO {user}": (
        "conta da aplicação: privilégio a mais em blocos_a_treinamento_sei retirado (CREATE, DROP)"
    ),
    "GRANT SELECT ON `blocos\\_a\\_treinamento\\_sip`.* TO {user} WITH GRANT OPTION": (
        "conta da aplicação: privilégio a mais em blocos_a_treinamento_sip retirado (GRANT OPTION)"
    ),
    "GRANT SELECT ON `%`.* TO {user}": "conta da aplicação: acesso a mais ao banco % retirado",
    "GRANT SELECT ON vizinha.* TO {user} WITH GRANT OPTION": (
        "conta da aplicação: acesso a mais ao banco vizinha retirado"
    ),
    "GRANT SELECT, PROCESS ON *.* TO {user}": (
        "conta da aplicação: privilégio global a mais retirado (PROCESS, SELECT)"
    ),
    "GRANT USAGE ON *.* TO {user} WITH GRANT OPTION": (
        "conta da aplicação: privilégio global a mais retirado (GRANT OPTION)"
    ),
    "GRANT SELECT ON vizinha.evento TO {user}": (
        "conta da aplicação: permissão a mais em tabela vizinha.evento retirada"
    ),
    "GRANT SELECT (quem) ON vizinha.evento TO {user}": (
        "conta da aplicação: permissão a mais em coluna da tabela vizinha.evento retirada"
    ),
    "GRANT EXECUTE ON PROCEDURE blocos_a_treinamento_sei.espiar TO {user}": (
        "conta da aplicação: permissão a mais na rotina blocos_a_treinamento_sei.espiar retirada"
    ),
    "GRANT SELECT ON vizinha.evento TO {user} WITH GRANT OPTION": (
        "conta da aplicação: permissão a mais em tabela vizinha.evento retirada"
    ),
    "GRANT EXECUTE ON PROCEDURE blocos_a_treinamento_sei.espiar TO {user} WITH GRANT OPTION": (
        "conta da aplicação: permissão a mais na rotina blocos_a_treinamento_sei.espiar retirada"
    ),
    "GRANT curioso TO {user}": "conta da aplicação: papel curioso retirado",
    "GRANT PROXY ON root@localhost TO {user}": (
        "conta da aplicação: blocos_a_treinamento agia como root; permissão retirada"
    ),
    "GRANT PROXY ON {user} TO vizinho@localhost": (
        "conta da aplicação: vizinho agia como blocos_a_treinamento; permissão retirada"
    ),
    "CREATE USER blocos_a_treinamento@'10.0.0.1' IDENTIFIED BY 'x'": (
        "conta da aplicação blocos_a_treinamento: variante do endereço 10.0.0.1 retirada"
    ),
    "ALTER USER {user} WITH MAX_USER_CONNECTIONS 999": ("conta da aplicação blocos_a_treinamento: conexões 999 → 20"),
    "ALTER USER {user} WITH MAX_QUERIES_PER_HOUR 10": (
        "conta da aplicação blocos_a_treinamento: conexões 20 → 20, limites por hora retirados"
    ),
    "ALTER USER {user} ACCOUNT LOCK": "conta da aplicação blocos_a_treinamento estava bloqueada",
    "ALTER USER {user} IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD('senha-da-aplicacao-123')": (
        "conta da aplicação blocos_a_treinamento: senha ou forma de autenticação reposta"
    ),
}


@pytest.fixture
def strays(schemas: Databases, server: MariaDBServer) -> Iterator[None]:
    """What the stray grants speak of: a neighbour's schema, a routine, a role, another account, the account itself."""
    run(schemas, "CREATE DATABASE IF NOT EXISTS vizinha")
    run(schemas, "CREATE TABLE IF NOT EXISTS vizinha.evento (id INT, quem INT)")
    run(schemas, "CREATE PROCEDURE espiar() SELECT 1")
    run(schemas, "CREATE ROLE IF NOT EXISTS curioso")
    run(schemas, "CREATE USER IF NOT EXISTS vizinho@localhost")
    server.ensure_application_user(ENVIRONMENT, PASSWORD, max_connections=20)
    yield
    run(schemas, "DROP DATABASE vizinha")
    run(schemas, "DROP ROLE curioso")
    run(schemas, "DROP USER vizinho@localhost")


def run(schemas: Databases, statement: str) -> Rows:
    return schemas.rows("sei", statement.replace("%", "%%"))


def grants_of(schemas: Databases, user: str = USER) -> set[str]:
    return {str(line) for (line,) in run(schemas, f"SHOW GRANTS FOR {user}@'%'")}


@pytest.mark.parametrize(("statement", "told"), STRAYS.items(), ids=[statement[:30] for statement in STRAYS])
def test_whatever_the_account_was_given_beside_is_named_and_taken_away(
    strays: None, schemas: Databases, server: MariaDBServer, statement: str, told: str
) -> None:
    as_it_should_be = grants_of(schemas)
    run(schemas, statement.format(user=f"{USER}@'%'"))
    with rehearsing():
        rehearsed = server.ensure_application_user(ENVIRONMENT, PASSWORD, max_connections=20)
    mended = server.ensure_application_user(ENVIRONMENT, PASSWORD, max_connections=20)
    assert mended.details == (told,)
    assert rehearsed == mended, "a rehearsal tells what a run does, and does none of it"
    assert server.ensure_application_user(ENVIRONMENT, PASSWORD, max_connections=20) == Change(unchanged=2)
    assert grants_of(schemas) == as_it_should_be
    assert schemas.rows("sei", "SELECT host FROM mysql.user WHERE user = %s", (USER,)) == [("%",)]


def test_a_rehearsal_names_the_accounts_that_a_run_would_make_and_makes_none(
    schemas: Databases, server: MariaDBServer
) -> None:
    with rehearsing():
        change = server.ensure_application_user(ENVIRONMENT, PASSWORD) + server.ensure_migration_user(
            ENVIRONMENT, MIGRATION_PASSWORD
        )
    assert change.details == (
        "conta da aplicação blocos_a_treinamento criada",
        "conta da aplicação: acesso a blocos_a_treinamento_sei concedido",
        "conta da aplicação: acesso a blocos_a_treinamento_sip concedido",
        "conta de migração blocos_a_treinamento_mig criada",
        "conta de migração: acesso a blocos_a_treinamento_sei concedido",
        "conta de migração: acesso a blocos_a_treinamento_sip concedido",
    )
    assert run(schemas, "SELECT user FROM mysql.user WHERE user LIKE 'blocos%'") == []


def test_a_privilege_that_is_missing_is_given_back_alone(account: MariaDBServer, server: MariaDBServer) -> None:
    with server.transaction() as cursor:
        cursor.execute(f"REVOKE DELETE ON `blocos\\_a\\_treinamento\\_sei`.* FROM {USER}@'%'")
    change = server.ensure_application_user(ENVIRONMENT, PASSWORD)
    assert change == Change(
        updated=1,
        unchanged=1,
        details=("conta da aplicação: privilégio em blocos_a_treinamento_sei devolvido (DELETE)",),
    )


def test_more_connections_than_the_plan_gives_are_refused_for_the_moment(
    account: MariaDBServer, server: MariaDBServer
) -> None:
    server.ensure_application_user(ENVIRONMENT, PASSWORD, max_connections=2)
    with account.transaction(), account.transaction(), pytest.raises(RetryableError, match="erro 1226"):
        account.probe()
    assert server.ensure_application_user(ENVIRONMENT, PASSWORD) == Change(unchanged=2), "no limit given leaves it"


@pytest.fixture
def migration(schemas: Databases, server: MariaDBServer) -> MariaDBServer:
    """The server as an upgrade script sees it, were the account open."""
    server.ensure_migration_user(ENVIRONMENT, MIGRATION_PASSWORD)
    return server.model_copy(update={"user": MIGRATION_USER, "password": MIGRATION_PASSWORD})


def test_the_migration_account_is_made_once_locked_and_again_changes_nothing(
    migration: MariaDBServer, server: MariaDBServer
) -> None:
    assert server.ensure_migration_user(ENVIRONMENT, MIGRATION_PASSWORD) == Change(unchanged=2)
    assert refused_with(migration, None, "SELECT 1") == LOCKED


def test_the_migration_account_changes_structure_in_its_own_schemas_while_it_is_open(
    migration: MariaDBServer, server: MariaDBServer, other_databases: Databases
) -> None:
    with server.unlock_migration_user(ENVIRONMENT):
        for schema in (ENVIRONMENT.database_sei, ENVIRONMENT.database_sip):
            with migration.transaction(schema) as cursor:
                cursor.execute(
                    "CREATE TABLE nova (id INT PRIMARY KEY, pessoa INT, FOREIGN KEY (pessoa) REFERENCES pessoa (id))"
                )
                cursor.execute("ALTER TABLE nova ADD COLUMN texto VARCHAR(10)")
                cursor.execute("CREATE INDEX i ON nova (texto)")
                cursor.execute("DROP TABLE nova")
        assert refused_with(migration, other_databases.name.database_sei, "SELECT 1") in ACCESS_DENIED
        assert refused_with(migration, None, "CREATE DATABASE blocos_a_treinamento_mais") in ACCESS_DENIED
    assert refused_with(migration, None, "SELECT 1") == LOCKED


def test_the_migration_account_is_locked_again_after_a_failure_and_nobody_stays_inside(
    migration: MariaDBServer, server: MariaDBServer, schemas: Databases
) -> None:
    session = None
    with suppress(ZeroDivisionError), server.unlock_migration_user(ENVIRONMENT):
        session = pymysql.connect(
            host=migration.host,
            port=migration.port,
            user=migration.user,
            password=migration.password.get_secret_value(),
        )
        raise ZeroDivisionError
    assert session is not None
    with pytest.raises(pymysql.err.OperationalError):
        session.ping(reconnect=False)
    assert refused_with(migration, None, "SELECT 1") == LOCKED


def test_a_migration_account_that_a_kill_left_open_is_named_and_closed(
    migration: MariaDBServer, server: MariaDBServer
) -> None:
    with server.transaction() as cursor:
        cursor.execute(f"ALTER USER {MIGRATION_USER}@'%' ACCOUNT UNLOCK")
    with rehearsing():
        server.ensure_migration_user(ENVIRONMENT, MIGRATION_PASSWORD)
    migration.probe()
    change = server.ensure_migration_user(ENVIRONMENT, MIGRATION_PASSWORD)
    assert change.details == ("conta de migração blocos_a_treinamento_mig estava desbloqueada",)
    assert refused_with(migration, None, "SELECT 1") == LOCKED


def test_a_rehearsed_upgrade_does_not_open_the_account(migration: MariaDBServer, server: MariaDBServer) -> None:
    with rehearsing(), server.unlock_migration_user(ENVIRONMENT):
        assert refused_with(migration, None, "SELECT 1") == LOCKED


def test_both_accounts_are_removed_with_their_sessions(
    account: MariaDBServer, migration: MariaDBServer, server: MariaDBServer, schemas: Databases
) -> None:
    session = pymysql.connect(
        host=account.host, port=account.port, user=account.user, password=PASSWORD.get_secret_value()
    )
    with rehearsing():
        rehearsed = server.remove_accounts(ENVIRONMENT)
    account.probe()
    removed = server.remove_accounts(ENVIRONMENT)
    assert (
        removed
        == rehearsed
        == Change(
            removed=2,
            details=(
                f"conta {USER} de qualquer endereço retirada",
                f"conta {MIGRATION_USER} de qualquer endereço retirada",
            ),
        )
    )
    with pytest.raises(pymysql.err.OperationalError):
        session.ping(reconnect=False)
    assert run(schemas, "SELECT 1 FROM mysql.db WHERE user LIKE 'blocos%'") == []
    assert server.remove_accounts(ENVIRONMENT) == Change()


def test_nobody_else_keeps_rights_on_the_schemas_and_a_teams_own_account_stays(
    account: MariaDBServer, server: MariaDBServer, schemas: Databases
) -> None:
    pattern = ENVIRONMENT.database_sei.replace("_", "\\_")
    with server.transaction() as cursor:
        for user in ("blocos_equipe", "blocos_avulsa"):
            cursor.execute(f"CREATE USER {user}@'%' IDENTIFIED BY 'x'")
            cursor.execute(f"GRANT SELECT ON `{pattern}`.* TO {user}@'%'")
        cursor.execute("GRANT SELECT ON `outro\\_banco`.* TO blocos_equipe@'%'")
    try:
        with rehearsing():
            rehearsed = server.remove_accounts(ENVIRONMENT)
        account.probe()
        removed = server.remove_accounts(ENVIRONMENT)
        assert removed == rehearsed
        assert removed.details[-2:] == (
            "conta blocos_avulsa de qualquer endereço retirada",
            "direitos da conta blocos_equipe sobre os bancos do ambiente retirados",
        )
        assert run(schemas, "SELECT user, db FROM mysql.db WHERE user LIKE 'blocos%'") == [
            ("blocos_equipe", "outro\\_banco")
        ]
    finally:
        with server.transaction() as cursor:
            cursor.execute("DROP USER IF EXISTS blocos_equipe@'%', blocos_avulsa@'%'")
