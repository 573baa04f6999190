"""Reading the CSV that a prefeitura sends."""

import pytest

from domain.errors import InvalidInputError
from domain.spreadsheet import check_columns, filled_rows, name_rows, parse_sheet

COLUMNS = ("nome", "email")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_sheet_is_read_in_the_encodings_that_spreadsheets_save(encoding: str) -> None:
    content = "Nome;E-mail\r\nJosé;j@x.org\r\n".encode(encoding)
    assert parse_sheet(content, "a.csv") == [{"nome": "José", "e-mail": "j@x.org"}]


def test_quotes_and_short_rows_are_understood() -> None:
    content = b'nome;email\n"Silva; Maria";m@x.org\nso o nome\n'
    assert parse_sheet(content, "a.csv")[0]["nome"] == "Silva; Maria"
    assert parse_sheet(content, "a.csv")[1] == {"nome": "so o nome", "email": ""}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "está vazio"),
        (b"nome;nome\n", "Coluna repetida no cabe.alho: nome"),
        (b"nome;email\na;b;c\n", "A linha 2 tem 3 colunas e o cabe.alho tem 2"),
        (b'nome;email\n"a;b\n', "CSV separado por ponto e v.rgula"),
    ],
)
def test_a_broken_sheet_is_refused_naming_the_file(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refusal:
        parse_sheet(content, "usuarios.csv")
    assert "usuarios.csv" in str(refusal.value)


def test_blank_rows_are_skipped_and_the_others_keep_their_numbers() -> None:
    rows = parse_sheet(b"nome;email\nA;a@x.org\n;\n B ;\n", "a.csv")
    assert [(number, values["nome"]) for number, values in filled_rows(rows, COLUMNS, "a.csv")] == [(2, "A"), (4, "B")]


def test_missing_and_unknown_columns_are_all_named() -> None:
    with pytest.raises(InvalidInputError, match=r"falta a coluna email, a coluna mail é desconhecida.*nome;email"):
        check_columns([{"nome": "", "mail": ""}], COLUMNS, "a.csv")
    with pytest.raises(InvalidInputError, match="nenhuma linha preenchida"):
        check_columns([], COLUMNS, "a.csv")


def test_rows_are_named_as_one_reads_them() -> None:
    assert name_rows([14]) == "linha 14"
    assert name_rows([14, 20, 97]) == "linha 14, 20 e 97"
