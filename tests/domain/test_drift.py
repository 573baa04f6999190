"""A difference told: old and new, without personal data and secrets."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.drift import difference, shown


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "vazio"),
        ("  ", "vazio"),
        ("200", "200"),
        ("ana.lima@timoteo.mg.gov.br", "(endereço de timoteo.mg.gov.br)"),
        ("Fale com ana@x.example.", "Fale com (endereço de x.example.)"),
        ("CPF 529.982.247-25", "CPF (número não mostrado)"),
        ("52998224725", "(número não mostrado)"),
        ("duas\nlinhas", "duas linhas"),
        ("a" * 61, "a" * 59 + "…"),
        ("a" * 60, "a" * 60),
    ],
)
def test_a_value_is_shown_short_and_without_personal_data(value: str | None, told: str) -> None:
    assert shown(value) == told


def test_old_and_new_stand_side_by_side_unless_the_name_is_a_secrets() -> None:
    assert difference("SEI_TAM_MB_DOC_EXTERNO", "200", "50") == "SEI_TAM_MB_DOC_EXTERNO: 200 → 50"
    for name in ("senha_pesquisa", "MD_X_TOKEN", "CHAVE_API"):
        assert difference(name, "abre", "sesamo") == f"{name}: valor trocado, não mostrado"


@given(st.text("ab.@ ,;<>", max_size=30))
def test_every_address_is_found_wherever_it_begins(value: str) -> None:
    anywhere = re.sub(r"[^\s@,;<>]+@([^\s@,;<>]+\.[^\s@,;<>]+)", r"(endereço de \1)", " ".join(value.split()))
    assert shown(value) == (anywhere[:59] + "…" if len(anywhere) > 60 else anywhere or "vazio")


def test_a_picture_is_told_at_once() -> None:
    """Trying an address at each of its letters takes minutes: longer than a test may."""
    assert shown("data:image/png;base64" + "A" * 1_000_000).endswith("…")
