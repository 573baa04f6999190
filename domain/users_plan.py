"""What a prefeitura's spreadsheet would change of its people in SIP: who comes, who moves, who goes.

Yesterday's spreadsheet is remembered as what it brought: the permissions, by user. Only what a spreadsheet brought is
ever taken away for no longer being in one; what somebody gave or ended by hand in SIP stays as it is.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from enum import StrEnum
from functools import cached_property

from pydantic import ConfigDict, Field

from domain.model import Frozen
from domain.person import CPF_DIGITS, MAX_MATRICULA, Person, is_reserved_login
from domain.sip_user import Grant, Place, SipUser, UserState
from domain.spreadsheet import RejectedRow, name_rows
from domain.text import collation_key

Brought = Mapping[int, AbstractSet[Place]]
"""What spreadsheets brought and did not take away since: the places of each user, by SIP's id."""

IDENTITY = ("sigla", "cpf")
FIELDS = ("sigla", "nome", "nome_social", "cpf", "email", "id_origem", "ativo")
_LABELS = {
    "sigla": "login",
    "nome": "nome",
    "nome_social": "nome social",
    "cpf": "CPF",
    "email": "e-mail",
    "id_origem": "matrícula",
}


class StepKind(StrEnum):
    """What happens to a person."""

    JOIN = "entra"
    CHANGE = "muda"
    RETURN = "volta"
    LEAVE = "sai"


class UserStep(Frozen):
    """One user from a state to another; `before` is None for who is not in SIP yet."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: StepKind
    before: SipUser | None
    after: UserState
    linhas: tuple[int, ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        """The fields that differ, `ativo` among them; permissions are not fields."""
        if self.before is None:
            return ()
        old, new = self.before.state, self.after
        return tuple(field for field in FIELDS if getattr(old, field) != getattr(new, field))

    def given(self, today: date) -> tuple[Grant, ...]:
        """The permissions in force after and not before."""
        old = self.before.state.by_place if self.before else {}
        return tuple(
            grant
            for grant in self.after.grants
            if grant.in_force(today) and not (grant.place in old and old[grant.place].in_force(today))
        )

    def taken(self, today: date) -> tuple[Grant, ...]:
        """The permissions that had not ended before and have after."""
        new = self.after.by_place
        return tuple(
            grant
            for grant in (self.before.state.grants if self.before else ())
            if not grant.has_ended(today) and (grant.place not in new or new[grant.place].has_ended(today))
        )

    @property
    def who(self) -> str:
        """The row of the spreadsheet, or SIP's id: what may be shown of a person."""
        if self.linhas:
            return name_rows(self.linhas)
        return f"usuário {self.before.id_usuario} do SIP" if self.before else "pessoa sem linha"

    def told(self, today: date) -> str:
        """This step in one sentence, without personal data."""
        labels = [_LABELS[field] for field in self.changed if field in _LABELS]
        parts = [f"{self.who}: {self.kind}"]
        if labels and self.kind in {StepKind.CHANGE, StepKind.RETURN}:
            parts.append(f"corrige {', '.join(labels)}")
        if given := self.given(today):
            parts.append(f"recebe {len(given)} {'permissão' if len(given) == 1 else 'permissões'}")
        if taken := self.taken(today):
            parts.append(f"perde {len(taken)} {'permissão' if len(taken) == 1 else 'permissões'}")
        return "; ".join(parts)


class Kept(Frozen):
    """Who stays or comes by this spreadsheet: found again by id, or by login while SIP has not given one."""

    id_usuario: int | None
    sigla: str = Field(repr=False)
    places: tuple[Place, ...]


class UsersPlan(Frozen):
    """What is to be done, and what was found besides."""

    steps: tuple[UserStep, ...]
    unchanged: int = 0
    refused: tuple[RejectedRow, ...] = ()
    """Rows that collide with somebody in SIP: they go back, and the people behind them stay as they are."""
    strangers: int = 0
    """Active users that no spreadsheet brought: told, left alone."""
    left_ended: int = 0
    """Permissions of the spreadsheet that somebody ended by hand in SIP: left ended."""
    active_before: int = 0
    kept: tuple[Kept, ...] = ()

    @property
    def active_after(self) -> int:
        """How many people may sign in once the plan is applied."""
        came = sum(step.kind in {StepKind.JOIN, StepKind.RETURN} for step in self.steps)
        return self.active_before + came - self.count(StepKind.LEAVE)

    def count(self, *kinds: StepKind) -> int:
        """How many people a kind of step touches."""
        return sum(step.kind in kinds for step in self.steps)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what would be changed: the code of the plan. Days are left out: it holds tomorrow, too."""
        said = hashlib.sha256()
        for step in self.steps:
            before = step.before.id_usuario if step.before else None
            state = step.after.model_dump(exclude={"grants"}, mode="json")
            places = [(*grant.place.model_dump().values(), grant.fim is None) for grant in step.after.grants]
            said.update(repr((step.kind.value, before, state, places)).encode())
        return said.hexdigest()


def plan_users(
    people: Sequence[Person],
    users: Iterable[SipUser],
    *,
    units: Mapping[str, int],
    profiles: Mapping[str, int],
    system: int,
    brought: Brought,
    today: date,
    mentioned: AbstractSet[str] = frozenset(),
) -> UsersPlan:
    """Match people to SIP users and say what each needs.

    `units` and `profiles` give SIP's id by the names that the people's rows were judged with; `system` is SEI's own id.
    People are matched by CPF, which never changes hands; else by login; where a login has another CPF, it is a
    correction only if the name or the matrícula says that it is the same person. System accounts (`SIP`, `teste`…)
    are left out. `mentioned` has whatever stands in rows that were rejected before, as `mention` gives it: who is
    behind them is there, though badly written, and does not leave.
    """
    planner = _Planner(users, units, profiles, system, brought, today, mentioned)
    return planner.plan(people)


class _Planner:
    def __init__(
        self,
        users: Iterable[SipUser],
        units: Mapping[str, int],
        profiles: Mapping[str, int],
        system: int,
        brought: Brought,
        today: date,
        mentioned: AbstractSet[str],
    ) -> None:
        # Of two users of one CPF, login or e-mail the active one counts.
        self._users = sorted(
            (user for user in users if not is_reserved_login(user.state.sigla)), key=lambda user: user.state.ativo
        )
        self._units, self._profiles, self._system = units, profiles, system
        self._brought, self._today, self._mentioned = brought, today, mentioned
        self._by_cpf = {user.state.cpf: user for user in self._users if user.state.cpf}
        self._by_login = {collation_key(user.state.sigla): user for user in self._users}
        self._by_email = {collation_key(user.state.email): user for user in self._users if user.state.email}
        self._by_origin = {collation_key(user.state.id_origem): user for user in self._users if user.state.id_origem}

    def plan(self, people: Sequence[Person]) -> UsersPlan:
        matched: dict[int, Person] = {}
        found: list[tuple[Person, SipUser | None]] = []
        refused: list[RejectedRow] = []
        spoken_for: set[int] = set()
        for person in people:
            user = self._match(person)
            if problem := self._problem(person, user, matched):
                refused.append(RejectedRow(linha=person.linhas[0], reasons=(problem,)))
                # A row that cannot be applied is not a row that is missing: nobody leaves over it.
                spoken_for |= {other.id_usuario for other in self._touched(person)}
                continue
            if user:
                matched[user.id_usuario] = person
            found.append((person, user))
        steps: list[UserStep] = []
        kept: list[Kept] = []
        left_ended = 0
        for person, user in found:
            wanted = self._places(person)
            after, ended = self._after(person, user, wanted)
            left_ended += ended
            kept.append(Kept(id_usuario=user.id_usuario if user else None, sigla=person.sigla, places=wanted))
            if user is None:
                steps.append(UserStep(kind=StepKind.JOIN, before=None, after=after, linhas=person.linhas))
            elif after != user.state:
                kind = StepKind.CHANGE if user.state.ativo else StepKind.RETURN
                steps.append(UserStep(kind=kind, before=user, after=after, linhas=person.linhas))
        active = [user for user in self._users if user.state.ativo]
        rest = [user for user in active if user.id_usuario not in matched]
        spoken_for |= {user.id_usuario for user in rest if self._is_mentioned(user.state)}
        leavers = [user for user in rest if user.id_usuario in self._brought and user.id_usuario not in spoken_for]
        unchanged = len(found) - len(steps)
        steps += [
            UserStep(kind=StepKind.LEAVE, before=user, after=user.state.deactivated(self._today)) for user in leavers
        ]
        held = [
            Kept(id_usuario=user, sigla="", places=tuple(self._brought[user]))
            for user in sorted(spoken_for - set(matched))
            if user in self._brought
        ]
        return UsersPlan(
            steps=tuple(steps),
            unchanged=unchanged,
            refused=tuple(refused),
            strangers=len(rest) - len(leavers),
            left_ended=left_ended,
            active_before=len(active),
            kept=(*kept, *held),
        )

    def _is_mentioned(self, state: UserState) -> bool:
        values = (state.sigla, state.nome, state.nome_social, state.cpf, state.email, state.id_origem)
        return any(value and mention(value) in self._mentioned for value in values)

    def _match(self, person: Person) -> SipUser | None:
        user = self._by_cpf.get(person.cpf) or self._by_login.get(collation_key(person.sigla))
        if user is None and person.matricula:
            origin = self._by_origin.get(collation_key(person.matricula))
            if origin and origin.state.cpf is None and _same_name(person, origin):
                return origin
        return user

    def _touched(self, person: Person) -> list[SipUser]:
        """Everybody whom a row that was refused may be about."""
        found = (
            self._by_cpf.get(person.cpf),
            self._by_login.get(collation_key(person.sigla)),
            self._by_email.get(collation_key(person.email)),
            self._by_origin.get(collation_key(person.id_origem)),
        )
        return [user for user in found if user]

    def _problem(self, person: Person, user: SipUser | None, matched: Mapping[int, Person]) -> str | None:
        holder = self._by_login.get(collation_key(person.sigla))
        if user and holder and holder.id_usuario != user.id_usuario:
            return "o CPF é de um usuário do SIP e o login é de outro"
        if user and user.state.cpf not in {None, person.cpf} and not _same_person(person, user):
            return "o login já é de outra pessoa no SIP (outro CPF, outro nome e outra matrícula)"
        if user and user.bloqueado:
            return "o usuário está bloqueado no SIP, e só uma pessoa o desbloqueia lá"
        if user and (taken := matched.get(user.id_usuario)):
            return f"é o mesmo usuário do SIP que a {name_rows(taken.linhas)}"
        for index, value, label in (
            (self._by_email, person.email, "o e-mail já é"),
            (self._by_origin, person.id_origem, "a matrícula já é"),
        ):
            other = index.get(collation_key(value))
            if other and other.state.ativo and not (user and other.id_usuario == user.id_usuario):
                return f"{label} de outro usuário do SIP"
        return None

    def _places(self, person: Person) -> tuple[Place, ...]:
        return tuple(
            Place(
                id_sistema=self._system,
                id_perfil=self._profiles[lotacao.perfil],
                id_unidade=self._units[lotacao.unidade],
            )
            for lotacao in person.lotacoes
        )

    def _after(self, person: Person, user: SipUser | None, wanted: Collection[Place]) -> tuple[UserState, int]:
        """The state to reach, and how many permissions are left as somebody ended them."""
        today = self._today
        grants = dict(user.state.by_place) if user else {}
        brought = self._brought.get(user.id_usuario, frozenset()) if user else frozenset()
        left_ended = 0
        for place in wanted:
            found = grants.get(place)
            if found is None:
                grants[place] = Grant(place=place, inicio=today)
            elif user and user.state.ativo and place in brought and found.has_ended(today):
                left_ended += 1
            else:
                grants[place] = found.reopened(today)
        for place in brought - set(wanted):
            if place in grants:
                grants[place] = grants[place].ended(today)
        state = UserState(
            sigla=person.sigla,
            nome=person.nome,
            nome_social=person.nome_social,
            cpf=person.cpf,
            email=person.email,
            id_origem=person.id_origem,
        )
        return state.with_grants(grants.values()), left_ended


def mention(cell: str) -> str:
    """A cell as one finds a person by it: a CPF by its digits, anything else as SIP's keys compare."""
    digits = re.sub(r"[.\-/\s]", "", cell)
    if digits.isascii() and digits.isdigit() and len(digits) > MAX_MATRICULA - 2:
        return digits.zfill(CPF_DIGITS)
    return collation_key(cell.strip())


def _same_name(person: Person, user: SipUser) -> bool:
    return collation_key(person.nome) == collation_key(user.state.nome)


def _same_person(person: Person, user: SipUser) -> bool:
    by_origin = person.matricula is not None and person.matricula == user.state.id_origem
    return by_origin or _same_name(person, user)
