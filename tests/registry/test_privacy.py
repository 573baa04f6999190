"""Personal data never enters an event; impersonal facts always do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.errors import IntegrityError
from registry.privacy import HIDDEN, refuse_personal_data, without_person

VALID_CPF = "52998224725"

words = st.text(alphabet="abcdefghij", min_size=1)
impersonal: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
)


@pytest.mark.parametrize(
    "details",
    [
        {"cpf": "x"},
        {"CPF": 1},
        {"nome": "Ana"},
        {"Nomes": ["Ana"]},
        {"nome_social": "Ana"},
        {"nomeCompleto": "Ana"},
        {"email": None},
        {"E-mail": "x"},
        {"senha": "x"},
        {"senha inicial": "x"},
        {"endereço": "x"},
        {"unidade": {"usuarios": [{"sigla": "x", "telefone": "x"}]}},
        {"quem": VALID_CPF},
        {"quem": f"CPF {VALID_CPF}."},
        {"quem": "529.982.247-25"},
        {"quem": "111.222.333-44"},
        {"quem": "529982247-25"},
        {"quem": int(VALID_CPF)},
        {"quem": ["a", ["escrever para ana@example.org hoje"]]},
        {"529.982.247-25": 1},
        {"ana@example.org": {"aprovada": True}},
    ],
)
def test_personal_data_is_refused_without_being_repeated(details: JsonValue) -> None:
    with pytest.raises(IntegrityError, match="O evento traz dado pessoal") as refusal:
        refuse_personal_data(details, what="O evento")
    for secret in ("Ana", "ana@", VALID_CPF, "529", "111.222"):
        assert secret not in str(refusal.value)


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"criados": 350, "sem_email": 3, "senhas_geradas": 350, "cpfs_repetidos": 0},
        {"sha256": "5299822472" * 6 + "5299"},
        {"run": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "ibge": "3168705"},
        {"tamanho_bytes": int(VALID_CPF)},
        {"processo": "99990.000001/2026-01", "quantidade": 191, "quando": "2026-11-23T12:00:00.123456+00:00"},
        {"host": "timoteo-treinamento.localhost", "lista": [1, 2.5, True, None]},
        {"numero": "12345678901"},
    ],
)
def test_impersonal_facts_pass(details: JsonValue) -> None:
    refuse_personal_data(details, what="O evento")


@given(impersonal)
def test_what_holds_no_person_always_passes(details: JsonValue) -> None:
    refuse_personal_data(details, what="O evento")


@given(impersonal, st.sampled_from([VALID_CPF, "529.982.247-25", "ana@example.org"]), st.data())
def test_a_person_is_found_however_deep(details: JsonValue, person: str, data: st.DataObject) -> None:
    text = json.dumps([details, "marca", {"mais": "marca"}])
    position = data.draw(st.sampled_from([i for i in range(len(text)) if text.startswith('"marca"', i)]))
    planted = json.loads(text[:position] + json.dumps(person) + text[position + len('"marca"') :])
    with pytest.raises(IntegrityError):
        refuse_personal_data(planted, what="O evento")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("31 de 84 usuários capacitados (36%); o mínimo é 80%.", True),
        ("A prefeitura ainda não enviou unidades.csv.", True),
        ("Falta maria@exemplo.br", False),
        ("linha 6: CPF 111.444.777-35", False),
    ],
)
def test_a_text_is_shown_only_when_nobody_is_known_by_it(text: str, shown: bool) -> None:
    assert without_person(text) == (text if shown else HIDDEN)
