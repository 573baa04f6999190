"""The tree of units."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from domain.spreadsheet_units import UnitTree, read_unit_rows
from tests.domain.examples import unit_row


def test_parents_come_first_whatever_the_order_of_the_rows() -> None:
    rows = [unit_row("ESCOLA", "sme"), unit_row("SME", "Gab"), unit_row("GAB"), unit_row("SEMAD", "GAB")]
    tree = read_unit_rows(rows)
    assert [unit.sigla for unit in tree.units] == ["GAB", "SME", "SEMAD", "ESCOLA"]
    assert [unit.superior for unit in tree.units] == [None, "GAB", "GAB", "SME"]
    assert tree.siglas == {"GAB", "SME", "SEMAD", "ESCOLA"}


@settings(max_examples=50, deadline=None)
@given(st.data(), st.integers(1, 12))
def test_any_tree_in_any_order_comes_back_whole_with_parents_first(data: st.DataObject, size: int) -> None:
    rows = [unit_row("U0")]
    rows += [unit_row(f"U{n}", f"U{data.draw(st.integers(0, n - 1))}") for n in range(1, size)]
    tree = read_unit_rows(data.draw(st.permutations(rows)))
    seen: set[str | None] = {None}
    for unit in tree.units:
        assert unit.superior in seen
        seen.add(unit.sigla)
    assert len(tree.units) == size


@settings(max_examples=50, deadline=None)
@given(st.data(), st.integers(2, 8))
def test_a_cycle_anywhere_is_refused(data: st.DataObject, size: int) -> None:
    cycle = [unit_row(f"C{n}", f"C{(n + 1) % size}") for n in range(size)]
    rows = data.draw(st.permutations([unit_row("RAIZ"), unit_row("FOLHA", "C0"), *cycle]))
    with pytest.raises(InvalidInputError, match="subordinada a si mesma"):
        read_unit_rows(rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([unit_row("GAB"), unit_row("SME", "SEM")], "linha 3: a unidade superior 'SEM' não está na planilha"),
        ([unit_row("GAB"), unit_row("SME")], "só uma unidade, a raiz.*linha 2 e 3"),
        ([unit_row("GAB", "SME"), unit_row("SME", "GAB")], "falta a raiz"),
        ([unit_row("GAB"), unit_row("gáb", "GAB")], r"linha 2: sigla repetida \(também na linha 3\)"),
        ([unit_row("")], "linha 2: falta o campo sigla"),
        ([unit_row("GAB", descricao="")], "falta o campo descricao"),
        ([unit_row("X" * 31)], "campo sigla não pode ser gravado: tem 31 caracteres e o SEI aceita 30"),
        ([unit_row("GAB", descricao="x" * 251)], "campo descricao não pode ser gravado: tem 251"),
        ([unit_row("GAB", email=f"{'a' * 45}@x.org")], "campo email não pode ser gravado: tem 51"),
        ([unit_row("GAB", email="gabinete")], "o e-mail não é válido"),
        ([unit_row("GAB", descricao="Seção Ω")], "campo descricao.*U\\+03A9"),
        ([unit_row("Teste")], "a sigla Teste é reservada"),
        ([unit_row("*")], "reservada"),
        ([unit_row("", descricao="")], "nenhuma linha preenchida"),
    ],
)
def test_a_tree_that_sei_could_not_hold_is_refused(rows: list[dict[str, str]], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read_unit_rows(rows)


def test_every_problem_is_told_at_once_with_its_row() -> None:
    rows = [unit_row("GAB"), unit_row("A", "X"), unit_row("B", "GAB", email="?"), unit_row("TESTE", "GAB")]
    with pytest.raises(InvalidInputError) as refusal:
        read_unit_rows(rows)
    message = str(refusal.value)
    assert "3 problemas" in message
    assert all(f"linha {number}:" in message for number in (3, 4, 5))


def test_an_email_is_optional() -> None:
    tree = read_unit_rows([unit_row("GAB", email="gab@x.org"), unit_row("SME", "GAB")])
    assert isinstance(tree, UnitTree)
    assert [unit.email for unit in tree.units] == ["gab@x.org", None]
