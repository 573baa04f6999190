"""Spreadsheets in XLSX, turned into the CSV that every step reads: one way to store them, one way to judge them."""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from itertools import product
from typing import TYPE_CHECKING, Any

from domain.errors import InvalidInputError
from domain.spreadsheet import BROKEN_FORMULA, MAX_ROWS, MERGED_CELL, UNSAVED_FORMULA, name_rows
from domain.text import unaccent
from domain.user_table import MAX_ROWS_ABOVE_HEADING, UserSheetRule

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

MAX_UNZIPPED_BYTES = 20_000_000  # 4,000 people are 2 MB; openpyxl takes some fifty times the size in memory
MAX_COLUMNS = 100
MAX_MERGED_CELLS = 100_000
_SHOWN = 10
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # also what encrypts an XLSX with a password
_FORMULA, _ERROR = "f", "e"
# As the file has it: openpyxl makes an object of each cell that a range covers, a thousand million of them if told so.
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\b[^>]*\bref\s*=\s*[\"']([A-Z0-9:$]{1,40})[\"']")
_ZEROS = re.compile(r"0+")


def sheet_as_csv(content: bytes, name: str, sheet: str) -> bytes:
    """The worksheet of this name, or the only one, as CSV in UTF-8 separated by `;`; rows keep their numbers.

    Numbers and days become the text that people read: 123, 23/11/2026. A formula counts as the value that Excel saved.

    Raises:
        InvalidInputError: not an XLSX that can be read whole, or cells whose value is not certain, each one named.
    """
    values, formulas = _open_both(content, name)
    chosen = _choose(values, name, sheet)
    where = f"{name}, aba {chosen.title!r}"
    _refuse_extent(chosen, where)
    _refuse_merged(chosen, where)
    _refuse_uncertain(chosen, formulas[chosen.title], where)
    return _as_csv(chosen, where, {})


def user_sheet_as_csv(content: bytes, name: str, rule: UserSheetRule) -> bytes:
    """The worksheet `usuarios`, or the only one that has the heading of users, as CSV like any other.

    A cell whose value is not certain costs its row, not the file: the row says so (`UNREADABLE_CELLS`).

    Raises:
        InvalidInputError: not an XLSX that can be read, or no worksheet is certainly that of the users.
    """
    values, formulas = _open_both(content, name)
    chosen = _choose_users(values, name, rule)
    where = f"{name}, aba {chosen.title!r}"
    _refuse_extent(chosen, where)
    return _as_csv(chosen, where, _uncertain(chosen, formulas[chosen.title]))


def _as_csv(sheet: "Worksheet", where: str, uncertain: Mapping[tuple[int, int], str]) -> bytes:
    rows = [
        [uncertain.get((row, column)) or _text(cell) for column, cell in enumerate(cells, start=1)]
        for row, cells in enumerate(sheet.iter_rows(), start=1)
    ]
    while rows and not any(rows[-1]):
        rows.pop()
    if not rows:
        raise InvalidInputError("A planilha está vazia", where, "Envie a planilha preenchida.")
    width = max(position for row in rows for position, text in enumerate(row, start=1) if text)
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\n").writerows(row[:width] for row in rows)
    return text.getvalue().encode()


def _open_both(content: bytes, name: str) -> "tuple[Workbook, Workbook]":
    """The workbook with the values that were saved, and with its formulas."""
    _refuse_other_files(content, name)
    return _open(content, name, values=True), _open(content, name, values=False)


def _refuse_other_files(content: bytes, name: str) -> None:
    if content.startswith(_OLE):
        raise _unreadable("O arquivo está protegido por senha ou é do formato antigo do Excel (.xls)", name)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            size = sum(entry.file_size for entry in archive.infolist())
            # A part whose declared size is false does not open: what is read here is bounded.
            merged = _huge_ranges(archive, names) if size <= MAX_UNZIPPED_BYTES else []
    except zipfile.BadZipFile as error:
        cut = content.startswith(_ZIP)
        raise _unreadable("O arquivo XLSX está incompleto" if cut else "O arquivo não é um XLSX", name) from error
    if "xl/workbook.xml" not in names:
        raise _unreadable("O arquivo não é um XLSX", name)
    if merged:
        raise InvalidInputError(
            f"Há células mescladas demais: {_some(merged)}", name, "Desfaça a mesclagem, em todas as abas, e reenvie."
        )
    if size > MAX_UNZIPPED_BYTES:
        raise InvalidInputError(
            f"O arquivo aberto ocupa {size // 1_000_000} MB, e o limite é {MAX_UNZIPPED_BYTES // 1_000_000} MB",
            name,
            "Deixe na planilha só as colunas pedidas, sem imagens, e reenvie.",
        )


def _huge_ranges(archive: zipfile.ZipFile, names: list[str]) -> list[str]:
    """The merged ranges of all worksheets, if together they cover more cells than a spreadsheet of ours may have."""
    from openpyxl.utils import range_boundaries  # noqa: PLC0415

    sheets = [part for part in names if part.startswith("xl/worksheets/") and part.endswith(".xml")]
    covered = 0
    try:
        refs = [ref.decode() for part in sheets for ref in _MERGED.findall(archive.read(part))]
        for ref in refs:
            left, top, right, bottom = (int(bound or 1) for bound in range_boundaries(ref))
            covered += (right - left + 1) * (bottom - top + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError):
        return []  # damaged, which is told when it is opened
    return refs if covered > MAX_MERGED_CELLS else []


def _open(content: bytes, name: str, *, values: bool) -> "Workbook":
    from openpyxl import load_workbook  # noqa: PLC0415  # half a second that only XLSX needs

    try:
        return load_workbook(io.BytesIO(content), data_only=values)
    except Exception as error:  # openpyxl lets through whatever its parsers raise on a damaged part
        raise _unreadable("O arquivo XLSX está danificado", name) from error


def _choose(workbook: "Workbook", name: str, sheet: str) -> "Worksheet":
    found = workbook.worksheets
    if len(found) == 1:
        return found[0]
    named = [worksheet for worksheet in found if unaccent(worksheet.title).strip().lower() == sheet]
    if len(named) != 1:
        raise InvalidInputError(
            f"O arquivo tem {len(found)} abas, e nenhuma se chama {sheet!r}", name, f"Dê à aba o nome {sheet!r}."
        )
    return named[0]


def _choose_users(workbook: "Workbook", name: str, rule: UserSheetRule) -> "Worksheet":
    found = workbook.worksheets
    if len(found) == 1:
        return found[0]
    named = [worksheet for worksheet in found if unaccent(worksheet.title).strip().lower() == "usuarios"]
    fitting = named if len(named) == 1 else [worksheet for worksheet in found if _has_heading(worksheet, rule)]
    if len(fitting) != 1:
        titles = ", ".join(repr(worksheet.title) for worksheet in fitting or found)
        many = "mais de uma tem" if fitting else "nenhuma tem"
        raise InvalidInputError(
            f"O arquivo tem {len(found)} abas, e {many} as colunas da planilha de usuários: {titles}",
            name,
            "Dê à aba das pessoas o nome 'usuarios'.",
        )
    return fitting[0]


def _has_heading(sheet: "Worksheet", rule: UserSheetRule) -> bool:
    rows = sheet.iter_rows(max_row=MAX_ROWS_ABOVE_HEADING + 1, max_col=MAX_COLUMNS)
    return rule.heading_in([[_text(cell) for cell in row] for row in rows]) is not None


def _uncertain(sheet: "Worksheet", formulas: "Worksheet") -> dict[tuple[int, int], str]:
    """What to say of each cell whose value is not certain, by row and column."""
    found: dict[tuple[int, int], str] = {}
    for merged in sheet.merged_cells.ranges:
        first = (merged.min_row, merged.min_col)
        if sheet.cell(*first).value is not None:
            places = product(range(first[0], merged.max_row + 1), range(first[1], merged.max_col + 1))
            found |= {place: MERGED_CELL for place in places if place != first}
    found |= {(cell.row, cell.column): BROKEN_FORMULA for cell in _cells(sheet) if cell.data_type == _ERROR}
    found |= {
        (cell.row, cell.column): UNSAVED_FORMULA
        for cell in _cells(formulas)
        if cell.data_type == _FORMULA and sheet.cell(cell.row, cell.column).value is None
    }
    return found


def _refuse_extent(sheet: "Worksheet", where: str) -> None:
    if sheet.max_row > MAX_ROWS or sheet.max_column > MAX_COLUMNS:
        raise InvalidInputError(
            f"A planilha vai até a linha {sheet.max_row} e a {sheet.max_column}ª coluna; os limites são {MAX_ROWS} e"
            f" {MAX_COLUMNS}",
            where,
            "Apague as linhas e colunas vazias do fim e reenvie.",
        )


def _refuse_merged(sheet: "Worksheet", where: str) -> None:
    ranges = sorted(sheet.merged_cells.ranges, key=lambda found: (found.min_row, found.min_col))
    if ranges:
        rows = sorted({found.min_row for found in ranges})
        raise InvalidInputError(
            f"Há células mescladas na {name_rows(rows[:_SHOWN])}: {_some([found.coord for found in ranges])}",
            where,
            "Desfaça a mesclagem, escreva o valor em cada linha e reenvie.",
        )


def _refuse_uncertain(sheet: "Worksheet", formulas: "Worksheet", where: str) -> None:
    broken = [cell.coordinate for cell in _cells(sheet) if cell.data_type == _ERROR]
    if broken:
        raise InvalidInputError(
            f"Há células com erro (#REF!, #N/D…): {_some(broken)}", where, "Corrija as fórmulas e reenvie."
        )
    unsaved = [
        cell.coordinate
        for cell in _cells(formulas)
        if cell.data_type == _FORMULA and sheet[cell.coordinate].value is None
    ]
    if unsaved:
        raise InvalidInputError(
            f"Há fórmulas sem valor gravado: {_some(unsaved)}", where, "Copie e cole só os valores, salve e reenvie."
        )


def _cells(sheet: "Worksheet") -> "Iterator[Cell]":
    for row in sheet.iter_rows():
        yield from row  # type: ignore[misc]  # merged cells, the other kind, have neither value nor formula


def _text(cell: Any) -> str:  # noqa: ANN401  # whatever openpyxl has in a row
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "S" if value else "N"
    if isinstance(value, datetime):
        return f"{value:%d/%m/%Y}" if value.time() == time() else f"{value:%d/%m/%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and _ZEROS.fullmatch(cell.number_format):
        return str(value).zfill(len(cell.number_format))  # shown as 007, so meant as 007
    return str(value)


def _some(coordinates: list[str]) -> str:
    more = f" e mais {len(coordinates) - _SHOWN}" if len(coordinates) > _SHOWN else ""
    return ", ".join(coordinates[:_SHOWN]) + more


def _unreadable(what: str, name: str) -> InvalidInputError:
    return InvalidInputError(what, name, "Salve a planilha como XLSX, sem senha, ou como CSV UTF-8 e reenvie.")
