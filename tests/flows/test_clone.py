"""A copy of production tells nothing of anybody, and works: every text of both databases is looked at."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretBytes
from typer.testing import CliRunner

from blocks.neutralise import Neutraliser, find_leftovers
from blocks.rehearsal import rehearsing
from cli.__main__ import app
from domain.change import Change
from domain.environment import Purpose
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.lifecycle import STAGE_FINISHED, Stage
from domain.masking import PLACEHOLDER, PLACEHOLDER_FILE, Pseudonyms
from flows.clone_environment import clone_environment
from flows.create_environment import create_environment
from registry import Registry
from tasks import clone, doors
from tasks.instance import CLONED, Instance, load_instance
from tasks.live import LIVE
from tests.cli.examples import example_of
from tests.flows.conftest import Join
from tests.flows.planted import (
    CITIZEN,
    FORBIDDEN,
    INCLUDED_AT,
    PUBLIC_FILE,
    SERVANTS,
    plant,
    plant_accounts,
    plant_module,
)

BEFORE_PRODUCTION = (Stage.ENVIRONMENT_TRAINING, Stage.SEEDING, Stage.USERS, Stage.TRAINING)


@pytest.fixture(scope="module")
def production(join: Join, registry: Registry) -> Instance:
    """A production environment that people have worked in."""
    municipality = join("3102506", "Amparo do Serra")
    for stage in BEFORE_PRODUCTION:
        registry.record_event(
            STAGE_FINISHED, ibge=municipality.ibge, actor="teste", details={"stage": stage.value}, key=f"clone-{stage}"
        )
    create_environment(municipality.slug, Purpose.PRODUCAO)
    instance = load_instance(f"{municipality.slug}-producao")
    plant(instance)
    plant_module(instance)
    plant_accounts(instance)
    # It is live: a module's tables are then its own business, in the certificate of its copies too.
    registry.record_event(
        LIVE, ibge=municipality.ibge, environment=instance.name.slug, actor="teste", details={}, key="clone-aberta"
    )
    return instance


def texts(instance: Instance, schema: str) -> Iterator[tuple[str, str]]:
    """Every value of every text and number column of a schema, as (table.column, text)."""
    with instance.server.transaction(schema) as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s", (schema,)
        )
        for table, column in cursor.fetchall():
            cursor.execute(f"SELECT DISTINCT CAST(`{column}` AS CHAR) FROM `{table}` WHERE `{column}` IS NOT NULL")
            for (value,) in cursor.fetchall():
                yield f"{table}.{column}", str(value)


def found_in(instance: Instance, words: tuple[str, ...] = FORBIDDEN) -> set[str]:
    """Where one of the words is, in either database."""
    places = set()
    for schema in (instance.name.database_sei, instance.name.database_sip):
        for place, value in texts(instance, schema):
            folded = value.casefold()
            places |= {f"{place}: {word}" for word in words if word.casefold() in folded or word in value}
            # As numbers, leading zeros are lost.
            if place.endswith(".cpf") and int(value) in {person[3] for person in SERVANTS} | {CITIZEN[3]}:
                places.add(place)
    return places


def rows(instance: Instance, schema: str, query: str) -> list[tuple[object, ...]]:
    with instance.server.transaction(schema) as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def test_the_search_itself_finds_what_was_planted(production: Instance) -> None:
    places = {place.partition(":")[0] for place in found_in(production)}
    assert {"usuario.nome", "contato.email", "documento_conteudo.conteudo", "assinatura.cpf", "anexo.nome"} <= places
    assert {"infra_auditoria.operacao", "usuario_historico.motivo", "protocolo.descricao"} <= places


def test_a_copy_holds_nothing_of_anybody_and_works(
    production: Instance, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    source, target = production.name.slug, f"{production.municipality.slug}-homologacao"
    words = {"timoteo-producao": source, "timoteo-homologacao": target}
    outcome = CliRunner().invoke(app, example_of("environment clone", words))
    assert outcome.exit_code == 0, outcome.stderr
    assert f"{target}: cópia neutralizada de {source}; " in outcome.stdout
    assert outcome.stdout.count("\n  ") > 1, "what was proved is told"
    copy = load_instance(target)
    assert found_in(copy) == set()
    schema = copy.name.database_sei
    assert rows(copy, schema, "SELECT COUNT(*) FROM protocolo") == [(6,)]
    assert rows(copy, schema, "SELECT DISTINCT conteudo FROM documento_conteudo") == [(PLACEHOLDER,)]
    assert rows(copy, schema, "SELECT COUNT(*) FROM md_pen_parametro") == [(0,)]
    users = "SELECT id_usuario, nome, sigla FROM usuario WHERE id_usuario > 100000500 ORDER BY id_usuario"
    in_sei = rows(copy, schema, users)
    assert in_sei == rows(copy, copy.name.database_sip, users), "one person has one pseudonym everywhere"
    signed = rows(copy, schema, "SELECT DISTINCT nome FROM assinatura")
    assert signed == [(in_sei[0][1],)]
    assert rows(copy, schema, "SELECT sin_ativo, senha FROM usuario WHERE sta_tipo = '3'") == [("N", None)]
    active = rows(copy, schema, "SELECT comando FROM infra_agendamento_tarefa WHERE sin_ativo = 'S'")
    assert active == [("AgendamentoRN::testarAgendamento",)]
    servers = rows(copy, copy.name.database_sip, "SELECT nome, senha_pesquisa IS NULL FROM servidor_autenticacao")
    assert (target, 0) in servers
    assert all(empty for name, empty in servers if name != target)
    root = Path(doors.runtime().repository_path(copy.name))
    assert {path.read_bytes() for path in root.rglob("*") if path.is_file()} == {PLACEHOLDER_FILE}
    assert doors.runtime().health(copy.name).serving
    assert copy.sip.accepts(doors.environment_secrets(target).access_keys())
    assert not [word for word in FORBIDDEN if word in caplog.text]
    (told,) = registry.events(ibge=copy.municipality.ibge, kinds=[CLONED])
    assert told.details == {"source": source, "with_documents": False}
    assert not copy.server.list_databases("implanta_copia")
    assert found_in(production), "the source is untouched"

    with pytest.raises(GateClosedError, match="2 em procedimento"):
        clone_environment(source, target)
    with rehearsing():
        planned = clone_environment(source, target, confirmation=target)
    assert any("substituídos por cópia neutralizada" in detail for detail in planned.change.details)

    # People whom the target already knows keep their login; the text of public documents stays when asked for.
    plant_accounts(copy)
    clone_environment(source, target, confirmation=target, with_documents=True)
    logins = {row[0] for row in rows(copy, copy.name.database_sip, "SELECT sigla FROM usuario")}
    assert {login for _, login, *_ in SERVANTS} <= logins
    bodies = rows(copy, schema, "SELECT id_documento, conteudo FROM documento_conteudo ORDER BY 1")
    assert [body == PLACEHOLDER for _, body in bodies] == [False, False, True, True]
    day = root / f"{INCLUDED_AT:%Y/%m/%d}"
    assert (day / "9001").read_bytes() == PUBLIC_FILE
    assert (day / "9002").read_bytes() == PLACEHOLDER_FILE


def test_a_copy_that_still_tells_something_never_reaches_the_target(
    production: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"{production.municipality.slug}-homologacao"
    copy = load_instance(target)
    before = rows(copy, copy.name.database_sei, "SELECT COUNT(*), MIN(conteudo) FROM documento_conteudo")
    monkeypatch.setattr(Neutraliser, "run", lambda self: Change())
    with pytest.raises(IntegrityError, match=r"sei\.contato\.email") as failure:
        clone_environment(production.name.slug, target, confirmation=target)
    assert not [word for word in FORBIDDEN if word in str(failure.value)]
    assert rows(copy, copy.name.database_sei, "SELECT COUNT(*), MIN(conteudo) FROM documento_conteudo") == before
    assert not copy.server.list_databases("implanta_copia")
    assert find_leftovers(copy.server, {"sei": copy.name.database_sei, "sip": copy.name.database_sip}) is not None


@pytest.mark.parametrize(
    ("source", "target", "problem"),
    [
        ("amparo-do-serra-producao", "timoteo-treinamento", "municípios diferentes"),
        ("amparo-do-serra-treinamento", "amparo-do-serra-producao", "vai da produção"),
        ("amparo-do-serra-homologacao", "amparo-do-serra-treinamento", "vai da produção"),
    ],
)
def test_only_production_is_copied_and_never_over_production(source: str, target: str, problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        clone.judge_clone.fn(source, target, None)


def test_pseudonyms_of_one_key_agree() -> None:
    one, other = Pseudonyms(SecretBytes(b"a" * 32)), Pseudonyms(SecretBytes(b"b" * 32))
    assert one.name("Ana  Lima") == one.name("ANA LIMA") != other.name("Ana Lima")
