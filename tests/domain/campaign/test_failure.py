"""The signature of a failure is that of its kind: nothing of one environment or person is in it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.campaign.failure import LONGEST, hold, signature_of
from tests.domain.campaign.fleets import make_environment, make_rehearsal

NAMES = st.sampled_from(
    ["Maria", "José", "ÂNGELA", "João Paulo", "MARIA DAS DORES", "Conceição d'Ávila", "Souza e Silva"]
)


@pytest.mark.parametrize(
    ("one", "other", "signature"),
    [
        (
            "ERROR 1062 (23000): Duplicate entry '12345678909' for key 'usuario.ak1'",
            "ERROR 1062 (23000): Duplicate entry 'maria.silva' for key 'contato.PRIMARY'",
            "error * duplicate entry * for key *",
        ),
        (
            "Unknown column 'sin_ativo' in 'field list' em rio_doce_producao_sei",
            "Unknown column \"sin_x\" in 'where clause' em timoteo_treinamento_sei",
            "unknown column * in * em *",
        ),
        (
            "28/11/2026 22:14:03 tempo esgotado em timoteo-producao (10.0.3.7:3306)",
            "2027-01-05T01:00:00Z tempo esgotado em nova-lima-homologacao (db7.mg.gov.br:3307)",
            "* tempo esgotado em *",
        ),
        (
            "o usuário Maria da Silva <maria@timoteo.mg.gov.br>, CPF 123.456.789-09, não tem unidade",
            "o usuário JOSÉ DE SOUZA E SILVA <j@lavras.mg.gov.br>, CPF 98765432100, não tem unidade",
            "usuario * nao tem unidade",
        ),
        (
            "arquivo /opt/sei/temp/a1b2.zip não foi lido em https://timoteo.mg.gov.br/sei",
            "arquivo C:\\sei\\temp\\zz.zip não foi lido em http://x.br",
            "arquivo * nao foi lido em *",
        ),
    ],
)
def test_two_failures_of_one_kind_have_one_signature(one: str, other: str, signature: str) -> None:
    assert signature_of(one) == signature_of(other) == signature


def test_failures_of_different_kinds_keep_different_signatures() -> None:
    texts = ("Unknown column 'a' in 'b'", "Duplicate entry 'a' for key 'b'", "Lock wait timeout exceeded", "disk full")
    assert len({signature_of(text) for text in texts}) == len(texts)


@given(NAMES, NAMES, st.from_regex(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|[0-9]{11}", fullmatch=True))
def test_no_person_is_in_a_signature(name: str, other: str, cpf: str) -> None:
    def signature(who: str, login: str) -> str:
        return signature_of(f"falhou a inclusão de {who} (CPF {cpf}, {login}@timoteo.mg.gov.br) na tabela 'de {who}")

    assert signature(name, "maria.silva") == signature(other, "joao") == "falhou inclusao * na tabela *"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("usuario maria sem permissao", "usuario joao sem permissao"),
        ("Contato maria da silva duplicado", "Contato JOSÉ DE SOUZA duplicado"),
        ("falha na unidade de timoteo", "falha na unidade de lavras"),
    ],
)
def test_names_and_municipalities_in_small_letters_are_gone_too(one: str, other: str) -> None:
    assert signature_of(one) == signature_of(other)
    assert not {"maria", "silva", "timoteo"} & set(signature_of(one).split())


@given(st.text())
def test_whatever_the_text_a_signature_is_short_lower_case_and_without_digits(text: str) -> None:
    signature = signature_of(text)
    assert len(signature) <= LONGEST
    assert signature == signature.lower()
    assert not re.search(r"\d|@", signature)
    assert signature_of(signature) == signature


@pytest.mark.parametrize("text", ["", "12345678909", "'Maria'", "MARIA DA SILVA", "timoteo-producao: 42"])
def test_a_text_of_nothing_but_particulars_is_like_no_other(text: str) -> None:
    assert signature_of(text) == ""
    assert hold([signature_of(text)], [make_environment(rehearsal=make_rehearsal(signatures=("",)))]) == {}


def test_only_those_whose_rehearsal_met_the_error_are_held() -> None:
    lock = signature_of("Lock wait timeout exceeded on timoteo_producao_sei")
    waiting = [
        make_environment("lavras", rehearsal=make_rehearsal(signatures=("disk full", lock))),
        make_environment("pompeu", rehearsal=make_rehearsal(signatures=("disk full",))),
        make_environment("unai", rehearsal=None),
    ]
    assert hold({lock}, waiting) == {"lavras-producao": lock}
    assert hold(set(), waiting) == {}
