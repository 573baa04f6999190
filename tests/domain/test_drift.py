"""A difference told: old and new, without personal data and secrets."""

import pytest

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
