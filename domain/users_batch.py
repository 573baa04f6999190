"""A batch: what one import does, kept from before the first write, so that it can be resumed and undone."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Self

from pydantic import ConfigDict, Field

from domain.errors import IntegrityError
from domain.model import Frozen
from domain.person import is_reserved_login
from domain.sip_user import Place, SipUser, UserState
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

    @classmethod
    def read(cls, stored: bytes | str) -> Self:
        """A batch as `model_dump_json` wrote it; ValidationError, without what is in it, for anything else."""
        return cls.model_validate_json(stored)


def batch_id(now: datetime, digest: str) -> str:
    """`20261128-051200-3f9a0c1d`: sorts by time, and names the plan."""
    return f"{now:%Y%m%d-%H%M%S}-{digest[:8]}"


def brought_by(kept: Iterable[Kept], users: Iterable[SipUser]) -> dict[int, frozenset[Place]]:
    """What a batch left as brought, with the ids that SIP gave meanwhile to those who came with it."""
    ids = {key: user.id_usuario for key, user in _by_login(users).items()}
    found: dict[int, frozenset[Place]] = {}
    for person in kept:
        id_usuario = person.id_usuario or ids.get(collation_key(person.sigla))
        if id_usuario:
            found[id_usuario] = frozenset(person.places)
    return found


def brought_midway(batch: Batch, users: Iterable[SipUser]) -> dict[int, frozenset[Place]]:
    """What is brought after a batch that was not finished: what it did counts as done, the rest as it was before.

    Otherwise a permission that it had not taken yet would be nobody's, and stay for ever; and one that it had not
    given yet would look as if somebody had ended it by hand.
    """
    found = list(users)
    by_id = {user.id_usuario: user for user in found}
    before, after = brought_by(batch.kept_before, found), brought_by(batch.kept, found)
    steps = {now.id_usuario: step for step, now in _found(batch.steps, found) if now}
    brought: dict[int, frozenset[Place]] = {}
    for id_usuario in before.keys() | after.keys():
        step, now = steps.get(id_usuario), by_id.get(id_usuario)
        if step is None or now is None or now.state == step.after:
            if id_usuario in after:
                brought[id_usuario] = after[id_usuario]
            continue
        was_active = step.before is None or step.before.state.ativo
        if not now.state.ativo and not (was_active and step.after.ativo):
            continue  # left already, or not back yet
        old, new = before.get(id_usuario, frozenset()), after.get(id_usuario, frozenset())
        grants, wanted = now.state.by_place, step.after.by_place
        brought[id_usuario] = (old & new) | {
            place for place in old ^ new if (grants.get(place) == wanted.get(place)) == (place in new)
        }
    return brought


def as_kept(brought: Brought) -> tuple[Kept, ...]:
    """What was brought, as a batch keeps it."""
    return tuple(
        Kept(id_usuario=user, sigla="", places=tuple(sorted(places))) for user, places in sorted(brought.items())
    )


def remaining(steps: Iterable[UserStep], users: Iterable[SipUser]) -> list[UserStep]:
    """The steps, or the rest of each, that are still to be done; each with the user as it is now.

    What a cut-off run has done is found done. Every field and permission must be as it was before or as it is to be.

    Raises:
        IntegrityError: somebody changed a user meanwhile; nothing of theirs is to be overwritten.
    """
    todo, found = list(steps), list(users)
    holders = {user.state.login_key: user for user in found}
    cpfs = {user.state.cpf for user in found if not is_reserved_login(user.state.sigla)}
    # Whose login is free once the steps are done.
    freed = {
        step.before.id_usuario for step in todo if step.before and step.before.state.login_key != step.after.login_key
    }
    rest: list[UserStep] = []
    overtaken: list[str] = []
    for step, now in _found(todo, found):
        if now is None:
            # A login or a CPF that was nobody's when the plan was made, and is somebody's now.
            if step.before or step.after.cpf in cpfs:
                overtaken.append(step.who)
            else:
                rest.append(step)
        elif not _is_between(step, now):
            overtaken.append(step.who)
        elif now.state != step.after:
            holder = holders.get(step.after.login_key)
            if holder and holder.id_usuario != now.id_usuario and holder.id_usuario not in freed:
                overtaken.append(step.who)
            else:
                rest.append(replace(step, before=now))
    if overtaken:
        raise IntegrityError(
            f"{len(overtaken)} usuário(s) mudaram no SIP depois que o plano foi feito: {'; '.join(overtaken[:5])}",
            "sip.usuario",
            "Execute de novo: o plano será refeito com o que o SIP tem agora.",
        )
    return rest


def _by_login(users: Iterable[SipUser]) -> dict[str, SipUser]:
    """Who has each login: of two users, of whom SIP has one inactive, the active one."""
    return {collation_key(user.state.sigla): user for user in sorted(users, key=lambda user: user.state.ativo)}


def _found(steps: Iterable[UserStep], users: Iterable[SipUser]) -> Iterator[tuple[UserStep, SipUser | None]]:
    """Each step with its user as it is now; who came with it is found by login."""
    found = list(users)
    by_id = {user.id_usuario: user for user in found}
    by_login = _by_login(found)
    for step in steps:
        yield (
            step,
            by_id.get(step.before.id_usuario) if step.before else by_login.get(collation_key(step.after.sigla)),
        )


def _is_between(step: UserStep, now: SipUser) -> bool:
    new = step.after
    # Who comes is made with login and name; a channel may write the rest one by one.
    old = step.before.state if step.before else UserState(sigla=new.sigla, nome=new.nome)
    if any(getattr(now.state, name) not in {getattr(new, name), getattr(old, name)} for name in FIELDS):
        return False
    places, befores, afters = now.state.by_place, old.by_place, new.by_place
    return all(places.get(place) in {befores.get(place), afters.get(place)} for place in {*places, *befores, *afters})


def plan_undo(batch: Batch, users: Iterable[SipUser], brought: Brought, today: date) -> UsersPlan:
    """What puts the users of a batch back as they were; who came with it goes, for SIP never deletes.

    Users that are no longer as the batch left them are not touched, nor those whose login, CPF, e-mail or matrícula is
    somebody else's by now: they are `refused`, by their place in the batch.
    """
    found = [user for user in users if not is_reserved_login(user.state.sigla)]
    holders = _Holders(found)
    steps: list[UserStep] = []
    refused: list[RejectedRow] = []
    undone: set[int] = set()
    for position, (step, by_login) in enumerate(_found(batch.steps, found), start=1):
        now = by_login
        if step.before is None and (now is None or now.state.cpf != step.after.cpf):
            now = holders.by_cpf.get(step.after.cpf or "")  # renamed since, or never made
        if now is None:
            continue  # the batch was cut off before it
        target = _restored(step.before.state, now.state, today) if step.before else now.state.deactivated(today)
        if now.state == target or (step.before is None and not now.state.ativo):
            undone.add(now.id_usuario)
        elif now.state != step.after:
            refused.append(RejectedRow(linha=position, reasons=(f"{_named(now)} mudou depois da importação",)))
        elif problem := holders.conflict(now, target):
            refused.append(RejectedRow(linha=position, reasons=(f"{_named(now)}: {problem}",)))
        else:
            undone.add(now.id_usuario)
            steps.append(UserStep(kind=_inverse(step), before=now, after=target, linhas=step.linhas))
    return UsersPlan(
        day=today,
        steps=tuple(steps),
        unchanged=len(batch.steps) - len(steps) - len(refused),
        refused=tuple(refused),
        active_before=sum(user.state.ativo for user in found),
        kept=as_kept(_brought_before(batch, found, brought, undone)),
        undoes=True,
    )


def _restored(before: UserState, now: UserState, today: date) -> UserState:
    """As before, but for permissions that there were not: SIP never deletes one, so they are ended."""
    ended = {grant.place: grant.ended(today) for grant in now.grants}
    return before.with_grants((ended | before.by_place).values())


def _brought_before(
    batch: Batch, users: Iterable[SipUser], brought: Brought, undone: Iterable[int]
) -> dict[int, frozenset[Place]]:
    """The memory without the batch: of whom it put back, and of whom it only remembered otherwise."""
    found = list(users)
    before, after = brought_by(batch.kept_before, found), brought_by(batch.kept, found)
    stepped = {now.id_usuario for _, now in _found(batch.steps, found) if now}
    only_remembered = {
        user for user in (before.keys() | after.keys()) - stepped if brought.get(user) == after.get(user)
    }
    result = {user: frozenset(places) for user, places in brought.items()}
    for user in {*undone, *only_remembered}:
        result.pop(user, None)
        if user in before:
            result[user] = before[user]
    return result


class _Holders:
    """Whose each login, CPF, e-mail and matrícula is now."""

    def __init__(self, users: Iterable[SipUser]) -> None:
        found = sorted(users, key=lambda user: user.state.ativo)
        self.by_cpf = {user.state.cpf: user for user in found if user.state.cpf}
        self._active: dict[tuple[str, str], set[int]] = {}
        self._inactive_logins: dict[str, int] = {}
        for user in found:
            if user.state.ativo:
                for key in self._keys(user.state):
                    self._active.setdefault(key, set()).add(user.id_usuario)
            else:
                self._inactive_logins[collation_key(user.state.sigla)] = user.id_usuario

    def conflict(self, user: SipUser, target: UserState) -> str | None:
        """Why the user cannot be as it is to be again, or None."""
        if not target.ativo:
            twin = self._inactive_logins.get(collation_key(target.sigla), user.id_usuario)
            return "já há outro usuário inativo com o mesmo login" if twin != user.id_usuario else None
        shared = self._keys(user.state) if user.state.ativo else set()
        taken = sorted({name for name, key in self._keys(target) - shared if self._active.get((name, key), set())})
        return f"{', '.join(taken)} de antes já é de outro usuário" if taken else None

    @staticmethod
    def _keys(state: UserState) -> set[tuple[str, str]]:
        values = (
            ("o login", state.sigla),
            ("o CPF", state.cpf),
            ("o e-mail", state.email),
            ("a matrícula", state.id_origem),
        )
        return {(name, collation_key(value)) for name, value in values if value}


def _inverse(step: UserStep) -> StepKind:
    return {
        StepKind.JOIN: StepKind.LEAVE,
        StepKind.RETURN: StepKind.LEAVE,
        StepKind.LEAVE: StepKind.RETURN,
        StepKind.CHANGE: StepKind.CHANGE,
    }[step.kind]


def _named(user: SipUser) -> str:
    return f"o usuário {user.id_usuario} do SIP"


def joiners(batch: Batch, original: Batch | None) -> tuple[UserState, ...]:
    """Whose accounts an undo takes away: those who came with the batch that it takes back."""
    if original is None or batch.undoes != original.id:
        return ()
    came = {collation_key(step.after.sigla) for step in original.steps if step.kind is StepKind.JOIN}
    return tuple(
        step.after for step in batch.steps if step.kind is StepKind.LEAVE and collation_key(step.after.sigla) in came
    )
