"""The users' spreadsheet of an environment's prefeitura: read, judged, and what of it goes back."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from blocks.catalog import Catalog
from blocks.rehearsal import is_rehearsal
from blocks.returned_sheet import returned_sheet
from domain.environment import intake_bucket
from domain.errors import IntegrityError, InvalidInputError
from domain.plan import Plan, PlanTable
from domain.spreadsheet import RejectedRow
from domain.spreadsheet_users import UserSheet, read_user_rows
from domain.user_table import UserTable, parse_user_table
from domain.users_guard import UserLimits
from tasks import doors
from tasks.instance import Instance
from tasks.intake import USERS, require_sheet

ALL_PERCENT = 100


@dataclass(frozen=True)
class ReadSheet:
    """A spreadsheet as it was sent, as it was judged, and what it was judged by: units and perfis by name, the plan."""

    sha256: str
    table: UserTable
    sheet: UserSheet
    units: Mapping[str, int]
    profiles: Mapping[str, int]
    plan: Plan

    def cells_of(self, rows: Collection[int]) -> set[str]:
        """Whatever stands in these rows."""
        wanted = set(rows)
        return {cell for number, cells in self.table.rows if number in wanted for cell in cells if cell}


def read_user_sheet(instance: Instance, content: bytes | None = None) -> ReadSheet:
    """The prefeitura's people, judged against the environment's units and profiles and the contracted plan.

    `content` stands for the spreadsheet that the prefeitura sent.

    Raises:
        InvalidInputError: the file as a whole cannot be read, or is of more people than were contracted.
    """
    contract = doors.registry().contract(instance.municipality.ibge)
    if contract is None:
        raise InvalidInputError(
            "O município não tem plano contratado",
            instance.municipality.slug,
            f"Registre o plano com ./implanta municipality plan {instance.municipality.slug}.",
        )
    return _judge(
        require_sheet(instance.municipality.slug, USERS) if content is None else content,
        frozenset(working_units(instance).items()),
        frozenset(instance.users.profile_ids().items()),
        contract.plan,
        Catalog().plans(),
    )


def working_units(instance: Instance) -> dict[str, int]:
    """SIP's id of each unit in which one can work, by its sigla."""
    return {unit.sigla: unit.id_unidade for unit in instance.people.list_units() if unit.ativo and unit.in_hierarchy}


@lru_cache(maxsize=2)  # every step of an import reads it, and ten thousand rows take a second
def _judge(
    content: bytes,
    units: frozenset[tuple[str, int]],
    profiles: frozenset[tuple[str, int]],
    plan: Plan,
    plans: PlanTable,
) -> ReadSheet:
    unit_ids, profile_ids = dict(units), dict(profiles)
    table = parse_user_table(content, USERS, Catalog().users_sheet())
    return ReadSheet(
        sha256=hashlib.sha256(content).hexdigest(),
        table=table,
        sheet=read_user_rows(
            table, units=unit_ids.keys(), profiles=profile_ids.keys(), plan=plan, plans=plans, where=USERS
        ),
        units=unit_ids,
        profiles=profile_ids,
        plan=plan,
    )


def prove_accepted(read: ReadSheet, limits: UserLimits, *, partial: bool) -> None:
    """Have an independent suite say the same of the accepted people; `partial`: a person let the others go back.

    Raises:
        IntegrityError: it does not, which is a defect of ours; nothing was written.
    """
    from blocks.user_suite import judge_user_sheet  # noqa: PLC0415  # importing its library takes seconds

    share = 0.0 if partial else (ALL_PERCENT - limits.refused_percent) / ALL_PERCENT
    verdict = judge_user_sheet(
        read.sheet, units=read.units.keys(), profiles=read.profiles.keys(), min_accepted_share=share
    )
    if not verdict.holds:
        raise IntegrityError(
            f"As pessoas aceitas não cumprem: {'; '.join(str(rule) for rule in verdict.broken)}",
            USERS,
            "Nada foi gravado. Guarde a planilha e avise quem mantém o Implanta.",
        )


def keep_returned(instance: Instance, read: ReadSheet, refused: Sequence[RejectedRow]) -> str:
    """Put the refused rows, with the reason, into the prefeitura's bucket; their key."""
    key = _returned_key(instance, read.sha256)
    if not is_rehearsal():
        body = returned_sheet(read.table, read.sheet.model_copy(update={"rejected": tuple(refused)}))
        doors.object_storage().ensure_object(intake_bucket(instance.municipality.slug), key, body)
    return key


def load_returned(instance: Instance) -> bytes:
    """The XLSX with the refused rows of the newest spreadsheet.

    Raises:
        InvalidInputError: it has none, or nobody planned it yet.
    """
    sha256 = hashlib.sha256(require_sheet(instance.municipality.slug, USERS)).hexdigest()
    bucket = intake_bucket(instance.municipality.slug)
    body = doors.object_storage().find_object(bucket, _returned_key(instance, sha256))
    if body is None:
        raise InvalidInputError(
            "A planilha atual não tem linhas recusadas",
            instance.name.slug,
            f"Veja o plano com ./implanta users plan {instance.name.slug}.",
        )
    return body


def _returned_key(instance: Instance, sha256: str) -> str:
    return f"devolvidas/{instance.name.slug}/usuarios-{sha256[:16]}.xlsx"
