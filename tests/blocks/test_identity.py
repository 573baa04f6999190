"""Nothing of the published órgão is left in an environment, of the reduced references and of the official ones."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.catalog import Catalog
from blocks.mariadb import MariaDBServer
from blocks.reference import find_reference
from blocks.rehearsal import rehearsing
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import IntegrityError
from domain.parameter import parameter_values
from domain.text import unaccent
from tests.blocks.instance import Databases, load

NAME = EnvironmentName(municipality="identidade", purpose=Purpose.TREINAMENTO)
SIGLA, DESCRICAO, TIMOTEO = "PM-TIMOTEO", "Prefeitura Municipal de Timóteo", "3168705"
FACTS = {"remetente": "sei@timoteo.mg.gov.br", "uf": "mg", "upload_mb": "50"}
# The órgão's published sigla as a word of its own, and each name that the dumps give it.
PUBLISHED = re.compile(r"\babc(?![a-z0-9])|\babc_|nome completo do orgao|orgao processo eletronico", re.IGNORECASE)
# Not the órgão's name: a street that the reference made up for its test units.
ADDRESSES = {("sei", "contato", "endereco")}


@pytest.fixture(scope="module", params=["4.0.0", "4.1.0", "4.0.0 oficial", "4.1.0 oficial"])
def reference(
    request: pytest.FixtureRequest, server: MariaDBServer, official_reference: Path | None
) -> Iterator[Databases]:
    """One load of a reference, official ones where the dumps are at hand."""
    version, _, official = request.param.partition(" ")
    if official and official_reference is None:
        pytest.skip("sem os dumps oficiais (IMPLANTA_REFERENCE_DIR)")
    made = Databases(server, NAME)
    load(made, find_reference(version, official_reference if official else None))
    made.remember()
    yield made
    made.drop()


@pytest.fixture
def fresh(reference: Databases) -> Iterator[Databases]:
    """Both databases as the reference has them."""
    yield reference
    reference.restore()


def version_of(databases: Databases) -> str:
    return str(databases.one("sei", "SELECT valor FROM infra_parametro WHERE nome = 'SEI_VERSAO'"))


def published_names(databases: Databases) -> set[tuple[str, str, str]]:
    """Every column of both databases that still tells the published órgão, whatever the table."""
    found = set()
    for database, schema in (("sei", NAME.database_sei), ("sip", NAME.database_sip)):
        columns = databases.rows(
            database,
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s"
            " AND data_type IN ('char', 'varchar', 'text', 'mediumtext', 'longtext')",
            (schema,),
        )
        query = " UNION ALL ".join(
            f"SELECT '{table}', '{column}', CONVERT(`{column}` USING utf8mb4) FROM `{table}`"
            f" WHERE `{column}` REGEXP 'abc|nome completo|processo eletr'"
            for table, column in columns
        )
        found |= {
            (database, table, column)
            for table, column, value in databases.rows(database, query)
            if PUBLISHED.search(unaccent(str(value)))
        }
    return found


def rename(databases: Databases) -> Change:
    return databases.sip.ensure_orgao(SIGLA, DESCRICAO) + databases.sei.ensure_orgao(SIGLA, DESCRICAO, TIMOTEO)


def test_no_column_of_either_database_tells_the_published_orgao_any_more(fresh: Databases) -> None:
    before = published_names(fresh)
    identity = {
        ("sip", "orgao", "sigla"),
        ("sei", "orgao", "sigla"),
        ("sei", "orgao", "idx_orgao"),
        ("sei", "orgao_historico", "sigla"),
        ("sei", "contato", "sigla"),
        ("sei", "contato", "idx_contato"),
        ("sei", "infra_parametro", "nome"),
        ("sei", "tipo_contato", "nome"),
    }
    assert identity <= before
    rename(fresh)
    assert published_names(fresh) <= ADDRESSES
    contents = fresh.contents()
    again = rename(fresh)
    assert (again.total, again.details) == (0, ())
    assert fresh.contents() == contents


def test_a_rehearsed_rename_tells_each_change_and_makes_none(fresh: Databases) -> None:
    before = fresh.contents()
    with rehearsing():
        rehearsed = rename(fresh)
    assert fresh.contents() == before
    assert rehearsed == rename(fresh)
    assert {
        "órgão no SIP, sigla: ABC → PM-TIMOTEO",
        "órgão no SEI, sigla: ABC → PM-TIMOTEO",
        "histórico do órgão, sigla: ABC → PM-TIMOTEO",
        "contato do órgão, sigla: ABC → PM-TIMOTEO",
        "parâmetro ABC_ID_TIPO_CONTATO_UNIDADES agora se chama PM-TIMOTEO_ID_TIPO_CONTATO_UNIDADES",
        "parâmetro ABC_ID_TIPO_CONTATO_USUARIOS agora se chama PM-TIMOTEO_ID_TIPO_CONTATO_USUARIOS",
        "tipo de contato de unidades, nome: Unidades ABC → Unidades PM-TIMOTEO",
        "tipo de contato de usuários, nome: Usuários ABC → Usuários PM-TIMOTEO",
    } <= set(rehearsed.details)


def test_what_a_rename_by_sql_left_behind_follows(fresh: Databases) -> None:
    for database in ("sei", "sip"):  # as the public container image does
        fresh.rows(database, "UPDATE orgao SET sigla = %s, descricao = %s", (SIGLA, DESCRICAO))
    rename(fresh)
    assert published_names(fresh) <= ADDRESSES


def test_drift_by_hand_in_the_orgaos_name_is_told_and_mended(fresh: Databases) -> None:
    rename(fresh)
    mended = fresh.contents()
    for statement, told in (
        ("UPDATE tipo_contato SET nome = 'Pessoas' WHERE id_tipo_contato = 1", "tipo de contato de usuários, nome"),
        ("UPDATE contato SET idx_contato = NULL WHERE sigla = 'PM-TIMOTEO'", "contato do órgão, idx_contato: vazio →"),
        ("UPDATE orgao_historico SET sigla = 'PMT'", "histórico do órgão, sigla: PMT → PM-TIMOTEO"),
        (
            "UPDATE infra_parametro SET nome = 'ABC_ID_TIPO_CONTATO_USUARIOS'"
            " WHERE nome = 'PM-TIMOTEO_ID_TIPO_CONTATO_USUARIOS'",
            "parâmetro ABC_ID_TIPO_CONTATO_USUARIOS agora se chama",
        ),
    ):
        fresh.rows("sei", statement)
        (detail,) = rename(fresh).details
        assert detail.startswith(told)
        assert fresh.contents() == mended
    fresh.rows("sei", "DELETE FROM orgao_historico")
    assert rename(fresh).details == ("histórico do órgão: período aberto incluído",)
    fresh.rows("sei", "DELETE FROM infra_parametro WHERE nome LIKE 'PM-TIMOTEO%%USUARIOS'")
    with pytest.raises(IntegrityError, match="PM-TIMOTEO_ID_TIPO_CONTATO_USUARIOS não existe"):
        rename(fresh)


def test_the_parameter_of_a_module_or_of_another_orgao_keeps_its_name(fresh: Databases) -> None:
    fresh.rows("sei", "INSERT INTO infra_parametro VALUES ('CM-TIMOTEO_ID_TIPO_CONTATO_USUARIOS', '1')")
    rename(fresh)
    assert fresh.one("sei", "SELECT COUNT(*) FROM infra_parametro WHERE nome LIKE 'CM-TIMOTEO%%'") == 1


def test_the_municipalities_that_the_references_lack_are_inserted_once_with_counted_ids(fresh: Databases) -> None:
    cities = Catalog().cities()
    with rehearsing():
        rehearsed = fresh.sei.ensure_cities(cities)
    assert fresh.one("sei", "SELECT COUNT(*) FROM cidade WHERE codigo_ibge = 5101837") == 0
    assert fresh.sei.ensure_cities(cities) == rehearsed
    assert rehearsed.created == 7
    assert "cidade Mojuí dos Campos (1504752) incluída" in rehearsed.details
    assert fresh.row(
        "sei",
        "SELECT c.nome, u.sigla, c.id_pais, c.sin_capital FROM cidade c JOIN uf u USING (id_uf)"
        " WHERE c.codigo_ibge = 1504752",
    ) == ("Mojuí dos Campos", "PA", 76, "N")
    assert fresh.one("sei", "SELECT MAX(id_cidade) FROM cidade") == fresh.one("sei", "SELECT MAX(id) FROM seq_cidade")
    assert fresh.sei.ensure_cities(cities) == Change(unchanged=7)


def test_a_reference_needs_three_switches_in_its_schedules_and_nothing_else(fresh: Databases) -> None:
    table, version = Catalog().schedules(), version_of(fresh)
    sei, sip = ([rule.of(version) for rule in rules] for rules in (table.sei, table.sip))
    with rehearsing():
        rehearsed = fresh.sei.ensure_schedules(sei) + fresh.sip.ensure_schedules(sip)
    done = fresh.sei.ensure_schedules(sei) + fresh.sip.ensure_schedules(sip)
    assert rehearsed == done
    assert done.details == (
        "tarefa agendada testarAgendamento, sin_ativo: N → S",
        "tarefa agendada replicarUnidadesHierarquiaSEI, sin_ativo: N → S",
        "tarefa agendada replicarTodosUsuariosSEI, sin_ativo: N → S",
    )
    known = {schedule.command for schedule in sei}
    assert known >= {command for (command,) in fresh.rows("sei", "SELECT comando FROM infra_agendamento_tarefa")}
    fresh.rows(
        "sip", "UPDATE infra_agendamento_tarefa SET periodicidade_complemento = '23' WHERE comando LIKE '%%Login'"
    )
    fresh.rows("sei", "UPDATE infra_agendamento_tarefa SET sin_ativo = 'N' WHERE comando LIKE '%%Solr'")
    drift = fresh.sei.ensure_schedules(sei) + fresh.sip.ensure_schedules(sip)
    assert drift.details == (
        "tarefa agendada otimizarIndicesSolr, sin_ativo: N → S",
        "tarefa agendada removerDadosLogin, periodicidade_complemento: 23 → 1",
    )


def test_parameters_are_set_from_the_catalogue_and_drift_is_told_from_old_to_new(fresh: Databases) -> None:
    table = Catalog().parameters()
    wanted = parameter_values(table.sei, Purpose.TREINAMENTO, FACTS, live=False)
    before = fresh.contents()
    with rehearsing():
        rehearsed = fresh.sei.ensure_parameters(wanted)
    assert fresh.contents() == before
    assert fresh.sei.ensure_parameters(wanted) == rehearsed
    assert "parâmetro SEI_TAM_MB_DOC_EXTERNO: 200 → 50" in rehearsed.details
    (email,) = [detail for detail in rehearsed.details if "SEI_EMAIL_SISTEMA" in detail]
    assert email.endswith(" → (endereço de timoteo.mg.gov.br)")
    assert "@" not in email
    assert fresh.sei.ensure_parameters(wanted).total == 0
    found: dict[str, str] = dict(fresh.rows("sei", "SELECT nome, valor FROM infra_parametro"))
    assert {name: found[name] for name in wanted.keys() & found.keys()} == {
        name: value for name, value in wanted.items() if name in found
    }
    fresh.rows("sei", "UPDATE infra_parametro SET valor = NULL WHERE nome = 'SEI_WS_NUM_MAX_DOCS'")
    assert fresh.sei.ensure_parameters(wanted).details == ("parâmetro SEI_WS_NUM_MAX_DOCS: vazio → 5",)
