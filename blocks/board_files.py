"""The board's tables as a spreadsheet, and as a PDF to print and to file."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from textwrap import wrap
from typing import TYPE_CHECKING

from domain.board.tables import Table, Value, shown
from domain.calendar import local_moment
from domain.spreadsheet import column_letter

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_DAY_FORMAT, _NUMBER_FORMAT = "dd/mm/yyyy", "#,##0"
_MIN_WIDTH, _MAX_WIDTH = 9, 48
_LONGEST_TITLE = 31  # of a page's name in Excel
_PAGE, _EDGE = (842.0, 595.0), 24.0
"""A4 across, in points."""
_HEAD, _FOOT = 50.0, 30.0
_SMALLEST_TEXT, _LARGEST_TEXT, _TEXT_FOR = 5.6, 8.5, 96.0
_SIGN_WIDTH = 0.5
"""Of Helvetica, in the mean of Portuguese text, as a part of its size."""


def board_workbook(tables: Sequence[Table], taken_at: datetime) -> bytes:
    """One page a table: days as days, numbers as numbers, headings that stay and filter; no cell is a formula."""
    from openpyxl import Workbook  # noqa: PLC0415  # half a second that only who writes one needs

    book = Workbook(write_only=True)
    book.properties.title = f"Painel em {local_moment(taken_at)}"
    for table in tables:
        page = book.create_sheet(table.title.split(":")[0][:_LONGEST_TITLE])
        page.freeze_panes = "B2"
        last = column_letter(len(table.headings) - 1)
        page.auto_filter.ref = f"A1:{last}{len(table.rows) + 1}"
        for index in range(len(table.headings)):
            longest = max(map(len, _column(table, index)))
            page.column_dimensions[column_letter(index)].width = min(max(longest + 2, _MIN_WIDTH), _MAX_WIDTH)
        page.append([_cell(page, heading, bold=True) for heading in table.headings])
        for row in table.rows:
            page.append([_cell(page, value) for value in row])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _column(table: Table, index: int) -> Iterator[str]:
    yield table.headings[index]
    for row in table.rows:
        yield shown(row[index])


def _cell(page: "WriteOnlyWorksheet", value: Value, *, bold: bool = False) -> "Cell":
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.styles import Font  # noqa: PLC0415

    if isinstance(value, str):
        cell = WriteOnlyCell(page, _NOT_IN_XML.sub(" ", value))
        cell.data_type = "s"  # openpyxl takes what begins with = for a formula
    elif isinstance(value, date):
        cell = WriteOnlyCell(page, datetime.combine(value, time()))
        cell.number_format = _DAY_FORMAT
    else:
        cell = WriteOnlyCell(page, value)
        cell.number_format = _NUMBER_FORMAT
    if bold:
        cell.font = Font(bold=True)
    return cell


def board_pdf(tables: Sequence[Table], taken_at: datetime) -> bytes:
    """A4 across, each table's headings on each of its pages; a text that is too long for its cell is cut, with a sign.

    Only text in fonts that every reader of PDF has, so that the hundred pages of a fleet are ready in a second.
    (LibreOffice took two minutes and 23 MB for the same tables, matplotlib 40 seconds: measured.)
    """
    from pypdf import PdfWriter  # noqa: PLC0415
    from pypdf.generic import DictionaryObject, NameObject, StreamObject, TextStringObject  # noqa: PLC0415

    writer, told = PdfWriter(), local_moment(taken_at)
    fonts = DictionaryObject()
    for name, font in (("/R", "/Helvetica"), ("/B", "/Helvetica-Bold")):
        entries = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": font, "/Encoding": "/WinAnsiEncoding"}
        made = DictionaryObject({NameObject(key): NameObject(value) for key, value in entries.items()})
        fonts[NameObject(name)] = writer._add_object(made)  # there is no other way to add a font
    for number, (table, grid, rows) in enumerate(_pages_of(tables), start=1):
        page = writer.add_blank_page(*_PAGE)
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        content = StreamObject()
        content.set_data(_drawn(table, grid, rows, f"Painel em {told} · página {number}"))
        page[NameObject("/Contents")] = writer._add_object(content.flate_encode())
    writer.add_metadata({"/Title": f"Painel em {told}", "/Creator": "Implanta"})
    writer._root_object[NameObject("/Lang")] = TextStringObject("pt-BR")
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


@dataclass(frozen=True)
class _Grid:
    """How a table is laid out: the size of its text, how wide its columns are, and how many lines a row has."""

    size: float
    columns: tuple[float, ...]
    lines: int

    @property
    def row(self) -> float:
        """The height of a row."""
        return self.lines * self.size * 1.2 + 5

    @property
    def rows_a_page(self) -> int:
        """How many rows fit below the headings."""
        return int((_PAGE[1] - _HEAD - _FOOT) // self.row) - 1

    @classmethod
    def of(cls, table: Table) -> "_Grid":
        """Short columns get what they need; long ones share what is left, and break into two lines."""
        size = min(_LARGEST_TEXT, max(_SMALLEST_TEXT, _TEXT_FOR / len(table.headings)))
        wanted = [(max(map(len, _column(table, n))) + 1) * size * _SIGN_WIDTH + 6 for n in range(len(table.headings))]
        room = _PAGE[0] - 2 * _EDGE
        most = room
        if sum(wanted) > room:
            open_, left = sorted(wanted), room
            while open_ and open_[0] <= left / len(open_):
                left -= open_.pop(0)
            most = left / len(open_)
        columns = tuple(min(one, most) for one in wanted)
        return cls(size, columns, 2 if max(wanted) > most else 1)


def _pages_of(tables: Sequence[Table]) -> Iterator[tuple[Table, _Grid, Sequence[tuple[Value, ...]]]]:
    for table in tables:
        grid = _Grid.of(table)
        for first in range(0, max(len(table.rows), 1), grid.rows_a_page):
            yield table, grid, table.rows[first : first + grid.rows_a_page]


def _drawn(table: Table, grid: _Grid, rows: Sequence[tuple[Value, ...]], foot: str) -> bytes:
    """The drawing of one page, in PDF's own language."""
    height = _PAGE[1]
    made = [_text(_EDGE, height - 38, table.title, 13, "B"), _text(_EDGE, 16, foot, 7)]
    top = height - _HEAD
    made.append(f"0.91 0.93 0.96 rg {_EDGE} {top - grid.row:.1f} {sum(grid.columns):.1f} {grid.row:.1f} re f")
    made += _row(table.headings, grid, top, "B")
    for number, row in enumerate(rows, start=1):
        ceiling = top - number * grid.row
        made += _row([shown(value) for value in row], grid, ceiling, "R")
        line = ceiling - grid.row
        made.append(f"0.77 0.79 0.83 RG 0.3 w {_EDGE} {line:.1f} m {_EDGE + sum(grid.columns):.1f} {line:.1f} l S")
    return "\n".join(made).encode("cp1252", "replace")


def _row(texts: Sequence[str], grid: _Grid, top: float, font: str) -> Iterator[str]:
    left = _EDGE
    for text, width in zip(texts, grid.columns, strict=True):
        fits = max(int((width - 4) / (grid.size * _SIGN_WIDTH)), 2)
        lines = wrap(text, fits, max_lines=grid.lines, placeholder="…") or [text[: fits - 1]]
        words = " ".join(
            _text(left + 2, top - (number + 1) * grid.size * 1.2, line, grid.size, font)
            for number, line in enumerate(lines)
        )
        # Clipped as well: how wide a text is is only estimated.
        yield f"q {left:.1f} {top - grid.row:.1f} {width - 1:.1f} {grid.row:.1f} re W n {words} Q"
        left += width


def _text(left: float, base: float, text: str, size: float, font: str = "R") -> str:
    safe = _NOT_IN_XML.sub(" ", text).replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"BT 0.11 0.12 0.15 rg /{font} {size:.1f} Tf {left:.1f} {base:.1f} Td ({safe}) Tj ET"
