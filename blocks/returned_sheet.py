"""The users' spreadsheet that goes back to the prefeitura: the rows that were rejected, and why."""

from collections.abc import Sequence

from blocks.text_workbook import text_workbook
from domain.person import cpf_digits
from domain.spreadsheet_users import UserSheet
from domain.user_table import REASON_COLUMN, UserTable, heading_key

_TITLE = "usuarios"
_REASON_WIDTH = 80


def returned_sheet(table: UserTable, sheet: UserSheet) -> bytes:
    """An XLSX with the sender's own heading and cells of the rejected rows, and a last column with the reasons.

    Every cell is text, so that nothing counts as a formula and CPFs keep their zeros. Corrected, it can be sent again:
    the column of reasons is ignored.
    """
    reasons = {row.linha: str(row) for row in sheet.rejected}
    rows = [(_own_cells(table, cells), reasons[number]) for number, cells in table.rows if number in reasons]
    heading = _without_reasons(table, table.heading)
    width = max([len(heading), *(len(cells) for cells, _ in rows)])
    return text_workbook(
        _TITLE,
        [*_padded(heading, width), REASON_COLUMN],
        [[*_padded(cells, width), reason] for cells, reason in rows],
        last_width=_REASON_WIDTH,
    )


def _padded(cells: list[str], width: int) -> list[str]:
    return cells + [""] * (width - len(cells))


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
