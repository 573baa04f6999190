"""The four environments of the demo, looked at from outside, on their real servers."""

from pathlib import Path

import ldap3
import pymysql
import pytest

from blocks.dump_loader import load_dump
from blocks.mariadb import MariaDBServer
from blocks.reference import find_reference
from domain.access_key import AccessKey
from domain.environment import EnvironmentName, Purpose
from domain.person import TECHNICAL_LOGIN
from lab.state import LabState
from tasks import doors
from tasks.instance import Instance, load_instance
from tests.demo.conftest import ENVIRONMENTS

pytestmark = pytest.mark.timeout(900)  # the first one waits for two whole demos

# Facts of information_schema that make two databases the same release, asked here without the product's own code.
STRUCTURE = {
    "tabelas": (
        "SELECT table_name, engine, table_collation FROM information_schema.tables WHERE table_schema = %s ORDER BY 1"
    ),
    "colunas": (
        "SELECT table_name, ordinal_position, column_name, column_type, is_nullable, column_default, extra,"
        " collation_name FROM information_schema.columns WHERE table_schema = %s ORDER BY 1, 2"
    ),
    "índices": (
        "SELECT table_name, index_name, seq_in_index, column_name, non_unique, sub_part, index_type"
        " FROM information_schema.statistics WHERE table_schema = %s ORDER BY 1, 2, 3"
    ),
    "chaves estrangeiras": (
        "SELECT k.table_name, k.constraint_name, k.ordinal_position, k.column_name, k.referenced_table_name,"
        " k.referenced_column_name, r.update_rule, r.delete_rule FROM information_schema.key_column_usage k"
        " JOIN information_schema.referential_constraints r ON r.constraint_schema = k.table_schema"
        "   AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name"
        " WHERE k.table_schema = %s ORDER BY 1, 2, 3"
    ),
    "gatilhos": "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = %s",
}
PUBLISHED_SECRET_LENGTH = 64


def read_structure(server: MariaDBServer, database: str) -> dict[str, object]:
    with server.transaction() as cursor:
        facts: dict[str, object] = {}
        for name, query in STRUCTURE.items():
            cursor.execute(query, (database,))
            facts[name] = cursor.fetchall()
        return facts


@pytest.fixture(scope="module")
def pristine(fleet: object, official_reference: Path | None) -> "dict[str, str]":
    """Both databases of the reference, loaded once more by themselves, on every server that holds environments."""
    assert fleet
    reference = find_reference("4.1.0", official_reference)
    names = {dump.database: f"teste_referencia_{dump.database}" for dump in reference.dumps}
    for server in doors.mariadb_servers().values():
        for dump in reference.dumps:
            name = names[dump.database]
            server.drop_database(name)
            server.ensure_database(name)
            load_dump(dump, server, name)
    return {str(database): name for database, name in names.items()}


def test_the_structure_equals_the_reference(instance: Instance, pristine: dict[str, str]) -> None:
    for database, reference in (
        (instance.name.database_sei, pristine["sei"]),
        (instance.name.database_sip, pristine["sip"]),
    ):
        found, expected = read_structure(instance.server, database), read_structure(instance.server, reference)
        for fact in STRUCTURE:
            assert found[fact] == expected[fact], (database, fact)


def test_the_official_reference_rows_are_all_there(
    instance: Instance, pristine: dict[str, str], official_reference: Path | None
) -> None:
    if official_reference is None:
        pytest.skip("the official dumps are not on this machine")
    expected = {"tipo_procedimento": 318, "serie": 254, "assunto": 668}
    with instance.server.transaction(instance.name.database_sei) as cursor:
        for table, count in expected.items():
            cursor.execute(
                f"SELECT COUNT(*) FROM {pristine['sei']}.{table} r JOIN {table} t ON t.id_{table} = r.id_{table}"
            )
            row = cursor.fetchone()
            assert row is not None
            assert row[0] == count, table


def test_every_published_weakness_is_closed(instance: Instance, pristine: dict[str, str]) -> None:
    with instance.server.transaction(instance.name.database_sip) as cursor:

        def one(query: str) -> object:
            cursor.execute(query)
            row = cursor.fetchone()
            return row[0] if row else None

        assert one("SELECT sin_autenticar FROM orgao WHERE id_orgao = 0") == "S"
        assert one("SELECT COUNT(*) FROM rel_orgao_autenticacao") == 1
        assert (
            one(
                "SELECT s.sta_tipo FROM rel_orgao_autenticacao JOIN servidor_autenticacao s"
                " USING (id_servidor_autenticacao)"
            )
            == "LDAP"
        )
        assert one("SELECT COUNT(*) FROM permissao JOIN usuario USING (id_usuario) WHERE sigla = 'teste'") == 0
        assert one("SELECT sin_bloqueado FROM usuario WHERE sigla = 'teste'") == "S"
        cursor.execute(
            f"SELECT COUNT(*) FROM sistema s JOIN {pristine['sip']}.sistema r USING (id_sistema)"
            " WHERE s.chave_acesso = r.chave_acesso"
        )
        assert cursor.fetchone() == (0,)
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM infra_parametro WHERE nome LIKE 'ABC%%' UNION ALL"
            " SELECT COUNT(*) FROM tipo_contato WHERE nome LIKE '%% ABC' UNION ALL"
            " SELECT COUNT(*) FROM contato WHERE sigla = 'ABC' UNION ALL"
            " SELECT COUNT(*) FROM orgao_historico WHERE sigla = 'ABC' AND dta_fim IS NULL"
        )
        assert set(cursor.fetchall()) == {(0,)}


def test_each_environment_has_keys_of_its_own(fleet: object) -> None:
    assert fleet
    keys: list[AccessKey] = []
    for slug in ("timoteo-treinamento", "timoteo-producao", "rio-doce-treinamento", "rio-doce-producao"):
        keys += doors.environment_secrets(slug).access_keys().values()
    secrets = {key.text.get_secret_value()[-PUBLISHED_SECRET_LENGTH:] for key in keys}
    assert len(secrets) == len(keys)


def test_the_application_account_sees_no_other_environment(fleet: object) -> None:
    assert fleet
    mine = load_instance("rio-doce-treinamento")
    password = doors.environment_secrets("rio-doce-treinamento").database_password.get_secret_value()
    connection = pymysql.connect(
        host=mine.server.host, port=mine.server.port, user=mine.name.database_user, password=password
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES")
        seen = {row[0] for row in cursor.fetchall()} - {"information_schema"}
        assert seen == {mine.name.database_sei, mine.name.database_sip}
        neighbours = (load_instance(slug) for slug in ENVIRONMENTS if slug != mine.name.slug)
        beside = [other.name.database_sip for other in neighbours if other.server == mine.server]
        assert beside, "nobody else is on this server"
        for database in beside:
            with pytest.raises(pymysql.err.OperationalError, match="denied"):
                cursor.execute(f"SELECT COUNT(*) FROM {database}.usuario")


def test_the_search_account_of_one_environment_finds_nobody_of_another(fleet: object, lab_state: LabState) -> None:
    assert fleet
    name = EnvironmentName(municipality="rio-doce", purpose=Purpose.TREINAMENTO)
    directory = doors.directory()
    server = ldap3.Server(lab_state.ldap.host, lab_state.ldap.port)
    with ldap3.Connection(
        server,
        directory.search_dn(name),
        doors.environment_secrets(name.slug).directory_password.get_secret_value(),
        auto_bind=True,
    ) as connection:
        connection.search(directory.people_dn(name), "(uid=*)", attributes=["uid"])
        found = {str(entry.uid) for entry in connection.entries}
        assert len(found - {TECHNICAL_LOGIN}) == 60
        other = EnvironmentName(municipality="rio-doce", purpose=Purpose.PRODUCAO)
        connection.search(directory.people_dn(other), "(uid=*)", attributes=["uid"])
        assert connection.entries == []


def test_people_units_and_the_three_checks_after_an_import(instance: Instance) -> None:
    expected = {"timoteo": (350, 30), "rio-doce": (60, 9)}[instance.name.municipality]
    assert len(instance.users.list_ready_logins() - {TECHNICAL_LOGIN}) == expected[0]
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("SELECT COUNT(*) FROM unidade WHERE sin_ativo = 'S' AND sigla NOT LIKE 'TESTE%%'")
        assert cursor.fetchone() == (expected[1],)
        # A system may be called as a person is: the one of our service, and our technical account.
        cursor.execute("SELECT COUNT(*) FROM (SELECT 1 FROM usuario GROUP BY sigla, sta_tipo HAVING COUNT(*) > 1) d")
        assert cursor.fetchone() == (0,)
    assert set(instance.users.count_replication_gaps().values()) == {0}
