"""Units, users and permissions in SIP: applied whole or not at all, with counters that nobody overtakes."""

from datetime import date

import pytest

from blocks.sip import SEI_SYSTEM_ID
from domain.change import Change
from domain.errors import ImplantaError, IntegrityError
from domain.person import Person
from domain.spreadsheet_units import Unit, UnitTree
from domain.units_import import plan_units
from domain.user_import import plan_user_import
from tests.blocks.instance import Databases
from tests.domain.examples import make_cpf, make_person

TODAY = date(2026, 11, 23)
GABINETE = Unit(sigla="GAB", descricao="Gabinete do Prefeito")
SEMAD = Unit(sigla="SEMAD", descricao="Secretaria de Administração", superior="GAB")
PROTOCOLO = Unit(sigla="PROT", descricao="Protocolo Geral", superior="SEMAD")
TREE = (GABINETE, SEMAD, PROTOCOLO)


def apply_units(databases: Databases, *units: Unit) -> Change:
    plan = plan_units(UnitTree(units=units), databases.people.list_units())
    return databases.people.apply_units(plan, today=TODAY)


def apply_users(databases: Databases, *people: Person) -> Change:
    return databases.people.apply_users(plan_user_import(people, databases.people.list_users()), today=TODAY)


def parents(databases: Databases) -> dict[str, str | None]:
    wanted = {unit.sigla for unit in TREE}
    return {unit.sigla: unit.superior for unit in databases.people.list_units() if unit.sigla in wanted}


def require_counters_not_behind(databases: Databases) -> None:
    for table in ("unidade", "usuario"):
        ahead = databases.one(
            "sip",
            f"SELECT num_atual - (SELECT MAX(id_{table}) FROM {table}) FROM infra_sequencia WHERE nome_tabela = %s",
            (table,),
        )
        assert ahead >= 0, table


def require_reveals_nobody(error: ImplantaError, *people: Person) -> None:
    text = repr(error) + str(error) + repr(error.__cause__)
    for person in people:
        for value in (person.nome, person.sigla, person.email, person.cpf, str(int(person.cpf))):
            assert value not in text


@pytest.fixture
def with_units(databases: Databases) -> Databases:
    """The prefeitura's units are in SIP; nobody is yet."""
    apply_units(databases, *TREE)
    return databases


def test_the_tree_of_units_is_created_and_again_changes_nothing(databases: Databases) -> None:
    assert apply_units(databases, *TREE) == Change(created=3)
    assert parents(databases) == {"GAB": None, "SEMAD": "GAB", "PROT": "SEMAD"}
    require_counters_not_behind(databases)
    before = databases.contents()
    assert apply_units(databases, *TREE) == Change(unchanged=3)
    assert databases.contents() == before


def test_a_unit_is_renamed_and_moved_and_keeps_its_id(with_units: Databases) -> None:
    ids = {unit.sigla: unit.id_unidade for unit in with_units.people.list_units()}
    moved = PROTOCOLO.model_copy(update={"descricao": "Protocolo e Arquivo", "superior": "GAB"})
    assert apply_units(with_units, GABINETE, SEMAD, moved) == Change(updated=1, unchanged=2)
    (found,) = [unit for unit in with_units.people.list_units() if unit.sigla == "PROT"]
    assert (found.id_unidade, found.descricao, found.superior) == (ids["PROT"], "Protocolo e Arquivo", "GAB")


def test_a_new_unit_goes_under_a_parent_that_comes_back_to_life_in_the_same_run(with_units: Databases) -> None:
    with_units.rows("sip", "UPDATE unidade SET sin_ativo = 'N' WHERE sigla = 'SEMAD'")
    compras = Unit(sigla="COMP", descricao="Compras", superior="SEMAD")
    apply_units(with_units, *TREE, compras)
    assert {unit.sigla: unit.superior for unit in with_units.people.list_units()}["COMP"] == "SEMAD"
    assert apply_units(with_units, *TREE, compras).total == 0


def test_a_new_unit_goes_under_a_parent_that_was_outside_the_hierarchy(with_units: Databases) -> None:
    with_units.rows(
        "sip",
        "INSERT INTO unidade (id_unidade, id_orgao, sigla, descricao, sin_ativo, sin_global)"
        " VALUES (150000000, 0, 'SEMED', 'Secretaria de Educação', 'S', 'N')",
    )
    semed = Unit(sigla="SEMED", descricao="Secretaria de Educação", superior="GAB")
    escola = Unit(sigla="ESC", descricao="Escola Municipal", superior="SEMED")
    assert apply_units(with_units, *TREE, semed, escola) == Change(created=1, updated=1, unchanged=3)
    assert {unit.sigla: unit.superior for unit in with_units.people.list_units()}["ESC"] == "SEMED"
    assert apply_units(with_units, *TREE, semed, escola).total == 0


def test_a_retired_unit_ends_in_sip_and_in_the_hierarchy_and_comes_back(with_units: Databases) -> None:
    units = with_units.people.list_units()
    (gone,) = [unit for unit in units if unit.sigla == "PROT"]
    plan = plan_units(UnitTree(units=(GABINETE, SEMAD)), units)
    assert with_units.people.apply_units(plan, retired=[gone], today=TODAY) == Change(removed=1, unchanged=2)
    assert with_units.row(
        "sip",
        "SELECT u.sin_ativo, h.sin_ativo, h.dta_fim = %s FROM unidade u"
        " JOIN rel_hierarquia_unidade h USING (id_unidade) WHERE u.sigla = 'PROT'",
        (TODAY,),
    ) == ("N", "N", 1)
    (found,) = [unit for unit in with_units.people.list_units() if unit.sigla == "PROT"]
    assert (found.ativo, found.in_hierarchy) == (False, False)
    assert apply_units(with_units, *TREE) == Change(updated=1, unchanged=2)
    assert parents(with_units) == {"GAB": None, "SEMAD": "GAB", "PROT": "SEMAD"}


def test_only_active_people_with_a_permission_in_force_are_counted_in_a_unit(with_units: Databases) -> None:
    people = [make_person(number, unidades=("PROT",)) for number in (1, 2, 3)]
    apply_users(with_units, *people)
    with_units.rows("sip", "UPDATE usuario SET sin_ativo = 'N' WHERE sigla = %s", (people[0].sigla,))
    with_units.rows(
        "sip",
        "UPDATE permissao p JOIN usuario u USING (id_usuario) SET p.dta_fim = '2020-01-01' WHERE u.sigla = %s",
        (people[1].sigla,),
    )
    ids = {unit.sigla: unit.id_unidade for unit in with_units.people.list_units()}
    counts = with_units.people.count_people_by_unit()
    assert counts[ids["PROT"]] == 1
    assert ids["SEMAD"] not in counts


def test_a_unit_whose_id_is_taken_leaves_nothing_half_applied(databases: Databases) -> None:
    third = databases.one("sip", "SELECT num_atual + 3 FROM infra_sequencia WHERE nome_tabela = 'unidade'")
    databases.rows(
        "sip",
        "INSERT INTO unidade (id_unidade, id_orgao, sigla, descricao, sin_ativo, sin_global)"
        " VALUES (%s, 0, 'ANTIGA', 'Criada sem o contador', 'S', 'N')",
        (third,),
    )
    before = databases.contents()
    with pytest.raises(IntegrityError, match=r"violar uma chave \(erro 1062\)") as refusal:
        apply_units(databases, *TREE)
    assert databases.contents() == before
    assert "PROT" not in str(refusal.value)


def test_users_are_created_with_their_permissions_and_again_changes_nothing(with_units: Databases) -> None:
    people = [
        make_person(1, cpf=make_cpf(12_345_678), matricula="0042"),
        make_person(2, unidades=("prot", "SEMAD"), perfis=("Básico", "Arquivamento")),
    ]
    assert apply_users(with_units, *people) == Change(created=2 + 5)
    require_counters_not_behind(with_units)
    assert with_units.rows(
        "sip",
        "SELECT u.sigla, u.cpf, u.id_origem, u.sin_bloqueado, n.sigla, f.nome, p.dta_fim, p.sin_subunidades"
        " FROM permissao p JOIN usuario u USING (id_usuario) JOIN unidade n USING (id_unidade)"
        " JOIN perfil f ON f.id_perfil = p.id_perfil AND f.id_sistema = p.id_sistema"
        " WHERE p.id_sistema = %s AND u.sigla <> 'teste' ORDER BY u.sigla, n.sigla, f.nome",
        (SEI_SYSTEM_ID,),
    ) == [
        ("pessoa.1", int(people[0].cpf), "0042", "N", "SEMAD", "Básico", None, "N"),
        ("pessoa.2", int(people[1].cpf), "pessoa.2", "N", "PROT", "Arquivamento", None, "N"),
        ("pessoa.2", int(people[1].cpf), "pessoa.2", "N", "PROT", "Básico", None, "N"),
        ("pessoa.2", int(people[1].cpf), "pessoa.2", "N", "SEMAD", "Arquivamento", None, "N"),
        ("pessoa.2", int(people[1].cpf), "pessoa.2", "N", "SEMAD", "Básico", None, "N"),
    ]
    found = {user.sigla: user.cpf for user in with_units.people.list_users()}
    assert found["pessoa.1"] == people[0].cpf, "the zeros that a number loses come back"
    before = with_units.contents()
    assert apply_users(with_units, *people) == Change(unchanged=2 + 5)
    assert with_units.contents() == before


def test_a_person_who_comes_back_with_another_name_is_the_same_user(with_units: Databases) -> None:
    apply_users(with_units, make_person(1))
    (user_id,) = with_units.row("sip", "SELECT id_usuario FROM usuario WHERE sigla = 'pessoa.1'")
    with_units.rows("sip", "UPDATE usuario SET sin_ativo = 'N' WHERE id_usuario = %s", (user_id,))
    assert apply_users(with_units, make_person(1, nome="Pessoa Casada de Teste", sigla="pessoa.casada")) == Change(
        updated=1, unchanged=1
    )
    assert with_units.row("sip", "SELECT sigla, nome, sin_ativo FROM usuario WHERE id_usuario = %s", (user_id,)) == (
        "pessoa.casada",
        "Pessoa Casada de Teste",
        "S",
    )


def test_a_permission_that_somebody_ended_on_purpose_stays_ended(with_units: Databases) -> None:
    apply_users(with_units, make_person(1))
    with_units.rows(
        "sip",
        "UPDATE permissao p JOIN usuario u USING (id_usuario) SET p.dta_fim = '2026-01-31' WHERE u.sigla = 'pessoa.1'",
    )
    assert apply_users(with_units, make_person(1)).total == 0
    assert with_units.rows(
        "sip", "SELECT p.dta_fim IS NULL FROM permissao p JOIN usuario u USING (id_usuario) WHERE u.sigla = 'pessoa.1'"
    ) == [(0,)]


def test_a_login_taken_since_the_plan_was_made_leaves_nothing_half_applied(with_units: Databases) -> None:
    first, second = make_person(1), make_person(2, nome="Fulana Sigilosa da Silva")
    plan = plan_user_import([first, second], with_units.people.list_users())
    with_units.rows(
        "sip",
        "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, nome_registro_civil, sin_ativo, sin_bloqueado)"
        " VALUES (150000000, 0, 'PESSOA.2', 'Outra', 'Outra', 'S', 'N')",
    )
    before = with_units.contents()
    with pytest.raises(IntegrityError, match=r"violar uma chave \(erro 1062\)") as refusal:
        with_units.people.apply_users(plan, today=TODAY)
    assert with_units.contents() == before
    require_reveals_nobody(refusal.value, first, second)


def test_a_name_that_the_database_cannot_hold_leaves_nothing_half_applied(with_units: Databases) -> None:
    first, second = make_person(1), make_person(2, nome="Fulana Sigilosa → Silva")
    before = with_units.contents()
    with pytest.raises(ImplantaError, match="cp1252") as refusal:
        apply_users(with_units, first, second)
    assert with_units.contents() == before
    require_reveals_nobody(refusal.value, first, second)


@pytest.mark.parametrize(
    "gone", [make_person(2, unidades=("SEMAD", "EXTINTA")), make_person(2, perfis=("Básico", "Perfil Extinto"))]
)
def test_a_unit_or_profile_that_left_since_the_plan_was_made_is_told_and_nothing_is_applied(
    with_units: Databases, gone: Person
) -> None:
    before = with_units.contents()
    with pytest.raises(ImplantaError, match=r"EXTINTA|Perfil Extinto") as refusal:
        apply_users(with_units, make_person(1), gone)
    assert with_units.contents() == before
    require_reveals_nobody(refusal.value, make_person(1), make_person(2))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("DELETE FROM infra_sequencia WHERE nome_tabela = 'usuario'", "Contador usuario não existe"),
        ("UPDATE infra_sequencia SET num_maximo = num_atual + 1 WHERE nome_tabela = 'usuario'", "Contador .* esgotado"),
    ],
)
def test_a_counter_that_is_gone_or_used_up_stops_the_import(with_units: Databases, damage: str, message: str) -> None:
    with_units.rows("sip", damage)
    before = with_units.contents()
    with pytest.raises(IntegrityError, match=message):
        apply_users(with_units, make_person(1), make_person(2))
    assert with_units.contents() == before


def test_profiles_are_those_of_sei_that_are_active(databases: Databases) -> None:
    databases.rows("sip", "UPDATE perfil SET sin_ativo = 'N' WHERE nome = 'Ouvidoria'")
    profiles = databases.people.profile_ids()
    assert profiles["Básico"] == 100000938
    assert {"Ouvidoria", "Administrador SIP"}.isdisjoint(profiles)


def test_people_who_were_not_replicated_yet_are_gaps_and_not_ready(with_units: Databases) -> None:
    apply_users(with_units, make_person(1))
    gaps = with_units.people.count_replication_gaps()
    assert gaps["usuários com permissão no SIP e sem usuário ativo no SEI"] == 1
    assert gaps["unidades da hierarquia que faltam no SEI"] == len(TREE)
    assert with_units.people.list_ready_logins() == set()
