"""SIP → SEI: rows as `sei.md` 2.7 describes, once and no more."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.change import Change
from domain.errors import IntegrityError
from lab.sei_standin.environments import Environment
from lab.sei_standin.replication import replicate_all_units, replicate_all_users
from tests.sei_standin.instance import CHILD_UNIT, ROOT_UNIT, SEI_HIERARCHY, Instance, at

MORNING = at("2026-11-23 06:00")
NEXT_DAY = at("2026-11-24 06:00")
NEW_UNIT = 110000004


def add_unit(instance: Instance, sigla: str = "SEMAD", id_unidade: int = NEW_UNIT, parent: int = ROOT_UNIT) -> None:
    instance.execute(
        "sip",
        "INSERT INTO unidade VALUES (%s, 0, %s, 'Secretaria de Administração', 'S', 'N', 'lotacao-1')",
        (id_unidade, sigla),
    )
    instance.execute(
        "sip",
        "INSERT INTO rel_hierarquia_unidade VALUES (%s, %s, %s, %s, '2026-01-01', NULL, 'S')",
        (id_unidade, SEI_HIERARCHY, SEI_HIERARCHY, parent),
    )


def unit(instance: Instance) -> dict[str, Any]:
    return instance.row(
        "sei",
        "SELECT u.*, c.sta_natureza, c.nome, c.id_tipo_contato, c.id_contato_associado, c.id_unidade_cadastro,"
        " c.id_usuario_cadastro FROM unidade u JOIN contato c USING (id_contato) WHERE u.id_unidade = %s",
        (NEW_UNIT,),
    )


def history(instance: Instance) -> list[tuple[Any, ...]]:
    rows = instance.rows(
        "sei", "SELECT * FROM unidade_historico WHERE id_unidade = %s ORDER BY dta_inicio, dta_fim", (NEW_UNIT,)
    )
    return [(row["sigla"], f"{row['dta_inicio']:%d/%m}", row["dta_fim"] and f"{row['dta_fim']:%d/%m}") for row in rows]


@pytest.fixture
def environment(instance: Instance) -> Environment:
    # The reference's own contatos are not named like their units; one run brings them into line.
    made = instance.load()
    replicate_all_units(made, MORNING)
    return made


def test_a_user_is_written_with_its_contact(any_version: Instance) -> None:
    person = any_version.add_person()
    assert replicate_all_users(any_version.load(), MORNING) == Change(created=1)
    row = any_version.row("sei", "SELECT * FROM usuario WHERE id_usuario = %s", (person.id_usuario,))
    assert (row["sigla"], row["nome"], row["sta_tipo"]) == (person.sigla, person.nome, "0")
    assert (row["id_origem"], row["idx_usuario"]) == ("mat-1", "maria.conceicao maria da conceicao araujo")
    contact = any_version.row("sei", "SELECT * FROM contato WHERE id_contato = %s", (row["id_contato"],))
    assert (contact["sta_natureza"], contact["id_tipo_contato"]) == ("F", 1)
    assert (contact["cpf"], contact["email"], contact["idx_contato"]) == (person.cpf, person.email, row["idx_usuario"])
    orgao = any_version.row("sei", "SELECT id_contato FROM orgao")
    assert contact["id_contato_associado"] == orgao["id_contato"]
    assert (contact["id_unidade_cadastro"], contact["id_usuario_cadastro"]) == (ROOT_UNIT, 2)


def test_a_second_run_changes_nothing(any_version: Instance) -> None:
    any_version.add_person()
    add_unit(any_version)
    environment = any_version.load()
    replicate_all_units(environment, MORNING)
    replicate_all_users(environment, MORNING)
    before = any_version.rows("sei", "SELECT * FROM contato ORDER BY id_contato")
    assert replicate_all_units(environment, NEXT_DAY) == Change(unchanged=4)
    assert replicate_all_users(environment, NEXT_DAY) == Change(unchanged=1)
    assert any_version.rows("sei", "SELECT * FROM contato ORDER BY id_contato") == before


def test_users_without_origin_are_left_out(instance: Instance) -> None:
    instance.add_person()
    instance.execute("sip", "UPDATE usuario SET id_origem = NULL")
    assert replicate_all_users(instance.load(), MORNING) == Change()


def test_a_changed_person_is_changed_in_sei(instance: Instance) -> None:
    person = instance.add_person()
    environment = instance.load()
    replicate_all_users(environment, MORNING)
    instance.execute("sip", "UPDATE usuario SET nome = 'Márcia Ávila', email = NULL WHERE sigla = %s", (person.sigla,))
    assert replicate_all_users(environment, NEXT_DAY) == Change(updated=1)
    row = instance.row(
        "sei",
        "SELECT u.nome, u.idx_usuario, c.nome AS contato, c.idx_contato, c.email FROM usuario u JOIN contato c"
        " USING (id_contato) WHERE u.id_usuario = %s",
        (person.id_usuario,),
    )
    assert (row["nome"], row["contato"]) == ("Márcia Ávila", "Márcia Ávila")
    assert row["idx_usuario"] == row["idx_contato"] == "maria.conceicao marcia avila"
    assert row["email"] == person.email  # nothing in SIP is no opinion
    assert replicate_all_users(environment, NEXT_DAY) == Change(unchanged=1)


def test_a_leaver_is_deactivated_in_sei_and_comes_back(instance: Instance) -> None:
    person = instance.add_person()
    environment = instance.load()
    replicate_all_users(environment, MORNING)
    for active in ("N", "S"):
        instance.execute("sip", "UPDATE usuario SET sin_ativo = %s WHERE sigla = %s", (active, person.sigla))
        assert replicate_all_users(environment, NEXT_DAY) == Change(updated=1)
        row = instance.row(
            "sei",
            "SELECT u.sin_ativo, c.sin_ativo AS contato FROM usuario u JOIN contato c USING (id_contato)"
            " WHERE u.id_usuario = %s",
            (person.id_usuario,),
        )
        assert row == {"sin_ativo": active, "contato": active}


def test_who_left_before_being_in_sei_is_not_brought_there(instance: Instance) -> None:
    instance.add_person()
    instance.execute("sip", "UPDATE usuario SET sin_ativo = 'N'")
    assert replicate_all_users(instance.load(), MORNING) == Change(unchanged=1)


def test_an_id_that_sei_uses_for_something_else_stops_everything(instance: Instance) -> None:
    instance.add_person()
    instance.execute("sip", "UPDATE usuario SET id_origem = 'sip' WHERE id_usuario = 1")
    with pytest.raises(IntegrityError, match="usuário 1 do SIP já existe no SEI com outro tipo"):
        replicate_all_users(instance.load(), MORNING)
    assert instance.rows("sei", "SELECT 1 FROM usuario WHERE id_origem = 'mat-1'") == []


def test_a_unit_is_written_with_its_contact_and_its_history(instance: Instance, environment: Environment) -> None:
    add_unit(instance)
    assert replicate_all_units(environment, MORNING) == Change(created=1, unchanged=3)
    row = unit(instance)
    assert (row["sigla"], row["descricao"], row["idx_unidade"]) == (
        "SEMAD",
        "Secretaria de Administração",
        "semad secretaria de administracao",
    )
    assert (row["sta_natureza"], row["id_tipo_contato"], row["nome"]) == ("J", 5, "Secretaria de Administração")
    assert (row["sin_ativo"], row["sin_envio_processo"], row["sin_protocolo"]) == ("S", "S", "N")
    assert (row["id_unidade_cadastro"], row["id_usuario_cadastro"]) == (ROOT_UNIT, 2)
    assert history(instance) == [("SEMAD", "23/11", None)]


def test_a_renamed_unit_gets_a_new_row_of_history(instance: Instance, environment: Environment) -> None:
    add_unit(instance)
    replicate_all_units(environment, MORNING)
    instance.execute("sip", "UPDATE unidade SET sigla = 'SEAD' WHERE id_unidade = %s", (NEW_UNIT,))
    assert replicate_all_units(environment, NEXT_DAY) == Change(updated=1, unchanged=3)
    assert history(instance) == [("SEMAD", "23/11", "23/11"), ("SEAD", "24/11", None)]
    instance.execute("sip", "UPDATE unidade SET sigla = 'SMAD' WHERE id_unidade = %s", (NEW_UNIT,))
    replicate_all_units(environment, NEXT_DAY)
    assert history(instance) == [("SEMAD", "23/11", "23/11"), ("SMAD", "24/11", None)]


def test_what_sei_decides_about_a_unit_stays(instance: Instance, environment: Environment) -> None:
    add_unit(instance)
    replicate_all_units(environment, MORNING)
    instance.execute(
        "sei", "UPDATE unidade SET codigo_sei = '07', sin_protocolo = 'S' WHERE id_unidade = %s", (NEW_UNIT,)
    )
    instance.execute("sip", "UPDATE unidade SET descricao = 'Outra' WHERE id_unidade = %s", (NEW_UNIT,))
    replicate_all_units(environment, NEXT_DAY)
    row = unit(instance)
    assert (row["codigo_sei"], row["sin_protocolo"], row["descricao"]) == ("07", "S", "Outra")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE unidade SET sin_ativo = 'N' WHERE id_unidade = 110000004",
        "UPDATE rel_hierarquia_unidade SET sin_ativo = 'N' WHERE id_unidade = 110000004",
        "UPDATE rel_hierarquia_unidade SET dta_fim = '2026-11-23' WHERE id_unidade = 110000004",
    ],
)
def test_a_unit_that_ended_in_sip_is_deactivated_in_sei(
    instance: Instance, environment: Environment, change: str
) -> None:
    add_unit(instance)
    replicate_all_units(environment, MORNING)
    instance.execute("sip", change)
    assert replicate_all_units(environment, NEXT_DAY) == Change(updated=1, unchanged=3)
    assert unit(instance)["sin_ativo"] == "N"


def test_the_global_unit_never_goes_to_sei(instance: Instance, environment: Environment) -> None:
    instance.execute(
        "sip",
        "INSERT INTO rel_hierarquia_unidade VALUES (110000000, %s, NULL, NULL, '2020-01-01', NULL, 'S')",
        (SEI_HIERARCHY,),
    )
    replicate_all_units(environment, MORNING)
    assert instance.rows("sei", "SELECT 1 FROM unidade WHERE sigla = '*'") == []


def test_two_replications_at_once_do_the_work_of_one(instance: Instance, environment: Environment) -> None:
    for number in range(1, 30):
        instance.add_person(f"pessoa{number}", number=number, in_directory=False)
    with ThreadPoolExecutor(3) as pool:
        changes = list(pool.map(lambda _: replicate_all_users(environment, MORNING), range(3)))
    assert sorted(change.created for change in changes) == [0, 0, 29]


def test_a_stale_parameter_of_the_old_acronym_is_named(instance: Instance) -> None:
    instance.add_person()
    instance.execute("sei", "UPDATE infra_parametro SET nome = REPLACE(nome, 'PMTESTE_', 'ABC_')")
    with pytest.raises(IntegrityError, match="PMTESTE_ID_TIPO_CONTATO_USUARIOS"):
        replicate_all_users(instance.load(), MORNING)


def test_ten_thousand_people_arrive_whole(instance: Instance, environment: Environment) -> None:
    people = [(100010000 + n, f"pessoa{n}", f"Pessoa {n}", f"mat{n}", f"Pessoa {n}") for n in range(10000)]
    with instance.cursor("sip") as cursor:
        cursor.executemany(
            "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, sin_ativo, id_origem, nome_registro_civil,"
            " sin_bloqueado) VALUES (%s, 0, %s, %s, 'S', %s, %s, 'N')",
            people,
        )
    assert replicate_all_users(environment, MORNING) == Change(created=10000)
    assert replicate_all_users(environment, MORNING) == Change(unchanged=10000)
    row = instance.row(
        "sei",
        "SELECT COUNT(*) AS people, COUNT(DISTINCT u.id_contato) AS contacts, MAX(c.id_contato) AS last FROM usuario u"
        " JOIN contato c USING (id_contato) WHERE u.id_usuario >= 100010000 AND c.nome = u.nome",
    )
    assert (row["people"], row["contacts"]) == (10000, 10000)
    assert row["last"] <= instance.row("sei", "SELECT MAX(id) AS id FROM seq_contato")["id"]


def test_units_that_were_not_in_the_hierarchy_stay_as_they_are(instance: Instance, environment: Environment) -> None:
    instance.execute("sip", "DELETE FROM rel_hierarquia_unidade WHERE id_unidade = %s", (CHILD_UNIT,))
    assert replicate_all_units(environment, NEXT_DAY) == Change(unchanged=2)
