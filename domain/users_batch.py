"""A batch: what one import does, kept from before the first write, so that it can be resumed and undone."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from pydantic import ConfigDict, Field

from domain.errors import IntegrityError
from domain.model import Frozen
from domain.person import is_reserved_login
from domain.sip_user import Grant, Place, SipUser, UserState
from domain.spreadsheet import RejectedRow
from domain.text import collation_key
from domain.users_plan import FIELDS, Brought, Kept, StepKind, UsersPlan, UserStep


class Batch(Frozen):
    """Everything that is needed to finish an import that was cut off, and to undo it. It holds personal data."""

    model_config = ConfigDict(hide_input_in_errors=True)

    id: str = Field(pattern=r"^[0-9]{8}-[0-9]{6}-[0-9a-f]{8}$")
    environment: str
    sheet_sha256: str | None = Field(description="The spreadsheet that was applied; None for an undo.")
    undoes: str | None = Field(default=None, description="The batch that this one takes back.")
    digest: str = Field(description="The code of the plan.")
    day: date = Field(description="The day on which permissions begin and end.")
    steps: tuple[UserStep, ...]
    kept: tuple[Kept, ...]
    kept_before: tuple[Kept, ...] = ()


def batch_id(now: datetime, digest: str) -> str:
    """`20261128-051200-3f9a0c1d`: sorts by time, and names the plan."""
    return f"{now:%Y%m%d-%H%M%S}-{digest[:8]}"


def brought_by(kept: Iterable[Kept], users: Iterable[SipUser]) -> dict[int, frozenset[Place]]:
    """What a batch left as brought, with the ids that SIP gave meanwhile to those who came with it."""
    ids = {collation_key(user.state.sigla): user.id_usuario for user in users if user.state.ativo}
    found: dict[int, frozenset[Place]] = {}
    for person in kept:
        id_usuario = person.id_usuario or ids.get(collation_key(person.sigla))
        if id_usuario:
            found[id_usuario] = frozenset(person.places)
    return found


def as_kept(brought: Brought) -> tuple[Kept, ...]:
    """What was brought, as a batch keeps it."""
    return tuple(
        Kept(
            id_usuario=user,
            sigla="",
            places=tuple(sorted(places, key=lambda place: tuple(place.model_dump().values()))),
        )
        for user, places in sorted(brought.items())
    )


def remaining(steps: Iterable[UserStep], users: Iterable[SipUser]) -> list[UserStep]:
    """The steps, or the rest of each, that are still to be done; each with the user as it is now.

    What a cut-off run has done is found done. Every field and permission must be as it was before or as it is to be.

    Raises:
        IntegrityError: somebody changed a user meanwhile; nothing of theirs is to be overwritten.
    """
    found = list(users)
    by_id = {user.id_usuario: user for user in found}
    by_login = {collation_key(user.state.sigla): user for user in found if user.state.ativo}
    rest: list[UserStep] = []
    overtaken: list[str] = []
    for step in steps:
        now = by_id.get(step.before.id_usuario) if step.before else by_login.get(collation_key(step.after.sigla))
        if now is None and step.before is None:
            rest.append(step)
        elif now is None or not _between(step, now):
            overtaken.append(step.who)
        elif now.state != step.after:
            rest.append(step.model_copy(update={"before": now}))
    if overtaken:
        raise IntegrityError(
            f"{len(overtaken)} usuário(s) mudaram no SIP depois que o plano foi feito: {'; '.join(overtaken[:5])}",
            "sip.usuario",
            "Execute de novo: o plano será refeito com o que o SIP tem agora.",
        )
    return rest


def _between(step: UserStep, now: SipUser) -> bool:
    old = step.before.state if step.before else None
    new = step.after
    if old is None and now.state.cpf != new.cpf:
        return False
    for field in FIELDS:
        if getattr(now.state, field) not in {getattr(new, field), getattr(old or new, field)}:
            return False
    places = now.state.by_place
    befores: Mapping[Place, Grant] = old.by_place if old else {}
    return all(
        places.get(place) in {befores.get(place), new.by_place.get(place)}
        for place in {*places, *befores, *new.by_place}
    )


def plan_undo(batch: Batch, users: Iterable[SipUser], brought: Brought, today: date) -> UsersPlan:
    """What puts the users of a batch back as they were; who came with it goes, for SIP never deletes.

    Users that are no longer as the batch left them are not touched: they are `refused`, by their row or id.
    """
    found = [user for user in users if not is_reserved_login(user.state.sigla)]
    by_id = {user.id_usuario: user for user in found}
    by_login = {collation_key(user.state.sigla): user for user in found}
    before = brought_by(batch.kept_before, ())
    after = dict(brought)
    steps: list[UserStep] = []
    refused: list[RejectedRow] = []
    unchanged = 0
    for step in batch.steps:
        now = by_id.get(step.before.id_usuario) if step.before else by_login.get(collation_key(step.after.sigla))
        if now is None:
            unchanged += 1  # the batch was cut off before it
            continue
        target = step.before.state if step.before else step.after.deactivated(today)
        if now.state == target or (step.before is None and not now.state.ativo):
            unchanged += 1
        elif now.state != step.after:
            refused.append(RejectedRow(linha=(step.linhas or (0,))[0], reasons=(_moved_on(now),)))
            continue
        else:
            steps.append(UserStep(kind=_inverse(step), before=now, after=target, linhas=step.linhas))
        after.pop(now.id_usuario, None)
        if now.id_usuario in before:
            after[now.id_usuario] = before[now.id_usuario]
    return UsersPlan(
        steps=tuple(steps),
        unchanged=unchanged,
        refused=tuple(refused),
        active_before=sum(user.state.ativo for user in found),
        kept=as_kept(after),
    )


def _inverse(step: UserStep) -> StepKind:
    return {
        StepKind.JOIN: StepKind.LEAVE,
        StepKind.RETURN: StepKind.LEAVE,
        StepKind.LEAVE: StepKind.RETURN,
        StepKind.CHANGE: StepKind.CHANGE,
    }[step.kind]


def _moved_on(user: SipUser) -> str:
    return f"o usuário {user.id_usuario} do SIP mudou depois da importação"


def joiners(batch: Batch, original: Batch | None) -> tuple[UserState, ...]:
    """Whose accounts an undo takes away: those who came with the batch that it takes back."""
    if original is None or batch.undoes != original.id:
        return ()
    came = {collation_key(step.after.sigla) for step in original.steps if step.kind is StepKind.JOIN}
    return tuple(step.after for step in batch.steps if collation_key(step.after.sigla) in came)
