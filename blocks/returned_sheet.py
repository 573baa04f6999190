"""The users' spreadsheet that goes back to the prefeitura: the rows that were rejected, and why."""

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from domain.person import cpf_digits
from domain.spreadsheet import column_letter
from domain.spreadsheet_users import UserSheet
from domain.user_table import REASON_COLUMN, UserTable, heading_key

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

_TITLE = "usuarios"
_MAX_CELL = 32_767  # of Excel
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MIN_WIDTH, _MAX_WIDTH, _REASON_WIDTH = 10, 45, 80
_AS_TEXT = "@"


def returned_sheet(table: UserTable, sheet: UserSheet) -> bytes:
    """An XLSX with the sender's own heading and cells of the rejected rows, and a last column with the reasons.

    Every cell is text, so that nothing counts as a formula and CPFs keep their zeros. Corrected, it can be sent again:
    the column of reasons is ignored.
    """
    from openpyxl import Workbook  # noqa: PLC0415  # half a second that only who returns something needs

    reasons = {row.linha: str(row) for row in sheet.rejected}
    rows = [(_own_cells(table, cells), reasons[number]) for number, cells in table.rows if number in reasons]
    heading = _without_reasons(table, table.heading)
    width = max([len(heading), *(len(cells) for cells, _ in rows)])
    padded = [heading + [""] * (width - len(heading)), *(cells + [""] * (width - len(cells)) for cells, _ in rows)]
    book = Workbook(write_only=True)
    page = book.create_sheet(_TITLE)
    page.freeze_panes = "A2"
    for index in range(width):
        longest = max(len(cells[index]) for cells in padded)
        page.column_dimensions[column_letter(index)].width = min(max(longest + 2, _MIN_WIDTH), _MAX_WIDTH)
    page.column_dimensions[column_letter(width)].width = _REASON_WIDTH
    page.auto_filter.ref = f"A1:{column_letter(width)}{len(padded)}"
    page.append([_cell(page, text, bold=True) for text in [*padded[0], REASON_COLUMN]])
    for cells, (_, reason) in zip(padded[1:], rows, strict=True):
        page.append([_cell(page, text) for text in [*cells, reason]])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _own_cells(table: UserTable, cells: tuple[str, ...]) -> list[str]:
    written = list(cells)
    place = table.columns["cpf"]
    if place < len(written) and (digits := cpf_digits(written[place])):
        written[place] = digits
    return _without_reasons(table, written)


def _without_reasons(table: UserTable, cells: Sequence[str]) -> list[str]:
    """The cells without those of a column of reasons that came back with a sheet returned before."""
    reasons = {at for at, title in enumerate(table.heading) if heading_key(title) == heading_key(REASON_COLUMN)}
    return [cell for at, cell in enumerate(cells) if at not in reasons]


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
