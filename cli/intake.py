"""Spreadsheets of a prefeitura, put into its bucket; the flow is told where they are, never what is in them."""

from collections.abc import Sequence
from pathlib import Path

from blocks.catalog import Catalog
from blocks.workbook import sheet_as_csv, user_sheet_as_csv
from domain.change import Change
from domain.environment import intake_bucket
from domain.errors import InvalidInputError
from domain.text import unaccent
from tasks import doors
from tasks.intake import SHEETS, Sheet, judge_sheet

_BY_FILE_NAME: dict[str, Sheet] = {name: sheet for sheet in SHEETS for name in (sheet, sheet.replace(".csv", ".xlsx"))}
_USERS: Sheet = "usuarios.csv"


def send_sheets(municipality: str, files: Sequence[Path], *, only: Sheet | None = None) -> dict[str, Change]:
    """Judge the files, CSV or XLSX, and store all of them as CSV, or none; what is there already is left.

    `only` says which spreadsheet the file is, whatever its name.

    Raises:
        InvalidInputError: an unknown name, one spreadsheet twice, or the problems of the first that is refused.
    """
    bodies: dict[Sheet, bytes] = {}
    notes: dict[Sheet, tuple[str, ...]] = {}
    for file in files:
        sheet = only or _sheet_of(file, municipality)
        if sheet in bodies:
            raise InvalidInputError(f"A planilha {sheet} veio duas vezes", municipality, "Envie um só arquivo dela.")
        bodies[sheet] = _read(file, sheet)
        notes[sheet] = judge_sheet(sheet, bodies[sheet], file.name)
    storage = doors.object_storage()
    bucket = intake_bucket(municipality)
    storage.ensure_bucket(bucket)
    return {
        sheet: storage.ensure_object(bucket, sheet, body) + Change(details=notes[sheet])
        for sheet, body in bodies.items()
    }


def send_text(municipality: str, name: str, text: str) -> Change:
    """Store a spreadsheet made here."""
    return doors.object_storage().ensure_object(intake_bucket(municipality), name, text.encode("utf-8"))


def sheet_named(kind: str | None, where: str) -> Sheet | None:
    """The spreadsheet that `--as` names, `usuarios` or `usuarios.csv`; None where it names none."""
    if kind is None:
        return None
    name = kind.removesuffix(".csv").strip().lower()
    for sheet in SHEETS:
        if sheet == f"{name}.csv":
            return sheet
    raise InvalidInputError(
        f"Planilha desconhecida: {kind}", where, f"Use {', '.join(sheet.removesuffix('.csv') for sheet in SHEETS)}."
    )


def _sheet_of(file: Path, municipality: str) -> Sheet:
    if file.name in _BY_FILE_NAME:
        return _BY_FILE_NAME[file.name]
    if unaccent(file.stem).lower().startswith("usuarios"):
        return _USERS
    raise InvalidInputError(
        f"Planilha desconhecida: {file.name}",
        municipality,
        f"Os nomes são {', '.join(_BY_FILE_NAME)}; o de usuários só precisa começar assim. Ou diga qual é com --as.",
    )


def _read(file: Path, sheet: Sheet) -> bytes:
    content = file.read_bytes()
    if file.suffix.lower() not in {".xlsx", ".xlsm", ".xls"}:
        return content
    if sheet == _USERS:
        return user_sheet_as_csv(content, file.name, Catalog().users_sheet())
    return sheet_as_csv(content, file.name, sheet.removesuffix(".csv"))
