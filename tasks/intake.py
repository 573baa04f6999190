"""The spreadsheets that a prefeitura sends: they lie in its bucket, and every step reads what it needs there."""

import hashlib
from typing import Literal, get_args

from blocks.catalog import Catalog
from domain.environment import intake_bucket
from domain.errors import InvalidInputError
from domain.spreadsheet import check_columns, parse_sheet
from domain.spreadsheet_prefeitura import PrefeituraSheet, read_prefeitura_rows
from domain.spreadsheet_training import TRAINING_COLUMNS
from domain.spreadsheet_units import UnitTree, read_unit_rows
from domain.user_table import parse_user_table
from tasks import doors
from tasks.step import step

Sheet = Literal["unidades.csv", "usuarios.csv", "capacitacao.csv", "prefeitura.csv"]
SHEETS: tuple[Sheet, ...] = get_args(Sheet)
USERS: Sheet = "usuarios.csv"


def judge_sheet(sheet: Sheet, content: bytes, where: str) -> tuple[str, ...]:
    """Refuse what can be known to be wrong before any environment is asked; `where` is the file that was sent.

    What is not wrong and yet worth telling comes back.

    Raises:
        InvalidInputError: every problem, with its row.
    """
    if sheet == USERS:
        ignored = parse_user_table(content, where, Catalog().users_sheet()).ignored_columns
        return tuple(f"coluna ignorada: {column}" for column in ignored)
    rows = parse_sheet(content, where)
    if sheet == "unidades.csv":
        read_unit_rows(rows, where=where)
    elif sheet == "prefeitura.csv":
        read_prefeitura_rows(rows, where=where)
    else:
        check_columns(rows, TRAINING_COLUMNS, where)
    return ()


def read_sheet(municipality: str, name: Sheet) -> bytes | None:
    """The newest version of a spreadsheet, or None when the prefeitura has not sent it."""
    return doors.object_storage().find_object(intake_bucket(municipality), name)


@step("planilhas recebidas")
def missing_sheets(municipality: str, *names: Sheet) -> tuple[str, ...]:
    """What the prefeitura still owes, as reasons to wait."""
    return tuple(
        f"A prefeitura ainda não enviou {name} (./implanta municipality send {municipality} ARQUIVO)."
        for name in names
        if not doors.object_storage().has_object(intake_bucket(municipality), name)
    )


def read_units(municipality: str) -> UnitTree:
    """The prefeitura's units.

    Raises:
        InvalidInputError: every problem of the spreadsheet, with its row.
    """
    return read_unit_rows(
        parse_sheet(require_sheet(municipality, "unidades.csv"), "unidades.csv"), where="unidades.csv"
    )


def read_prefeitura(municipality: str) -> PrefeituraSheet:
    """What the prefeitura told of itself; nothing when it has not sent `prefeitura.csv`, which nothing waits for.

    Raises:
        InvalidInputError: every problem of the sheet, with its row.
    """
    body = read_sheet(municipality, "prefeitura.csv")
    if body is None:
        return PrefeituraSheet()
    return read_prefeitura_rows(parse_sheet(body, "prefeitura.csv"), where="prefeitura.csv")


def require_sheet(municipality: str, name: Sheet) -> bytes:
    """The newest version of a spreadsheet. Raises InvalidInputError when the prefeitura has not sent it."""
    body = read_sheet(municipality, name)
    if body is None:
        raise InvalidInputError(
            f"A prefeitura ainda não enviou {name}",
            municipality,
            f"Envie com ./implanta municipality send {municipality} {name}.",
        )
    return body


def load_delivered(municipality: str, object_key: str, sha256: str) -> bytes:
    """An object that another system put into the municipality's bucket and announced by its digest.

    Raises:
        InvalidInputError: it is not there, or is not what was announced.
    """
    content = doors.object_storage().find_object(intake_bucket(municipality), object_key)
    if content is None or hashlib.sha256(content).hexdigest() != sha256:
        raise InvalidInputError(
            "O objeto anunciado não está no balde de entrada, ou não é o que foi anunciado",
            f"{intake_bucket(municipality)}/{object_key}",
            "Entregue o objeto de novo e avise com outro número.",
        )
    return content
