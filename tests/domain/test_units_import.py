"""What importing units would change."""

import pytest

from domain.spreadsheet_units import UnitTree, read_unit_rows
from domain.units_import import ExistingUnit, plan_units
from tests.domain.examples import unit_row


def units_in_sip(tree: UnitTree) -> list[ExistingUnit]:
    return [
        ExistingUnit(id_unidade=number, sigla=unit.sigla, descricao=unit.descricao, superior=unit.superior)
        for number, unit in enumerate(tree.units, start=110_000_004)
    ]


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
