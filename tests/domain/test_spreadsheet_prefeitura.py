"""`prefeitura.csv`: what a prefeitura tells of itself."""

from datetime import date

import pytest

from domain.errors import InvalidInputError
from domain.spreadsheet import parse_sheet
from domain.spreadsheet_prefeitura import PrefeituraSheet, read_prefeitura_rows
from tests.domain.examples import make_cpf

NAME = "prefeitura.csv"


def read(text: str) -> PrefeituraSheet:
    return read_prefeitura_rows(parse_sheet(text.encode(), NAME), NAME)


def test_every_field_is_read_and_written_as_documents_write_it() -> None:
    cpf = make_cpf(123)
    sheet = read(
        f"campo;valor\ncnpj;11222333000181\nendereco;Praça  da Sé, 1\ncpf_prefeito;{cpf}\n"
        "inicio_do_cronograma;05/10/2026\ncomarca;\n;\n"
    )
    assert sheet.cnpj == "11.222.333/0001-81"
    assert sheet.endereco == "Praça da Sé, 1"
    assert sheet.inicio_do_cronograma == date(2026, 10, 5)
    assert sheet.comarca is None
    assert sheet.cpf_prefeito == f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"
    assert sheet.cpf_prefeito not in repr(sheet)
    assert read("campo;valor\n") == PrefeituraSheet()


def test_every_mistake_is_told_by_its_row_and_no_value_is_shown() -> None:
    with pytest.raises(InvalidInputError) as refusal:
        read(
            "campo;valor\ncnpj;11222333000182\ncpf_prefeito;123.456.789-00\ninicio_do_cronograma;31/02/2026\n"
            "partido;XYZ\ncomarca;Timóteo\ncomarca;Outra\n" + f"endereco;{'x' * 201}\n"
        )
    told = str(refusal.value)
    for problem in (
        "linha 2: cnpj não é um CNPJ válido",
        "linha 3: cpf_prefeito não é um CPF válido",
        "linha 4: inicio_do_cronograma não é uma data dd/mm/aaaa",
        "linha 5: o campo não é conhecido",
        "linha 7: comarca aparece duas vezes",
        "linha 8: endereco passa de 200 caracteres",
    ):
        assert problem in told
    assert not [value for value in ("11222333000182", "123.456", "XYZ", "Outra") if value in told]


@pytest.mark.parametrize("day", ["01/12/9999", "01/03/0206", "01/03/2206"])
def test_a_year_that_was_typed_wrong_is_told(day: str) -> None:
    with pytest.raises(InvalidInputError, match="linha 2: inicio_do_cronograma não é um dia de 2020 a 2050"):
        read(f"campo;valor\ninicio_do_cronograma;{day}\n")


def test_a_sheet_without_its_columns_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="Falta a coluna valor"):
        read("campo;outro\ncnpj;1\n")
