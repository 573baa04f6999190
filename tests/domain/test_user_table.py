"""One person more in a prefeitura's spreadsheet, whatever its columns, delimiter and encoding."""

import pytest

from domain.errors import InvalidInputError
from domain.user_table import Column, parse_user_table, with_person
from tests.domain.examples import CATALOG, make_cpf

RULE = CATALOG.users_sheet()
ANA: dict[Column, str] = {
    "nome": 'Ana; "Lima"',
    "cpf": make_cpf(7),
    "email": "ana@x.example",
    "login": "ana.lima",
    "unidade": "SEMAD",
    "perfil": "Básico",
}
SEMICOLONS = "nome;cpf;email;login;unidade;perfil\nJosé;1;j@x.example;jose;SEMAD;Básico\n"
COMMAS = (
    "Prefeitura de Teste,,,,,\nlogin,observação,perfil,unidade,email,cpf,nome\njose,,Básico,SEMAD,j@x.example,1,José"
)


@pytest.mark.parametrize(
    "content", [SEMICOLONS.encode(), SEMICOLONS.encode("cp1252"), COMMAS.encode(), COMMAS.encode() + b"\n\n"]
)
def test_the_person_stands_in_the_last_row_and_everybody_else_stays(content: bytes) -> None:
    before = parse_user_table(content, "usuarios.csv", RULE)
    after = parse_user_table(with_person(content, "usuarios.csv", RULE, ANA), "usuarios.csv", RULE)
    *others, (_, last) = after.rows
    assert [before.values(cells) for _, cells in before.rows] == [after.values(cells) for _, cells in others]
    values = after.values(last)
    assert {column: values[column] for column in ANA} == ANA


def test_who_is_in_it_already_is_not_added_again() -> None:
    once = with_person(SEMICOLONS.encode(), "usuarios.csv", RULE, ANA)
    assert with_person(once, "usuarios.csv", RULE, {**ANA, "login": "ana.lima "}) == once


def test_another_person_by_the_same_login_or_a_missing_column_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="já tem este login"):
        with_person(SEMICOLONS.encode(), "usuarios.csv", RULE, {**ANA, "login": "JOSE"})
    with pytest.raises(InvalidInputError, match="não tem a coluna matricula"):
        with_person(SEMICOLONS.encode(), "usuarios.csv", RULE, {**ANA, "matricula": "1"})
