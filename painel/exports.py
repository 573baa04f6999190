"""The board's tables as files; one PDF at a time, and once for each board."""

from collections.abc import Sequence
from threading import Lock

from blocks.board_files import board_pdf, board_workbook
from domain.board.board import Board
from domain.board.tables import Table

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Exports:
    """Writes the files; the last PDF is kept, for a fleet's takes seconds."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = Lock()
        self._kept: tuple[tuple[Table, ...], bytes] | None = None

    def xlsx(self, board: Board, tables: Sequence[Table]) -> bytes:
        """A spreadsheet with a page for each table."""
        return board_workbook(tables, board.taken_at)

    def pdf(self, board: Board, tables: Sequence[Table]) -> bytes:
        """A PDF with all tables."""
        wanted = tuple(tables)
        with self._lock:
            if self._kept is None or self._kept[0] != wanted:
                self._kept = (wanted, board_pdf(wanted, board.taken_at))
            return self._kept[1]
