"""What SEI stores and how it compares."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from domain.text import clean, collation_key, fits, is_email, is_misread, search_text

CP1252 = [character for byte in range(256) if (character := bytes([byte]).decode("cp1252", "ignore"))]

# Every set of characters that MariaDB 10.11 (Debian 12) gives one weight in latin1_swedish_ci, from
# `HEX(WEIGHT_STRING(c COLLATE latin1_swedish_ci))` over the 256 bytes; any other character is alone.
EQUAL_IN_MARIADB = [
    "AaÀÁÂÃàáâã", "Bb", "CcÇç", "DdÐð", "EeÈÉÊËèéêë", "Ff", "Gg", "Hh", "IiÌÍÎÏìíîï", "Jj", "Kk", "Ll", "Mm", "NnÑñ",
    "OoÒÓÔÕòóôõ", "Pp", "Qq", "Rr", "Ss", "Tt", "UuÙÚÛùúû", "Vv", "Ww", "Xx", "YyÜÝüý", "Zz", "[Åå", "\\ÄÆäæ", "]Öö",
    "Øø", "Þþ",
]  # fmt: skip


def test_collation_key_equals_mariadb_over_every_pair_of_cp1252() -> None:
    group = {character: characters for characters in EQUAL_IN_MARIADB for character in characters}
    for one in CP1252:
        for other in CP1252:
            in_mariadb = one == other or group.get(one, one) == group.get(other, other)
            # A lone space at the end is padding, so each character is compared inside a word.
            assert (collation_key(f"{one}.") == collation_key(f"{other}.")) == in_mariadb, (one, other)


def test_collation_key_ignores_spaces_at_the_end_and_nothing_else() -> None:
    assert collation_key("SEMAD  ") == collation_key("semad")
    assert collation_key(" SEMAD") != collation_key("SEMAD")
    assert collation_key("SEMAD\t") != collation_key("SEMAD")


def test_collation_key_of_portuguese_ignores_accents_but_not_the_swedish_letters() -> None:
    assert collation_key("Educação") == collation_key("EDUCACAO")
    assert collation_key("ö") != collation_key("o")


@given(st.text(alphabet=CP1252))
def test_collation_key_of_a_key_is_itself(value: str) -> None:
    assert collation_key(collation_key(value)) == collation_key(value)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("TESTE_1_1", "Unidade de Testes 1.1"), "teste_1_1 unidade de testes 1.1"),
        (("SEI", "Sistema Eletrônico de Informações"), "sei sistema eletronico de informacoes"),
        (("SIP", "Sistema de Permissões"), "sip sistema de permissoes"),
        (("INTRANET", "INTRANET"), "intranet intranet"),
        (("SEMFAZ", "Fazenda (Tributos), Dívida Ativa."), "semfaz fazenda tributos divida ativa"),
        ((None, "", "Só  isto"), "so isto"),
    ],
)
def test_search_text_is_written_as_in_the_reference_database(parts: tuple[str | None, ...], expected: str) -> None:
    assert search_text(*parts) == expected


@given(st.text(), st.text())
def test_search_text_of_a_search_text_is_itself(one: str, other: str) -> None:
    text = search_text(one, other)
    assert search_text(text) == text


def test_clean_composes_what_macos_decomposed() -> None:
    assert clean("  A\u0301gua \u00a0 limpa\n") == "Água limpa"
    assert clean(None) == ""


@given(st.text(alphabet=st.sampled_from(CP1252).filter(lambda c: c.isprintable())))
def test_what_cp1252_can_write_is_accepted_and_given_back(value: str) -> None:
    assert fits(value, len(value), "nome", "linha 2") == value


@pytest.mark.parametrize(("value", "shown"), [("Łukasz", "U+0141"), ("a\x00b", "controle"), ("a\nb", "controle")])
def test_refusal_names_field_place_and_character_but_never_the_value(value: str, shown: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        fits(value, 100, "nome", "linha 14")
    message = str(refusal.value)
    assert "campo nome" in message
    assert "linha 14" in message
    assert shown in message
    assert value not in message


def test_a_text_longer_than_its_column_is_refused_with_both_lengths() -> None:
    assert fits("x" * 30, 30, "sigla", "linha 2") == "x" * 30
    with pytest.raises(InvalidInputError, match="tem 31 caracteres e o SEI aceita 30"):
        fits("x" * 31, 30, "sigla", "linha 2")


@pytest.mark.parametrize("address", ["a@b.co", "maria.silva+sei@timoteo.mg.gov.br", "A_b-c%1@x-y.org"])
def test_an_email_address_is_recognised(address: str) -> None:
    assert is_email(address)


@pytest.mark.parametrize(
    "address", ["", "a@b", "a b@c.org", "josé@c.org", "a@-b.org", ".a@b.org", "a..b@c.org", "a@b.org\n", "a@b@c.org"]
)
def test_what_is_not_an_email_address_is_refused(address: str) -> None:
    assert not is_email(address)


@given(st.text("ABEãõçáéíóúâêôÁÉÍÓÚÃÕÇºª–“”", min_size=1).filter(lambda text: not text.isascii()))
def test_utf_8_that_was_read_as_cp1252_is_recognised(text: str) -> None:
    misread = f"x{text}x".encode().decode("cp1252", "replace")
    assume("\ufffd" not in misread)  # five bytes have no such reading: the file is refused for them
    assert is_misread(misread)


@pytest.mark.parametrize(
    "text", ["Timóteo", "SÃO JOSÉ", "“ESCOLA IRMÔ", "IRMÃ\xa0DULCE", "PRAÇA DA SÉ–CENTRO", "1ª Câmara – Nº 5", "”"]
)
def test_text_as_prefeituras_write_it_is_not_taken_for_misread(text: str) -> None:
    assert not is_misread(text)
