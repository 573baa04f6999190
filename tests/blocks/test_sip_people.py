"""Units, users and permissions in SIP: applied whole or not at all, with counters that nobody overtakes."""

from datetime import date

import pytest

from blocks.users_channel import SqlChannel
from domain.change import Change
from domain.errors import IntegrityError
from domain.person import Person
from domain.spreadsheet_units import Unit, UnitTree
from domain.units_import import plan_units
from tests.blocks.instance import Databases
from tests.blocks.users import joining
from tests.domain.examples import make_person

TODAY = date(2026, 11, 23)
GABINETE = Unit(sigla="GAB", descricao="Gabinete do Prefeito")
SEMAD = Unit(sigla="SEMAD", descricao="Secretaria de Administração", superior="GAB")
PROTOCOLO = Unit(sigla="PROT", descricao="Protocolo Geral", superior="SEMAD")
TREE = (GABINETE, SEMAD, PROTOCOLO)


def apply_units(databases: Databases, *units: Unit) -> Change:
    plan = plan_units(UnitTree(units=units), databases.people.list_units())
    return databases.people.apply_units(plan, today=TODAY)


def apply_users(databases: Databases, *people: Person) -> Change:
    return SqlChannel(databases.server, databases.name).apply(joining(databases, *people), today=TODAY)


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


def test_profiles_are_those_of_sei_that_are_active(databases: Databases) -> None:
    databases.rows("sip", "UPDATE perfil SET sin_ativo = 'N' WHERE nome = 'Ouvidoria'")
    profiles = databases.users.profile_ids()
    assert profiles["Básico"] == 100000938
    assert {"Ouvidoria", "Administrador SIP"}.isdisjoint(profiles)


def test_people_who_were_not_replicated_yet_are_gaps_and_not_ready(with_units: Databases) -> None:
    apply_users(with_units, make_person(1))
    gaps = with_units.users.count_replication_gaps()
    assert gaps["usuários com permissão no SIP e sem usuário ativo no SEI"] == 1
    assert gaps["unidades da hierarquia que faltam no SEI"] == len(TREE)
    assert with_units.users.list_ready_logins() == set()
