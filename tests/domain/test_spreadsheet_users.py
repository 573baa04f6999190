"""Which rows of the users' spreadsheet become people."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from domain.plan import Plan, choose_plan
from domain.spreadsheet import MERGED_CELL
from domain.spreadsheet_users import UserSheet, read_user_rows
from domain.user_table import UserTable
from tests.domain.examples import PLANS, make_cpf, make_table, user_row

UNITS = {"SEMAD", "SEMFAZ", "Educação"}
PROFILES = {"Básico", "Administrador", "Informática", "Colaborador (Básico sem Assinatura)"}


def read(*rows: dict[str, str], plan: Plan | None = None) -> UserSheet:
    return judge(make_table(*rows), plan)


def judge(table: UserTable, plan: Plan | None = None) -> UserSheet:
    return read_user_rows(table, units=UNITS, profiles=PROFILES, plan=plan or choose_plan(91_268, PLANS), plans=PLANS)


def reasons(*rows: dict[str, str]) -> dict[int, str]:
    return {rejected.linha: "; ".join(rejected.reasons) for rejected in read(*rows).rejected}


def test_a_good_row_becomes_a_person_of_the_environment() -> None:
    row = user_row(5, nome="  José  da Silva ", unidade="educacao", perfil="administrador, BASICO", login="Jose.Silva")
    (person,) = read(row).accepted
    assert (person.nome, person.sigla, person.unidades, person.perfis, person.linhas) == (
        "José da Silva",
        "jose.silva",
        ("Educação",),
        ("Administrador", "Básico"),
        (2,),
    )
    assert person.matricula is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (user_row(nome=""), "falta o campo nome"),
        (user_row(nome="x" * 101), "campo nome não pode ser gravado: tem 101 caracteres e o SEI aceita 100"),
        (user_row(nome="Łukasz"), "campo nome não pode ser gravado: o caractere U+0141"),
        (user_row(cpf="123"), "o CPF não confere com os dígitos verificadores"),
        (user_row(cpf=""), "o CPF está vazio"),
        (user_row(email=""), "falta o campo email"),
        (user_row(email="sem-arroba"), "o e-mail não é válido"),
        (user_row(login=""), "falta o campo login"),
        (user_row(login="josé"), "o login só pode ter letras sem acento"),
        (user_row(login="-jose"), "o login só pode ter"),
        (user_row(login="a,b=c"), "o login só pode ter"),
        (user_row(login="Teste"), "conta do próprio sistema"),
        (user_row(unidade=""), "falta a unidade"),
        (user_row(unidade="SEMFAS"), "a unidade não existe no ambiente (existe SEMFAZ)"),
        (user_row(perfil=" , "), "falta o perfil"),
        (user_row(nome="Maria"), "o nome não está completo"),
        (user_row(nome="Maria 2"), "o nome não está completo"),
        (user_row(nome="Maria da Silva 2"), "o nome tem números"),
        (user_row(nome="Maria maria@x.org Silva"), "há um e-mail no lugar do nome"),
        (dict(user_row(), nome_social="4711"), "o nome tem números"),
        (dict(user_row(), nome_social="x" * 101), "nome_social não pode ser gravado: tem 101"),
        (user_row(matricula="#N/D"), "o campo matricula tem um erro de fórmula"),
        (user_row(perfil=MERGED_CELL), "o campo perfil está em uma célula mesclada"),
        (user_row(nome="JosÃ© da Silva"), "o campo nome tem acentos gravados na codificação errada"),
        (user_row(login="a" * 51), "sem matrícula, o login pode ter no máximo 50"),
        (user_row(email="x" * 5_000), "campo email não pode ser gravado: tem 5000"),
        (
            user_row(
                nome="nome",
                cpf="CPF",
                email="EMAIL",
                login="login",
                unidade="unidade",
                perfil="perfil",
                matricula="matricula",
            ),
            "a linha repete o cabeçalho",
        ),
        (user_row(perfil="Básico, Infomatica"), "o 2º perfil não existe no SEI (existe Informática)"),
        (user_row(perfil="Administrador"), "falta o perfil Básico"),
        (user_row(matricula="12345678901"), "campo matricula não pode ser gravado: tem 11 caracteres"),
    ],
)
def test_a_bad_field_rejects_its_row_with_the_reason(row: dict[str, str], reason: str) -> None:
    assert reason in reasons(row)[2]


def test_a_cell_may_name_several_units_and_each_one_must_exist() -> None:
    (person,) = read(user_row(unidade="semad; SEMFAZ, Semad", perfil="Básico;Informática")).accepted
    assert (person.unidades, person.perfis) == (("SEMAD", "SEMFAZ"), ("Básico", "Informática"))
    assert "a 2ª unidade não existe no ambiente (existe SEMFAZ)" in reasons(user_row(unidade="SEMAD, SEMFAS"))[2]


def test_another_base_profile_is_as_good_as_basico() -> None:
    assert not read(user_row(perfil="Colaborador (Básico sem Assinatura), Informática")).rejected


def test_every_problem_of_a_row_is_told_at_once() -> None:
    found = reasons(user_row(nome="", cpf="1", email="x", login="é", unidade="?", perfil="?"))[2]
    assert found.count(";") == 5


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (
            user_row(1),
            user_row(2, cpf=make_cpf(1).lstrip("0"), matricula="7"),
            "CPF repetido com outro e-mail e outro login e outra matrícula",
        ),
        (user_row(1, login="maria"), user_row(2, login="MARIA"), "login repetido"),
        (user_row(1, email="m@x.org"), user_row(2, email="M@x.org"), "e-mail repetido"),
        (user_row(1, matricula="4711"), user_row(2, matricula="4711"), "matrícula repetida"),
    ],
)
def test_two_rows_of_one_person_are_both_rejected_naming_each_other(
    one: dict[str, str], other: dict[str, str], reason: str
) -> None:
    sheet = read(one, user_row(9), other)
    assert [person.linha for person in sheet.accepted] == [3]
    assert {rejected.linha: rejected.reasons for rejected in sheet.rejected} == {
        2: (f"{reason} (também na linha 4)",),
        4: (f"{reason} (também na linha 2)",),
    }


def test_the_login_of_one_without_matricula_may_not_be_the_matricula_of_another() -> None:
    found = reasons(user_row(1, login="4711"), user_row(2, matricula="4711"), user_row(3, login="4712", matricula="9"))
    assert set(found) == {2, 3}
    assert "a matrícula de uma pessoa é o login de outra" in found[2]


def test_rows_of_one_person_in_several_units_are_one_person() -> None:
    sheet = read(
        user_row(1, unidade="SEMAD"),
        user_row(2, nome="Ana Lima"),
        user_row(1, unidade="SEMFAZ", perfil="Básico, Administrador"),
    )
    (person, _) = sheet.accepted
    assert person.linhas == (2, 4)
    assert [(one.unidade, one.perfil) for one in person.lotacoes] == [
        ("SEMAD", "Básico"),
        ("SEMFAZ", "Básico"),
        ("SEMFAZ", "Administrador"),
    ]
    assert (sheet.rejected, sheet.remarks, sheet.filled_rows) == ((), (), 3)


def test_a_row_that_says_nothing_new_counts_once_and_is_remarked_upon() -> None:
    sheet = read(user_row(1), user_row(2, nome="Ana Lima"), user_row(1, email="PESSOA1@example.org"))
    assert [person.linhas for person in sheet.accepted] == [(2, 4), (3,)]
    assert list(map(str, sheet.remarks)) == ["linha 4: repete a linha 2: contou uma só vez"]


def test_a_row_may_add_a_perfil_in_a_unit_where_another_row_gives_basico() -> None:
    added = user_row(1, perfil="Informática")
    sheet = read(added, user_row(1))
    assert sheet.accepted[0].perfis == ("Informática", "Básico")
    found = reasons(user_row(1), user_row(1, perfil="Informática", unidade="SEMFAZ"))
    assert "falta o perfil Básico" in found[3]
    assert 2 not in found


def test_a_bad_row_of_a_person_goes_back_alone() -> None:
    sheet = read(user_row(1), user_row(1, unidade="SEMFAS"))
    assert [person.linhas for person in sheet.accepted] == [(2,)]
    assert [row.linha for row in sheet.rejected] == [3]


def test_homonyms_are_accepted_with_a_remark() -> None:
    sheet = read(user_row(1, nome="José da Silva"), user_row(2), user_row(3, nome="JOSE DA SILVA"))
    assert len(sheet.accepted) == 3
    assert [remark.linha for remark in sheet.remarks] == [2, 4]
    assert "mesmo nome e outro CPF na linha 4" in sheet.remarks[0].text


def test_an_empty_or_missing_perfil_is_the_default_of_the_catalog() -> None:
    without = {column: value for column, value in user_row(1).items() if column not in {"perfil", "matricula"}}
    for row in (user_row(1, perfil=""), without):
        assert read(row).accepted[0].perfis == ("Básico",)


def test_the_social_name_is_kept() -> None:
    assert read(dict(user_row(1), nome_social="Ana Lima")).accepted[0].nome_social == "Ana Lima"


def test_ten_thousand_rows_with_one_cpf_or_one_email_are_told_briefly_and_at_once() -> None:
    row = user_row(1)
    for rows in (
        [row | {"login": f"p{number}"} for number in range(10_000)],
        [row | {"login": f"p{number}", "cpf": str(number)} for number in range(1, 10_001)],
    ):
        table = make_table(*rows)
        started = time.process_time()
        sheet = judge(table)
        assert time.process_time() - started < 6, "and not as the square of the rows"
        assert len(sheet.rejected) == 10_000
        assert "e mais 9989" in str(sheet.rejected[0])
        assert max(len(str(row)) for row in sheet.rejected) < 300


def test_rejections_show_rows_and_no_personal_data() -> None:
    row = user_row(1, nome="Łukasz Kowalski", email="lukasz kowalski", login="łukasz", cpf="98765432199")
    shifted = dict(user_row(2), unidade="Maria Aparecida", perfil="maria@example.org")
    shown = " ".join(map(str, read(row, row, shifted).rejected))
    for value in ("Kowalski", "kowalski", "łukasz", "98765432199", "Aparecida", "maria@"):
        assert value not in shown


def test_more_people_than_the_plan_are_refused_with_the_choice() -> None:
    rows = [user_row(number) for number in range(1, 152)]
    with pytest.raises(InvalidInputError, match=r"São 151 .* \(faixa 1\) permite 150.*contrate a faixa 2"):
        read(*rows, plan=choose_plan(2_630, PLANS))
    assert len(read(*rows[:150], plan=choose_plan(2_630, PLANS)).accepted) == 150


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 8), st.sampled_from(["SEMAD", "XYZ"])), max_size=12))
def test_every_filled_row_is_either_accepted_or_rejected_and_the_accepted_are_distinct(
    facts: list[tuple[int, str]],
) -> None:
    rows = [user_row(number, unidade=unidade) for number, unidade in facts]
    if not rows:
        return
    sheet = read(*rows)
    lines = [line for person in sheet.accepted for line in person.linhas]
    lines += [rejected.linha for rejected in sheet.rejected]
    assert sorted(lines) == list(range(2, len(rows) + 2))
    assert sheet.filled_rows == len(rows)
    assert len({person.cpf for person in sheet.accepted}) == len(sheet.accepted)
    assert all(rejected.reasons for rejected in sheet.rejected)
