"""CPFs and people."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import InvalidInputError
from domain.person import Person, cpf_from_number, every_lotacao, is_reserved_login, parse_cpf
from tests.domain.examples import make_cpf, make_person

CPFS = st.integers(1, 999_999_998).filter(lambda n: len(set(f"{n:09d}")) > 1).map(make_cpf)


@given(CPFS)
def test_a_cpf_is_read_with_punctuation_and_without_the_zeros_that_spreadsheets_drop(cpf: str) -> None:
    assert parse_cpf(cpf) == cpf
    assert parse_cpf(f" {cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]} ") == cpf
    assert parse_cpf(cpf.lstrip("0")) == cpf
    assert cpf_from_number(int(cpf)) == cpf


@given(CPFS, st.integers(9, 10), st.integers(1, 9))
def test_a_wrong_check_digit_is_always_noticed(cpf: str, position: int, shift: int) -> None:
    wrong = cpf[:position] + str((int(cpf[position]) + shift) % 10) + cpf[position + 1 :]
    with pytest.raises(InvalidInputError, match="dígitos verificadores") as refusal:
        parse_cpf(wrong)
    assert wrong not in str(refusal.value)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "está vazio"),
        (" - ", "está vazio"),
        ("8,18662E+10", r"número abreviado \(com E\+\) e perdeu dígitos"),
        ("8.18662011E+10", "perdeu dígitos"),  # nine digits are left, and any two may end them
        ("8.18662011745E+10", "fora do tamanho de um CPF"),
        ("8.1866201174E+11", "fora do tamanho de um CPF"),
        ("8.1866201175E+10", "dígitos verificadores"),
        ("81866201174.5", "tem 12 dígitos"),
        ("81866201174 e", "caracteres que não são dígitos"),
        ("123456789012", "tem 12 dígitos"),
        ("11111111111", "dígitos verificadores"),
        ("٣٣٥", "caracteres que não são dígitos"),
    ],
)
def test_what_is_not_a_cpf_is_refused(typed: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        parse_cpf(typed)


def test_a_user_without_cpf_in_sip_has_none() -> None:
    assert cpf_from_number(None) is None


def test_the_source_id_is_the_matricula_or_else_the_login_never_the_cpf() -> None:
    assert make_person(1, matricula="4711").id_origem == "4711"
    assert make_person(1, sigla="maria.silva").id_origem == "maria.silva"


def test_a_person_shows_no_personal_data() -> None:
    person = make_person(77, nome="Maria Aparecida", sigla="maria.aparecida", matricula="4711")
    shown = repr(person) + str(person)
    for value in (person.nome, person.cpf, person.email, person.sigla, "4711"):
        assert value not in shown
    with pytest.raises(ValidationError) as refusal:
        Person(nome="Maria Aparecida", cpf="123", email="x", sigla="é", lotacoes=every_lotacao(["A"], ["Básico"]))
    assert "Maria" not in str(refusal.value)
    assert "123" not in str(refusal.value)


@pytest.mark.parametrize(
    "typed",
    [
        "8.1866201174E+10",
        "8,1866201174e+10",
        "81866201174.0",
        "81866201174,00",
        "818.662.011–74",
        "818 662 011/74",
        "81.866.201.174",
    ],
)
def test_a_cpf_that_a_spreadsheet_took_for_a_number_is_read_again(typed: str) -> None:
    assert parse_cpf(typed) == "81866201174"


@given(st.integers(1, 999_999_998).filter(lambda number: len(set(f"{number:09d}")) > 1))
def test_a_number_in_e_notation_is_read_whole_or_refused_and_never_guessed(number: int) -> None:
    cpf = make_cpf(number)
    for digits in range(1, 12):
        typed = f"{Decimal(cpf):.{digits - 1}E}"
        try:
            read = parse_cpf(typed)
        except InvalidInputError:
            assert digits < len(str(int(cpf))), typed
        else:
            assert read == cpf, typed


def test_each_perfil_of_a_row_counts_in_each_of_its_units() -> None:
    person = make_person(unidades=("GAB", "SME"), perfis=("Básico", "Administrador"))
    assert [(lotacao.unidade, lotacao.perfil) for lotacao in person.lotacoes] == [
        ("GAB", "Básico"),
        ("GAB", "Administrador"),
        ("SME", "Básico"),
        ("SME", "Administrador"),
    ]
    assert (person.unidades, person.perfis) == (("GAB", "SME"), ("Básico", "Administrador"))
    with pytest.raises(ValidationError):
        make_person(unidades=())


@pytest.mark.parametrize("login", ["SIP", "sip", "Teste", "TESTE ", "internet"])
def test_a_system_account_is_recognised_as_sip_compares_logins(login: str) -> None:
    assert is_reserved_login(login)
    assert not is_reserved_login(login + "1")
