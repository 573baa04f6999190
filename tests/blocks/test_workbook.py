"""XLSX read as people see it, and refused, cell by cell, where that is not certain."""

import io
import time
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from openpyxl import Workbook

from blocks.workbook import MAX_COLUMNS, sheet_as_csv
from domain.errors import InvalidInputError
from domain.spreadsheet import MAX_ROWS, parse_sheet
from tests.blocks.workbooks import HEADER, ROWS, make_book, saved, with_cached_values, with_part, zip_bomb

NAME = "unidades.xlsx"


def read(content: bytes) -> bytes:
    return sheet_as_csv(content, NAME, "unidades")


def test_a_sheet_becomes_the_csv_that_every_step_reads() -> None:
    content = read(saved(make_book()))
    assert content.decode() == "sigla;descricao;superior;email\nGAB;Gabinete do Prefeito;;\nSME;Educação;GAB;\n"
    assert [row["sigla"] for row in parse_sheet(content, NAME)] == ["GAB", "SME"]


def test_rows_keep_their_numbers_and_what_is_blank_at_the_end_is_left_out() -> None:
    book = make_book([HEADER, ("GAB", "Gabinete"), (), ("SME", "Educação"), (None, None, None, None, None, ""), ()])
    rows = parse_sheet(read(saved(book)), NAME)
    assert [row["sigla"] for row in rows] == ["GAB", "", "SME"]
    assert list(rows[0]) == list(HEADER)


@pytest.mark.parametrize(
    ("value", "format_", "text"),
    [
        (123, "General", "123"),
        (123.0, "General", "123"),
        (7, "000", "007"),
        (1.5, "General", "1.5"),
        (datetime(2026, 11, 23), "dd/mm/yyyy", "23/11/2026"),  # noqa: DTZ001  # a cell has no time zone
        (date(2026, 11, 3), "dd/mm/yyyy", "03/11/2026"),
        (True, "General", "S"),
        (" GAB ", "General", " GAB "),
        ("a;b", "General", '"a;b"'),
    ],
)
def test_a_value_becomes_the_text_that_people_read(value: Any, format_: str, text: str) -> None:  # noqa: ANN401
    book = make_book([("sigla",), (value,)])
    book.worksheets[0]["A2"].number_format = format_
    assert read(saved(book)).decode() == f"sigla\n{text}\n"


def test_of_several_sheets_the_named_one_is_read_whatever_its_case() -> None:
    book = make_book([("outra",)], title="Instruções")
    sheet = book.create_sheet("UNIDADES")
    sheet.append(["sigla"])
    assert read(saved(book)) == b"sigla\n"


def test_a_formula_counts_as_the_value_that_was_saved() -> None:
    book = make_book([*ROWS, ("=1+122", "Compras", "GAB", None)])
    assert b"\n123;Compras;GAB;\n" in read(with_cached_values(saved(book), {"1+122": "123"}))


def several_sheets() -> Workbook:
    book = make_book(title="Secretarias")
    book.create_sheet("Plan2")
    return book


def merged() -> Workbook:
    book = make_book()
    book.worksheets[0].merge_cells("C2:C3")
    return book


def with_cell(value: str, kind: str | None = None) -> Workbook:
    book = make_book()
    book.worksheets[0]["B3"] = value
    if kind:
        book.worksheets[0]["B3"].data_type = kind
    return book


def far_cell(row: int, column: int) -> Workbook:
    book = make_book()
    book.worksheets[0].cell(row, column, "x")
    return book


@pytest.mark.parametrize(
    ("book", "message"),
    [
        (several_sheets(), "O arquivo tem 2 abas, e nenhuma se chama 'unidades'"),
        (make_book([]), "A planilha está vazia"),
        (merged(), "Há células mescladas na linha 2: C2:C3"),
        (with_cell("=A1&A2"), "Há fórmulas sem valor gravado: B3"),
        (with_cell("#REF!", "e"), "Há células com erro.*B3"),
        (far_cell(MAX_ROWS + 1, 1), f"vai até a linha {MAX_ROWS + 1}"),
        (far_cell(2, MAX_COLUMNS + 1), f"a {MAX_COLUMNS + 1}ª coluna"),
    ],
)
def test_what_is_not_certain_is_refused_with_its_place(book: Workbook, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as refusal:
        read(saved(book))
    assert NAME in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"sigla;descricao\n", "não é um XLSX"),
        (b"", "não é um XLSX"),
        (saved(make_book())[:2000], "está incompleto"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "protegido por senha ou é do formato antigo"),
        (zip_bomb(), "O arquivo aberto ocupa 100 MB, e o limite é 20 MB"),
    ],
)
def test_what_is_no_workbook_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read(content)


@pytest.mark.parametrize("ref", ["A5:CV20000", "A1:XFD1048576"])
def test_a_merged_range_that_would_fill_the_memory_is_refused_before_it_is_opened(ref: str) -> None:
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(saved(merged()))) as archive:
        text = archive.read(sheet).replace(b'ref="C2:C3"', f'ref="{ref}"'.encode())
    started = time.monotonic()
    with pytest.raises(InvalidInputError, match=f"células mescladas demais: {ref}"):
        read(with_part(saved(merged()), sheet, text))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"])
def test_a_workbook_with_a_damaged_part_is_refused(part: str) -> None:
    with pytest.raises(InvalidInputError, match="O arquivo XLSX está danificado"):
        read(with_part(saved(make_book()), part, b"<worksheet><rasgado"))
