"""The spreadsheets that a prefeitura sends: they lie in its bucket, and every step reads what it needs there."""

from typing import Literal, get_args

from blocks.catalog import Catalog
from domain.environment import intake_bucket
from domain.errors import InvalidInputError
from domain.person import Person
from domain.spreadsheet import check_columns, parse_sheet
from domain.spreadsheet_prefeitura import PrefeituraSheet, read_prefeitura_rows
from domain.spreadsheet_training import TRAINING_COLUMNS
from domain.spreadsheet_units import UnitTree, read_unit_rows
from domain.spreadsheet_users import UserSheet, read_user_rows
from domain.user_table import UserTable, parse_user_table
from tasks import doors
from tasks.instance import Instance
from tasks.step import step

Sheet = Literal["unidades.csv", "usuarios.csv", "capacitacao.csv", "prefeitura.csv"]
SHEETS: tuple[Sheet, ...] = get_args(Sheet)


def judge_sheet(sheet: Sheet, content: bytes, where: str) -> tuple[str, ...]:
    """Refuse what can be known to be wrong before any environment is asked; `where` is the file that was sent.

    What is not wrong and yet worth telling comes back.

    Raises:
        InvalidInputError: every problem, with its row.
    """
    if sheet == "usuarios.csv":
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
    return read_unit_rows(parse_sheet(_require(municipality, "unidades.csv"), "unidades.csv"), where="unidades.csv")


def read_prefeitura(municipality: str) -> PrefeituraSheet:
    """What the prefeitura told of itself; nothing when it has not sent `prefeitura.csv`, which nothing waits for.

    Raises:
        InvalidInputError: every problem of the sheet, with its row.
    """
    body = read_sheet(municipality, "prefeitura.csv")
    if body is None:
        return PrefeituraSheet()
    return read_prefeitura_rows(parse_sheet(body, "prefeitura.csv"), where="prefeitura.csv")


def read_user_table(municipality: str) -> UserTable:
    """The users' spreadsheet as the prefeitura sent it."""
    return parse_user_table(_require(municipality, "usuarios.csv"), "usuarios.csv", Catalog().users_sheet())


def read_users(instance: Instance) -> UserSheet:
    """The prefeitura's people, judged against the environment's units and profiles and the contracted plan."""
    return judge_users(instance, read_user_table(instance.municipality.slug))


def judge_users(instance: Instance, table: UserTable) -> UserSheet:
    """Who of a users' spreadsheet can enter the environment, with the rest and its reasons."""
    contract = doors.registry().contract(instance.municipality.ibge)
    if contract is None:
        raise InvalidInputError(
            "O município não tem plano contratado",
            instance.municipality.slug,
            f"Registre o plano com ./implanta municipality plan {instance.municipality.slug}.",
        )
    people = instance.people
    return read_user_rows(
        table,
        units={unit.sigla for unit in people.list_units() if unit.ativo and unit.in_hierarchy},
        profiles=set(instance.users.profile_ids()),
        plan=contract.plan,
        plans=Catalog().plans(),
        where="usuarios.csv",
    )


def require_whole(sheet: UserSheet) -> tuple[Person, ...]:
    """Everybody in the spreadsheet; a spreadsheet with one bad row is sent back whole.

    Raises:
        InvalidInputError: the rows that were refused, with reasons and without personal data.
    """
    if sheet.rejected:
        rows = "; ".join(str(row) for row in sheet.rejected[:10])
        raise InvalidInputError(
            f"{len(sheet.rejected)} linha(s) recusada(s): {rows}", "usuarios.csv", "Corrija a planilha e envie de novo."
        )
    return sheet.accepted


def _require(municipality: str, name: Sheet) -> bytes:
    body = read_sheet(municipality, name)
    if body is None:
        raise InvalidInputError(
            f"A prefeitura ainda não enviou {name}",
            municipality,
            f"Envie com ./implanta municipality send {municipality} {name}.",
        )
    return body
