"""What may stay in a neutralised copy, and what invented people are like."""

import pytest
from brutils.cpf import is_valid
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes

from domain.masking import MAIL_DOMAIN, Pseudonyms, TextColumn, Treatment, is_emptied, treatment_of

KEY = SecretBytes(b"k" * 32)
cpfs = st.integers(min_value=0, max_value=99_999_999_999)


def column(table: str, name: str, **facts: object) -> TextColumn:
    return TextColumn.model_validate({"table": table, "column": name, "max_length": 250, "nullable": True, **facts})


@given(st.sets(cpfs, max_size=40))
def test_every_cpf_becomes_another_valid_one_that_nobody_of_the_originals_has(originals: set[int]) -> None:
    masked = Pseudonyms(KEY).cpfs(originals)
    assert masked.keys() == originals
    assert len(set(masked.values())) == len(originals)
    assert not originals & set(masked.values())
    for number in masked.values():
        text = f"{number:011d}"
        assert is_valid(text) or len(set(text)) == 1


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_pseudonym_depends_on_the_person_and_the_key_alone(name: str, other: str) -> None:
    pseudonyms = Pseudonyms(KEY)
    assert pseudonyms.name(name) == Pseudonyms(KEY).name(name)
    assert pseudonyms.login(name).isalnum()
    assert pseudonyms.email(other).endswith(f"@{MAIL_DOMAIN}")
    assert pseudonyms.name(name).encode("cp1252")


def test_thousands_of_people_stay_apart() -> None:
    pseudonyms = Pseudonyms(KEY)
    people = [f"Pessoa {number}" for number in range(5000)]
    assert len({pseudonyms.name(person) for person in people}) == len(people)
    assert len({pseudonyms.login(person) for person in people}) == len(people)


def test_a_column_that_nobody_judged_loses_its_text() -> None:
    assert treatment_of("sei", column("tabela_nova", "relato")) is Treatment.CLEAR
    assert treatment_of("sei", column("tabela_nova", "relato", nullable=False)) is Treatment.TEXT
    assert treatment_of("sei", column("tabela_nova", "relato", is_unique=True)) is Treatment.LOGIN
    assert treatment_of("sip", column("tabela_nova", "email_pessoal")) is Treatment.EMAIL
    assert is_emptied("sei", "md_pen_processo_eletronico")
    assert is_emptied("sei", "md_nova_tabela")


@pytest.mark.parametrize(
    ("table", "name", "facts"),
    [
        ("serie", "nome", {}),
        ("protocolo", "protocolo_formatado", {}),
        ("unidade", "sigla", {}),
        ("usuario", "sta_tipo", {"max_length": 1}),
        ("infra_sequencia", "nome_tabela", {"is_key": True}),
    ],
)
def test_what_no_person_is_in_stays(table: str, name: str, facts: dict[str, object]) -> None:
    assert treatment_of("sei", column(table, name, **facts)) is Treatment.KEEP


def test_secrets_of_the_source_are_cleared_although_they_are_configuration() -> None:
    assert treatment_of("sip", column("servidor_autenticacao", "senha_pesquisa")) is Treatment.CLEAR
    assert treatment_of("sei", column("servico", "chave_acesso")) is Treatment.CLEAR
    assert treatment_of("sip", column("servidor_autenticacao", "nome")) is Treatment.KEEP
