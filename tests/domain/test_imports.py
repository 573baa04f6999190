"""What importing people and units would change."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from domain.person import Person
from domain.spreadsheet_units import UnitTree, read_unit_rows
from domain.units_import import ExistingUnit, plan_units
from domain.user_import import ExistingUser, plan_user_import
from tests.domain.examples import make_cpf, make_person, unit_row


def as_in_sip(person: Person, id_usuario: int, **changes: object) -> ExistingUser:
    user = ExistingUser(
        id_usuario=id_usuario,
        sigla=person.sigla,
        nome=person.nome,
        cpf=person.cpf,
        email=person.email,
        id_origem=person.id_origem,
    )
    return user.model_copy(update=changes)


def units_in_sip(tree: UnitTree) -> list[ExistingUnit]:
    return [
        ExistingUnit(id_unidade=number, sigla=unit.sigla, descricao=unit.descricao, superior=unit.superior)
        for number, unit in enumerate(tree.units, start=110_000_004)
    ]


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(1, 30)), st.sets(st.integers(1, 30)))
def test_people_are_split_into_new_known_and_leavers_and_importing_again_changes_nothing(
    wanted: set[int], known: set[int]
) -> None:
    people = [make_person(number) for number in sorted(wanted)]
    existing = [as_in_sip(make_person(number), 100_000_001 + number) for number in known]
    plan = plan_user_import(people, existing)
    assert {person.cpf for person in plan.create} == {make_cpf(number) for number in wanted - known}
    assert {match.person.cpf for match in plan.unchanged} == {make_cpf(number) for number in wanted & known}
    assert {user.cpf for user in plan.leavers} == {make_cpf(number) for number in known - wanted}

    after = existing + [as_in_sip(person, 200_000_000 + n) for n, person in enumerate(plan.create)]
    again = plan_user_import(people, after)
    assert (again.create, again.update, again.leavers) == ((), (), plan.leavers)


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ({"nome": "Outro Nome"}, ("nome",)),
        ({"email": None, "id_origem": None}, ("email", "id_origem")),
        ({"ativo": False}, ("ativo",)),
        ({"sigla": "login.antigo", "id_origem": "login.antigo"}, ("sigla", "id_origem")),
        ({"cpf": None}, ("cpf",)),
        ({"sigla": "PESSOA.1"}, ("sigla",)),
    ],
)
def test_a_known_person_is_updated_only_where_different(changes: dict[str, object], changed: tuple[str, ...]) -> None:
    person = make_person(1)
    (match,) = plan_user_import([person], [as_in_sip(person, 100_000_010, **changes)]).update
    assert (match.changed, match.existing.id_usuario) == (changed, 100_000_010)


def test_an_active_user_wins_over_an_inactive_one_of_the_same_person() -> None:
    person = make_person(1)
    active, inactive = as_in_sip(person, 100_000_011), as_in_sip(person, 100_000_010, ativo=False)
    for existing in ([active, inactive], [inactive, active]):
        (match,) = plan_user_import([person], existing).unchanged
        assert match.existing.id_usuario == 100_000_011


def test_system_accounts_are_neither_matched_nor_leavers() -> None:
    accounts = [
        ExistingUser(id_usuario=1, sigla="SIP", nome="SIP"),
        ExistingUser(id_usuario=100_000_001, sigla="teste", nome="Usuário de Testes"),
    ]
    assert plan_user_import([], accounts).leavers == ()


@pytest.mark.parametrize(
    ("existing", "message"),
    [
        ([as_in_sip(make_person(2), 100_000_010, sigla="pessoa.1")], "linha 14: o login já é de outra pessoa"),
        (
            [
                as_in_sip(make_person(1), 100_000_010, sigla="antigo"),
                as_in_sip(make_person(2), 100_000_011, sigla="PESSOA.1"),
            ],
            "linha 14: o CPF é de um usuário do SIP e o login é de outro",
        ),
    ],
)
def test_a_login_of_somebody_else_is_refused_by_row_without_values(existing: list[ExistingUser], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refusal:
        plan_user_import([make_person(1, linha=14)], existing)
    assert "pessoa.1" not in str(refusal.value)
    assert make_cpf(1) not in str(refusal.value)


def test_two_people_who_are_one_user_are_refused() -> None:
    existing = [as_in_sip(make_person(1), 100_000_010, cpf=None)]
    people = [make_person(1, linha=2), make_person(5, sigla="pessoa.1", linha=3)]
    with pytest.raises(InvalidInputError, match="linha 3: é o mesmo usuário do SIP que a linha 2"):
        plan_user_import(people, existing)


def test_an_existing_user_shows_no_personal_data() -> None:
    person = make_person(1)
    shown = repr(plan_user_import([person], [as_in_sip(person, 100_000_010, nome="Antigo")]))
    for value in (person.nome, person.cpf, person.email, person.sigla, "Antigo"):
        assert value not in shown


TREE = read_unit_rows([unit_row("GAB"), unit_row("SME", "GAB"), unit_row("ESCOLA", "SME")])


def test_units_already_there_are_left_alone() -> None:
    plan = plan_units(TREE, units_in_sip(TREE))
    assert (plan.missing, plan.changed, len(plan.present)) == ((), (), 3)


def test_missing_units_come_parents_first_and_units_of_others_are_not_touched() -> None:
    root, *_ = units_in_sip(TREE)
    test_unit = ExistingUnit(id_unidade=110_000_001, sigla="TESTE", descricao="Unidade de Teste 1")
    plan = plan_units(TREE, [test_unit, root])
    assert [unit.sigla for unit in plan.missing] == ["SME", "ESCOLA"]
    assert [match.wanted.sigla for match in plan.present] == ["GAB"]
    assert plan.changed == ()


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ({"descricao": "Outra"}, ("descricao",)),
        ({"superior": "GAB"}, ("superior",)),
        ({"superior": "sme"}, ()),
        ({"in_hierarchy": False}, ("superior",)),
        ({"ativo": False}, ("ativo",)),
        ({"sigla": "Escola"}, ("sigla",)),
    ],
)
def test_a_unit_is_changed_only_where_different(changes: dict[str, object], changed: tuple[str, ...]) -> None:
    *parents, school = units_in_sip(TREE)
    plan = plan_units(TREE, [*parents, school.model_copy(update=changes)])
    assert [match.changed for match in plan.changed] == ([changed] if changed else [])
