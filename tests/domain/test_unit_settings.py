"""What a row of the units' spreadsheet says to SEI, in our columns and in those of the public macros."""

import pytest

from domain.errors import InvalidInputError
from domain.spreadsheet import parse_sheet
from domain.spreadsheet_units import read_unit_rows, same_setting
from tests.domain.examples import unit_row

# The headers of the two spreadsheets that the macros publish, to the letter.
MACRO = (
    "0-Seq.,1-orgaoUnidade,2-siglaUnidade,3-descricaoUnidade,4-superiorNaHierarquia,5-emailUnidade,"
    "6-usaEndereçoDoÓrgao?,7-endereçoUnidade,8-complementoEndereco,9-bairroUnidade,10-UFUnidade,11-cidadeUnidade,"
    "12-CEPUnidade,13-CNPJUnidade,14-telefoneUnidade,15-siteUnidade"
)
OLD_MACRO = "0-Seq.,1-ORGAO,2-SIGLA,3-DESCRICAO,4-PAI,5-EMAIL,6-TELEFONE,7-SITE"


def settings_of(**cells: str) -> dict[str, str]:
    return read_unit_rows([unit_row("GAB") | cells]).units[0].settings


def test_the_sheet_of_the_public_macros_is_read_as_it_is() -> None:
    text = (
        f"{MACRO}\n1,PMT,GAB,Gabinete,,gab@x.org,S,,,,,,,,(31)3849-1234,https://x.org/\n"
        '2,PMT,SETIN,"Tecnologia, Inovação",GAB,,N,"Avenida 123, Sala 4",Bloco C,Centro,MG,Timóteo,35180-000,'
        "11.222.333/0001-81,,\n"
    )
    root, child = read_unit_rows(parse_sheet(text.encode(), "unidades.csv")).units
    assert (root.sigla, root.descricao, root.email) == ("GAB", "Gabinete", "gab@x.org")
    assert root.settings == {"endereco_do_orgao": "S", "telefone": "(31)3849-1234", "site": "https://x.org/"}
    assert (child.superior, child.descricao) == ("GAB", "Tecnologia, Inovação")
    assert child.settings == {
        "endereco_do_orgao": "N",
        "endereco": "Avenida 123, Sala 4",
        "complemento": "Bloco C",
        "bairro": "Centro",
        "cep": "35180-000",
        "cidade": "Timóteo",
        "uf": "MG",
        "cnpj": "11222333000181",
    }


def test_the_older_sheet_of_the_macros_is_read_too() -> None:
    (unit,) = read_unit_rows(parse_sheet(f"{OLD_MACRO}\n1,PMT,GAB,Gabinete,,,31 3849,\n".encode(), "u.csv")).units
    assert unit.settings == {"telefone": "31 3849"}


def test_more_than_one_orgao_is_refused_with_the_rows() -> None:
    rows = f"{OLD_MACRO}\n1,PMT,GAB,Gabinete,,,,\n2,CAMARA,SEC,Secretaria,GAB,,,\n"
    with pytest.raises(InvalidInputError, match="traz 2 órgãos, os da linha 2 e 3"):
        read_unit_rows(parse_sheet(rows.encode(), "u.csv"))


def test_two_spellings_of_one_column_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="As colunas 3 e 5 dizem a mesma coisa: superior"):
        read_unit_rows(parse_sheet(b"sigla;descricao;superior;email;pai\nGAB;Gabinete;;;\n", "u.csv"))


def test_what_a_row_leaves_empty_says_nothing() -> None:
    assert settings_of() == {}
    assert settings_of(protocolo="", site="", codigo="") == {}


@pytest.mark.parametrize(
    ("cell", "flag"), [("S", "S"), ("sim", "S"), ("x", "S"), ("X", "S"), ("Não", "N"), ("n", "N"), ("NAO", "N")]
)
def test_a_flag_is_understood_as_people_write_it(cell: str, flag: str) -> None:
    assert settings_of(protocolo=cell) == {"protocolo": flag}


def test_an_address_of_its_own_is_not_the_orgaos() -> None:
    assert settings_of(endereco="Rua A, 1") == {"endereco": "Rua A, 1", "endereco_do_orgao": "N"}


def test_zeros_that_spreadsheets_drop_come_back() -> None:
    assert settings_of(endereco="Rua A", cep="1310100")["cep"] == "01310-100"
    assert settings_of(cnpj="191")["cnpj"] == "00000000000191"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"ouvidoria": "talvez"}, "o campo ouvidoria deve ser S ou N"),
        ({"codigo": "1A"}, "o código deve ter de 1 a 10 algarismos"),
        ({"codigo": "12345678901"}, "o código deve ter de 1 a 10 algarismos"),
        ({"cnpj": "11.222.333/0001-82"}, "o CNPJ não confere"),
        ({"endereco": "Rua A", "cep": "123456789"}, "o CEP deve ter 8 algarismos"),
        ({"endereco": "Rua A", "endereco_do_orgao": "S"}, r"usa o endereço do órgão e traz outro \(endereco\)"),
        ({"bairro": "Centro"}, "falta o campo endereco"),
        ({"endereco_do_orgao": "N"}, "falta o campo endereco"),
        ({"endereco": "Rua A", "cidade": "Timóteo"}, "cidade e uf vêm juntas"),
        ({"site": "x" * 51}, "o campo site não pode ser gravado: tem 51 caracteres e o SEI aceita 50"),
        ({"endereco": "Rua Ω"}, r"o campo endereco não pode ser gravado: o caractere U\+03A9"),
    ],
)
def test_a_setting_that_sei_could_not_hold_is_refused_with_its_row(cells: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInputError, match=f"linha 2: .*{message}"):
        settings_of(**cells)


def test_one_code_for_two_units_is_refused_also_with_another_number_of_zeros() -> None:
    rows = [unit_row("GAB") | {"codigo": "7"}, unit_row("SME", "GAB") | {"codigo": "07"}]
    with pytest.raises(InvalidInputError, match=r"linha 2: código repetido \(também na linha 3\)"):
        read_unit_rows(rows)


def test_a_code_and_a_city_are_the_same_however_they_are_written() -> None:
    assert same_setting("codigo", "7", "07")
    assert same_setting("cidade", "TIMOTEO", "Timóteo")
    assert not same_setting("telefone", "7", "07")
    assert not same_setting("codigo", "7", None)
