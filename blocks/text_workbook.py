"""An XLSX of nothing but text, for people: no cell counts as a formula, and numbers keep their zeros."""

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from domain.spreadsheet import column_letter

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

_MAX_CELL = 32_767  # of Excel
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MIN_WIDTH, _MAX_WIDTH = 10, 45
_AS_TEXT = "@"


def text_workbook(
    title: str, heading: Sequence[str], rows: Sequence[Sequence[str]], *, last_width: int = _MAX_WIDTH
) -> bytes:
    """One page with a heading that stays in view and can be filtered; each row has as many cells as the heading.

    `last_width` is of the last column, in characters; the others are as wide as what stands in them, within bounds.
    """
    from openpyxl import Workbook  # noqa: PLC0415  # half a second that only who writes one needs

    book = Workbook(write_only=True)
    page = book.create_sheet(title)
    page.freeze_panes = "A2"
    lines = [heading, *rows]
    last = len(heading) - 1
    for index in range(last):
        longest = max(len(cells[index]) for cells in lines)
        page.column_dimensions[column_letter(index)].width = min(max(longest + 2, _MIN_WIDTH), _MAX_WIDTH)
    page.column_dimensions[column_letter(last)].width = last_width
    page.auto_filter.ref = f"A1:{column_letter(last)}{len(lines)}"
    page.append([_cell(page, text, bold=True) for text in heading])
    for cells in rows:
        page.append([_cell(page, text) for text in cells])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _cell(page: "WriteOnlyWorksheet", text: str, *, bold: bool = False) -> "Cell":
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.styles import Alignment, Font  # noqa: PLC0415

    cell = WriteOnlyCell(page, _NOT_IN_XML.sub(" ", text)[:_MAX_CELL])
    cell.data_type = "s"  # openpyxl takes what begins with = for a formula
    cell.number_format = _AS_TEXT
    cell.alignment = Alignment(vertical="top", wrap_text=True)
    if bold:
        cell.font = Font(bold=True)
    return cell
