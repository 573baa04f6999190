"""Limits that keep a wrong spreadsheet from taking a city's people away."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Annotated

from pydantic import Field, NonNegativeInt

from domain.catalog_entry import CatalogEntry
from domain.model import Frozen
from domain.person import is_reserved_login
from domain.sip_user import SipUser, UserState
from domain.users_plan import IDENTITY, StepKind, UsersPlan

Percent = Annotated[float, Field(ge=0, le=100)]


class UserLimits(CatalogEntry):
    """How much one spreadsheet may change by itself; past a limit a person must say yes to that very plan.

    A percentage alone never fires in a town of forty users, a number alone is nothing in a city of two thousand.
    """

    leavers: NonNegativeInt = Field(alias="saidas", description="Most people that one spreadsheet may take away.")
    leavers_percent: Percent = Field(alias="saidas_percentual", description="The same, in % of the active users.")
    changes: NonNegativeInt = Field(
        alias="mudancas", description="Most people already there that it may change or take away."
    )
    changes_percent: Percent = Field(alias="mudancas_percentual", description="The same, in % of the active users.")
    identities: NonNegativeInt = Field(alias="identidades", description="Most people whose login or CPF it may change.")
    refused_percent: Percent = Field(
        alias="recusadas_percentual",
        description="Rows that may go back, in %, while the others are imported without asking; 0: always asks.",
    )


class UsersRule(CatalogEntry):
    """The rules of importing users, as `users.yaml` holds them."""

    limits: UserLimits = Field(alias="limites")


class Alarm(Frozen):
    """Why a plan stops. What is `forbidden` no answer allows; the rest a person may allow."""

    text: str
    forbidden: bool = False


class Roles(Frozen):
    """What the instance may never lose, by SIP's ids."""

    system: int = Field(description="SEI's own id.")
    administrators: frozenset[int] = Field(description="Perfis of SEI's administrators.")
    signers: frozenset[int] = Field(description="Perfis of SEI with the right to sign.")
    units: Mapping[int, str] = Field(description="Sigla of each active unit, by id.")


def judge_plan(
    plan: UsersPlan,
    users: Iterable[SipUser],
    limits: UserLimits,
    roles: Roles,
    *,
    today: date,
    refused: int,
    rows: int,
) -> tuple[Alarm, ...]:
    """Everything for which the plan stops; `refused` of the spreadsheet's `rows` go back.

    A user who comes is never an alarm: the contracted plan limits those. An undo may go back to an instance without
    administrators or signers, as it was before the first import, but only if a person says so.
    """
    known = [user for user in users if not is_reserved_login(user.state.sigla)]
    return (*_role_alarms(plan, known, roles, today), *_size_alarms(plan, limits), *_row_alarms(refused, rows, limits))


def _size_alarms(plan: UsersPlan, limits: UserLimits) -> Iterable[Alarm]:
    leaving = plan.count(StepKind.LEAVE)
    touched = leaving + plan.count(StepKind.CHANGE)
    if plan.undoes:
        touched += plan.count(StepKind.RETURN)  # no spreadsheet says that they are there
    renamed = sum(bool(set(step.changed) & set(IDENTITY)) for step in plan.steps)
    for count, most, percent, what in (
        (leaving, limits.leavers, limits.leavers_percent, "sairiam"),
        (touched, limits.changes, limits.changes_percent, "mudariam ou sairiam"),
    ):
        share = 100 * count / plan.active_before if plan.active_before else 0
        if count > most:
            yield Alarm(text=f"pessoas que {what}: {count}, e o limite é {most}")
        elif count > 1 and share > percent:
            shown = f"{share:.1f}".replace(".", ",")
            yield Alarm(text=f"pessoas que {what}: {count}, {shown}% das ativas, e o limite é {percent:g}%")
    if renamed > limits.identities:
        yield Alarm(text=f"pessoas que mudariam de login ou CPF: {renamed}, e o limite é {limits.identities}")


def _row_alarms(refused: int, rows: int, limits: UserLimits) -> Iterable[Alarm]:
    share = 100 * refused / rows if rows else 0
    if refused and share > limits.refused_percent:
        yield Alarm(text=f"{refused} de {rows} linhas foram recusadas e voltam para correção; as outras entrariam")


def _role_alarms(plan: UsersPlan, users: list[SipUser], roles: Roles, today: date) -> Iterable[Alarm]:
    before = {user.id_usuario: user.state for user in users if not user.bloqueado}
    after = before | {
        step.before.id_usuario: step.after for step in plan.steps if step.before and not step.before.bloqueado
    }
    final = (*after.values(), *(step.after for step in plan.steps if step.before is None))
    had = _holders(before.values(), roles, roles.administrators, today)
    if had and not _holders(final, roles, roles.administrators, today):
        yield Alarm(text="o ambiente ficaria sem nenhum administrador do SEI", forbidden=not plan.undoes)
    signed = _holders(before.values(), roles, roles.signers, today)
    left = signed - _holders(final, roles, roles.signers, today)
    for unit in sorted(left & set(roles.units), key=roles.units.__getitem__):
        yield Alarm(text=f"a unidade {roles.units[unit]} ficaria sem ninguém que assine", forbidden=not plan.undoes)


def _holders(states: Iterable[UserState], roles: Roles, profiles: AbstractSet[int], today: date) -> set[int]:
    """The units in which an active user holds one of the perfis today."""
    return {
        grant.place.id_unidade
        for state in states
        if state.ativo
        for grant in state.grants
        if grant.place.id_sistema == roles.system and grant.place.id_perfil in profiles and grant.in_force(today)
    }
