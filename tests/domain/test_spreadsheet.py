"""Reading the CSV that a prefeitura sends."""

import pytest

from domain.errors import InvalidInputError
from domain.spreadsheet import MAX_ROWS, check_columns, filled_rows, name_rows, parse_sheet

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
        (b"nome;x;nome\n", r"Coluna repetida no cabe.alho \(posi..es 1, 3\)"),
        (b"nome;email\na;b;c\n", "A linha 2 tem 3 colunas e o cabe.alho tem 2"),
        (b'nome;email\n"a;b\n', "CSV separado por ponto e v.rgula"),
    ],
)
def test_a_broken_sheet_is_refused_naming_the_file(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refusal:
        parse_sheet(content, "usuarios.csv")
    assert "usuarios.csv" in str(refusal.value)


def test_a_header_with_commas_separates_its_columns_by_commas() -> None:
    content = b'nome,email\n"Compras, Contratos",c@x.org\n'
    assert parse_sheet(content, "a.csv") == [{"nome": "Compras, Contratos", "email": "c@x.org"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nome;email\nJosé;j@x.org\n".encode("utf-16"), "UTF-16, desde a linha 1"),
        (b"nome;email\nA;a@x.org\nJos\x8d;\n", "A linha 3 tem o byte 0x8D"),
        (b"nome;email\nA;\0\n", "A linha 2 não é texto"),
        ("nome;email\nA;\nTimÃ³teo;\n".encode(), r"codificação errada \(linha 3, 1ª coluna\)"),
        ("nome;email\nJosé;\n".encode() + "São;\n".encode("cp1252"), r"codificação errada \(linha 2, 1ª coluna\)"),
    ],
)
def test_a_wrong_encoding_is_refused_with_its_row_and_never_guessed(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refusal:
        parse_sheet(content, "unidades.csv")
    assert "unidades.csv" in str(refusal.value)


def test_a_sheet_without_end_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=f"mais de {MAX_ROWS} linhas"):
        parse_sheet(b"nome;email\n" + b";\n" * MAX_ROWS, "a.csv")


def test_blank_rows_are_skipped_and_the_others_keep_their_numbers() -> None:
    rows = parse_sheet(b"nome;email\nA;a@x.org\n;\n B ;\n", "a.csv")
    assert [(number, values["nome"]) for number, values in filled_rows(rows, COLUMNS, "a.csv")] == [(2, "A"), (4, "B")]


def test_missing_and_unknown_columns_are_all_told() -> None:
    with pytest.raises(InvalidInputError, match=r"falta a coluna email, a 2ª coluna é desconhecida.*nome;email"):
        check_columns([{"nome": "", "mail": ""}], COLUMNS, "a.csv")
    with pytest.raises(InvalidInputError, match="nenhuma linha preenchida"):
        check_columns([], COLUMNS, "a.csv")


def test_an_unknown_column_is_counted_past_columns_without_a_name() -> None:
    with pytest.raises(InvalidInputError, match="a 5ª coluna é desconhecida"):
        check_columns(parse_sheet(b"nome;;;email;mail;\nA;;;;;\n", "a.csv"), COLUMNS, "a.csv")
    check_columns(parse_sheet(b"nome;;email;;\nA;;;;\n", "a.csv"), COLUMNS, "a.csv")


@pytest.mark.parametrize(
    ("first_row", "message"),
    [
        ("Ana Lima;ana@x.org;12345678909", "Falta o cabeçalho"),
        ("Ana Lima;ana@x.org;ana@x.org", "Coluna repetida"),
        ("nome;email;Ana Lima;ana@x.org", "a 3ª coluna é desconhecida, a 4ª coluna é desconhecida"),
    ],
)
def test_a_sheet_whose_header_holds_data_is_refused_without_showing_any_of_it(first_row: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refusal:
        check_columns(parse_sheet(f"{first_row}\nJosé;j@x.org;2\n".encode(), "usuarios.csv"), COLUMNS, "usuarios.csv")
    for cell in ("ana", "lima", "12345678909", "x.org"):
        assert cell not in str(refusal.value).lower()


def test_rows_are_named_as_one_reads_them() -> None:
    assert name_rows([14]) == "linha 14"
    assert name_rows([14, 20, 97]) == "linha 14, 20 e 97"
