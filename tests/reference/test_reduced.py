"""The project's own reduced reference, held against the official dumps and against itself."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import bcrypt
import pytest

from blocks.catalog import Catalog
from blocks.reference import find_reference
from blocks.structure import read_reference_rows, read_structure
from domain.reference import Database
from domain.structure import differences
from tests.reference.conftest import Server

VERSIONS = [release.version for release in Catalog().releases().core]
DATABASES: list[Database] = ["sei", "sip"]
PREFEITURAS = [3168705, 3154606, 3168606, 3138203, 3144805, 3170404, 3152006, 3117504, 3155009, 3121605]
PUBLIC_SECRET = "0" * 64


class Loaded(NamedTuple):
    server: Server
    version: str
    sei: str
    sip: str


@pytest.fixture(params=VERSIONS)
def loaded(request: pytest.FixtureRequest, server: Server, make_database: Callable[[], str]) -> Iterator[Loaded]:
    reference = find_reference(request.param, None)
    loaded = Loaded(server, request.param, make_database(), make_database())
    server.load(reference.sei, loaded.sei)
    server.load(reference.sip, loaded.sip)
    yield loaded


@pytest.mark.parametrize("database", DATABASES)
def test_every_table_equals_the_official_one_column_by_column_and_key_by_key(
    loaded: Loaded, database: Database, official_dir: Path, make_database: Callable[[], str]
) -> None:
    official_database = make_database()
    loaded.server.load(getattr(find_reference(loaded.version, official_dir), database), official_database)
    with loaded.server.cursor() as cursor:
        official = read_structure(cursor, official_database)
        reduced = read_structure(cursor, getattr(loaded, database))
    absent = official.tables.keys() - reduced.tables.keys()
    expected = {
        table: {
            part: text
            for part, text in official.tables[table].items()
            if not (part.startswith("chave estrangeira") and text.split(" → ")[1].split(" ")[0] in absent)
        }
        for table in reduced.tables.keys() & official.tables.keys()
    }
    assert differences(official.model_copy(update={"tables": expected}), reduced) == []
    tables = {table for table in reduced.tables if not table.startswith("seq_")}
    counters = {f"seq_{table}"[:30] for table in tables} & official.tables.keys()
    assert counters <= reduced.tables.keys()


@pytest.mark.parametrize("database", DATABASES)
def test_every_foreign_key_has_its_row(loaded: Loaded, database: Database) -> None:
    schema = getattr(loaded, database)
    with loaded.server.cursor(schema) as cursor:
        cursor.execute(
            "SELECT table_name, constraint_name, referenced_table_name, GROUP_CONCAT(column_name"
            " ORDER BY ordinal_position), GROUP_CONCAT(referenced_column_name ORDER BY ordinal_position)"
            " FROM information_schema.key_column_usage"
            " WHERE table_schema = %s AND referenced_table_name IS NOT NULL GROUP BY 1, 2, 3",
            (schema,),
        )
        keys = cursor.fetchall()
        assert keys
        orphans = {}
        for table, key, parent, columns, parent_columns in keys:
            pairs = list(zip(columns.split(","), parent_columns.split(","), strict=True))
            join = " AND ".join(f"p.{theirs} = c.{ours}" for ours, theirs in pairs)
            filled = " AND ".join(f"c.{ours} IS NOT NULL" for ours, _ in pairs)
            cursor.execute(
                f"SELECT COUNT(*) FROM {table} c LEFT JOIN {parent} p ON {join}"
                f" WHERE {filled} AND p.{pairs[0][1]} IS NULL"
            )
            [(orphans[table, key],)] = cursor.fetchall()
    assert {key: count for key, count in orphans.items() if count} == {}


def test_no_counter_is_behind_the_ids_in_use(loaded: Loaded) -> None:
    behind = []
    with loaded.server.cursor(loaded.sei) as cursor:
        cursor.execute(
            "SELECT c.table_name, c.auto_increment, t.table_name FROM information_schema.tables c"
            " JOIN information_schema.columns t ON t.table_schema = c.table_schema"
            " AND LEFT(CONCAT('seq_', t.table_name), 30) = c.table_name AND t.column_name = CONCAT('id_', t.table_name)"
            " WHERE c.table_schema = %s",
            (loaded.sei,),
        )
        counters = list(cursor.fetchall())
        assert len(counters) > 40
        for counter, next_id, table in counters:
            cursor.execute(f"SELECT COALESCE(MAX(id_{table}), 0) FROM {table}")
            [(last,)] = cursor.fetchall()
            behind += [counter] if next_id <= last else []
    with loaded.server.cursor(loaded.sip) as cursor:
        cursor.execute("SELECT nome_tabela, num_atual FROM infra_sequencia")
        for table, current in cursor.fetchall():
            cursor.execute(
                "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
                (
                    loaded.sip,
                    table,
                ),
            )
            assert cursor.fetchone(), f"infra_sequencia counts {table}, which is not here"
            cursor.execute(f"SELECT COALESCE(MAX(id_{table}), 0) FROM {table}")
            [(last,)] = cursor.fetchall()
            behind += [table] if current < last else []
    assert behind == []


@pytest.mark.parametrize("database", DATABASES)
def test_every_catalogue_table_that_is_watched_has_rows(loaded: Loaded, database: Database) -> None:
    with loaded.server.cursor() as cursor:
        counts = read_reference_rows(cursor, getattr(loaded, database), database).counts
    assert [table for table, count in counts.items() if not count] == []


def test_known_weaknesses_are_all_there_to_be_closed(loaded: Loaded) -> None:
    with loaded.server.cursor(loaded.sip) as cursor:
        cursor.execute("SELECT sigla, sin_autenticar FROM orgao")
        assert cursor.fetchall() == (("ABC", "N"),)
        cursor.execute("SELECT COUNT(*) FROM permissao JOIN usuario USING (id_usuario) WHERE sigla = 'teste'")
        assert cursor.fetchone() == (8,)
        cursor.execute(
            "SELECT COUNT(*) FROM rel_orgao_autenticacao JOIN servidor_autenticacao"
            " USING (id_servidor_autenticacao) WHERE sta_tipo = 'AD'"
        )
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT chave_acesso FROM sistema")
        secret = hashlib.md5(PUBLIC_SECRET.encode()).hexdigest().encode()
        assert all(bcrypt.checkpw(secret, key.encode()) for (key,) in cursor.fetchall())
    with loaded.server.cursor(loaded.sei) as cursor:
        cursor.execute("SELECT nome FROM infra_parametro WHERE nome LIKE 'ABC\\_%%' ORDER BY nome")
        assert [name for (name,) in cursor.fetchall()] == [
            "ABC_ID_TIPO_CONTATO_UNIDADES",
            "ABC_ID_TIPO_CONTATO_USUARIOS",
        ]
        cursor.execute("SELECT sin_ativo FROM infra_agendamento_tarefa WHERE comando LIKE '%%testarAgendamento'")
        assert cursor.fetchone() == ("N",)


def test_places_of_the_programme_are_there(loaded: Loaded) -> None:
    with loaded.server.cursor(loaded.sei) as cursor:
        cursor.execute("SELECT COUNT(*) FROM cidade WHERE codigo_ibge IN %s", (PREFEITURAS,))
        assert cursor.fetchone() == (len(PREFEITURAS),)
        cursor.execute("SELECT COUNT(*), COUNT(DISTINCT id_uf) FROM cidade WHERE sin_capital = 'S'")
        assert cursor.fetchone() == (27, 27)


@pytest.mark.parametrize("database", DATABASES)
def test_technical_names_are_those_of_the_official_dump(
    loaded: Loaded, database: Database, official_dir: Path, make_database: Callable[[], str]
) -> None:
    """Code looks these rows up by name or id, so they must be the same ones."""
    lookups = {
        "sei": [
            "SELECT nome FROM infra_parametro",
            "SELECT comando, periodicidade_complemento, sin_ativo FROM infra_agendamento_tarefa",
            "SELECT id_usuario, sigla, sta_tipo, id_contato FROM usuario",
            "SELECT id_unidade, sigla, codigo_sei, id_contato FROM unidade",
            "SELECT id_uf, sigla, codigo_ibge FROM uf",
            "SELECT nome_tabela, num_atual FROM infra_sequencia",
        ],
        "sip": [
            "SELECT nome FROM infra_parametro",
            "SELECT comando, periodicidade_complemento, sin_ativo FROM infra_agendamento_tarefa",
            "SELECT id_perfil, id_sistema, nome FROM perfil",
            "SELECT id_sistema, id_hierarquia, sigla, servicos_liberados, crc FROM sistema",
            "SELECT id_unidade, sigla, sin_global FROM unidade",
            "SELECT id_usuario, sigla, sin_bloqueado FROM usuario",
            "SELECT id_perfil, id_sistema, id_usuario, id_unidade FROM permissao",
        ],
    }[database]
    official = make_database()
    loaded.server.load(getattr(find_reference(loaded.version, official_dir), database), official)
    for lookup in lookups:
        found = []
        for schema in (official, getattr(loaded, database)):
            with loaded.server.cursor(schema) as cursor:
                cursor.execute(lookup)
                found.append(set(cursor.fetchall()))
        assert found[0] == found[1], lookup
