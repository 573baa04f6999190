"""What a prefeitura's spreadsheet would change of its people in SIP: who comes, who moves, who goes.

Yesterday's spreadsheet is remembered as what it brought: the permissions, by user. Only what a spreadsheet brought is
ever taken away for no longer being in one; what somebody gave or ended by hand in SIP stays as it is. Only who left
loses everything, and who comes back has what the spreadsheet says, and nothing of what was open before.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from typing import ClassVar

from domain.model import Frozen
from domain.person import Person, is_reserved_login
from domain.sip_user import STORED, Grant, Place, SipUser, UserState, ordered
from domain.spreadsheet import RejectedRow, name_rows
from domain.text import clean, collation_key

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


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStep:
    """One user from a state to another; `before` is None for who is not in SIP yet."""

    __pydantic_config__: ClassVar = STORED

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
        return tuple(name for name in FIELDS if getattr(old, name) != getattr(new, name))

    def given(self, today: date) -> tuple[Grant, ...]:
        """The permissions that give access after and did not before; who is not active has no access."""
        if not self.after.ativo:
            return ()
        old = self.before.state.by_place if self.before and self.before.state.ativo else {}
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
        labels = [_LABELS[name] for name in self.changed if name in _LABELS]
        parts = [f"{self.who}: {self.kind}"]
        if labels and self.kind in {StepKind.CHANGE, StepKind.RETURN}:
            parts.append(f"corrige {', '.join(labels)}")
        if given := self.given(today):
            parts.append(f"recebe {len(given)} {'permissão' if len(given) == 1 else 'permissões'}")
        if taken := self.taken(today):
            parts.append(f"perde {len(taken)} {'permissão' if len(taken) == 1 else 'permissões'}")
        if self.kind is StepKind.LEAVE and self.after.ativo:
            parts.append("fica ativo no SIP, sem permissão, porque lá há outro usuário inativo com o mesmo login")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Who stays or comes by this spreadsheet: found again by id, or by login while SIP has not given one."""

    __pydantic_config__: ClassVar = STORED

    id_usuario: int | None
    sigla: str = field(repr=False)
    places: tuple[Place, ...]


class UsersPlan(Frozen):
    """What is to be done, and what was found besides."""

    day: date
    """On which permissions begin and end."""
    steps: tuple[UserStep, ...]
    unchanged: int = 0
    refused: tuple[RejectedRow, ...] = ()
    """Rows that collide with somebody in SIP: they go back, and the people behind them stay as they are."""
    strangers: int = 0
    """Active users that no spreadsheet brought: told, left alone."""
    left_ended: int = 0
    """Permissions of the spreadsheet that somebody ended or put off by hand in SIP: left so."""
    active_before: int = 0
    kept: tuple[Kept, ...] = ()
    undoes: bool = False
    """Whether it goes back to what was before a batch."""

    @property
    def active_after(self) -> int:
        """How many people may sign in once the plan is applied."""
        return self.active_before + sum(
            step.after.ativo - (step.before.state.ativo if step.before else 0) for step in self.steps
        )

    def count(self, *kinds: StepKind) -> int:
        """How many people a kind of step touches."""
        return sum(step.kind in kinds for step in self.steps)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what would be changed, from what to what: the code of the plan.

        A permission that begins or ends by the plan does so on the day of it, whichever that is: tomorrow's plan of the
        same has the same code.
        """
        said = hashlib.sha256()
        for step in self.steps:
            old = step.before.state if step.before else None
            grants = old.by_place if old else {}
            said.update(
                repr(
                    (
                        step.kind.value,
                        step.before.id_usuario if step.before else None,
                        [getattr(old, name) for name in FIELDS] if old else None,
                        [getattr(step.after, name) for name in FIELDS],
                        [_dated(grant) for grant in grants.values()],
                        [_said(grant, grants.get(grant.place), self.day) for grant in step.after.grants],
                    )
                ).encode()
            )
        return said.hexdigest()


def _dated(grant: Grant) -> tuple[object, ...]:
    return (*grant.place, grant.inicio.toordinal(), grant.fim and grant.fim.toordinal(), grant.subunidades)


def _said(grant: Grant, old: Grant | None, day: date) -> tuple[object, ...]:
    if grant == old:
        return (*grant.place, "como está")
    inicio = "como está" if old and grant.inicio == old.inicio else _day(grant.inicio, day)
    fim = "como está" if old and grant.fim == old.fim else _day(grant.fim, day - timedelta(days=1))
    return (*grant.place, inicio, fim, grant.subunidades)


def _day(value: date | None, of_the_plan: date) -> str:
    return "dia do plano" if value == of_the_plan else str(value)


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
    People are matched by CPF, which never changes hands; else by login; where a login has another CPF or none, only if
    the matrícula or the name says that it is the same person. System accounts (`SIP`, `teste`…) are left out.
    `mentioned` has whatever stands in rows that were rejected before, as `mention` gives it: who is behind them is
    there, though badly written, and does not leave.
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
        # Of two users of one login, e-mail or matrícula the active one counts.
        self._users = sorted(
            (user for user in users if not is_reserved_login(user.state.sigla)),
            key=lambda user: (user.state.ativo, user.id_usuario),
        )
        self._units, self._profiles, self._system = units, profiles, system
        self._brought, self._today, self._mentioned = brought, today, mentioned
        self._places: dict[tuple[str, str], Place] = {}
        self._by_cpf: dict[str, list[SipUser]] = {}
        for user in self._users:
            if user.state.cpf:
                self._by_cpf.setdefault(user.state.cpf, []).append(user)
        self._by_login = {collation_key(user.state.sigla): user for user in self._users}
        self._by_email = {collation_key(user.state.email): user for user in self._users if user.state.email}
        self._by_origin = {collation_key(user.state.id_origem): user for user in self._users if user.state.id_origem}

    def plan(self, people: Sequence[Person]) -> UsersPlan:
        matches, claims = self._match(people)
        found: list[tuple[Person, SipUser | None]] = []
        refused: list[RejectedRow] = []
        spoken_for: set[int] = set()
        for index, person in enumerate(people):
            user = matches.get(index)
            if problem := self._problem(person, user, claims):
                refused.append(RejectedRow(linha=person.linhas[0], reasons=(problem,)))
                # A row that cannot be applied is not a row that is missing: nobody leaves over it.
                spoken_for |= {other.id_usuario for other in self._touched(person, user)}
            else:
                found.append((person, user))
        matched = {user.id_usuario for _, user in found if user}
        rest = [user for user in self._users if user.id_usuario not in matched]
        if self._mentioned:
            spoken_for |= {user.id_usuario for user in rest if self._is_mentioned(user.state)}
        steps: list[UserStep] = []
        kept: list[Kept] = []
        left_ended = 0
        for person, user in found:
            wanted = self._wanted(person)
            after, ended = self._after(person, user, wanted)
            left_ended += ended
            kept.append(Kept(id_usuario=user.id_usuario if user else None, sigla=person.sigla, places=wanted))
            if user is None:
                steps.append(UserStep(kind=StepKind.JOIN, before=None, after=after, linhas=person.linhas))
            elif after != user.state:
                kind = StepKind.CHANGE if user.state.ativo else StepKind.RETURN
                steps.append(UserStep(kind=kind, before=user, after=after, linhas=person.linhas))
        unchanged = len(found) - len(steps)
        steps += self._leave(user for user in rest if user.state.ativo and user.id_usuario not in spoken_for)
        held = [
            Kept(id_usuario=user, sigla="", places=tuple(sorted(self._brought[user])))
            for user in sorted(spoken_for - matched)
            if user in self._brought
        ]
        return UsersPlan(
            day=self._today,
            steps=tuple(steps),
            unchanged=unchanged,
            refused=tuple(refused),
            strangers=sum(user.state.ativo and user.id_usuario not in self._brought for user in rest),
            left_ended=left_ended,
            active_before=sum(user.state.ativo for user in self._users),
            kept=(*kept, *held),
        )

    def _leave(self, rest: Iterable[SipUser]) -> Iterable[UserStep]:
        taken = {collation_key(user.state.sigla) for user in self._users if not user.state.ativo}
        for user in rest:
            if user.id_usuario not in self._brought:
                continue
            after = user.state.deactivated(self._today)
            if collation_key(user.state.sigla) in taken:
                # SIP's UNIQUE(sigla, id_orgao, sin_ativo): two users of one login cannot both be inactive.
                after = replace(after, ativo=True)
            if after != user.state:
                yield UserStep(kind=StepKind.LEAVE, before=user, after=after)

    def _is_mentioned(self, state: UserState) -> bool:
        values = (state.sigla, state.nome, state.nome_social, state.cpf, state.email, state.id_origem)
        return any(value and mention(value) in self._mentioned for value in values)

    def _match(self, people: Sequence[Person]) -> tuple[dict[int, SipUser], dict[int, Person]]:
        """The user of each person by position, and whose each user is: the best evidence wins, not the first row."""
        matches: dict[int, SipUser] = {}
        claims: dict[int, Person] = {}
        searches: tuple[Callable[[Person], SipUser | None], ...] = (
            self._find_by_cpf,
            self._find_by_login,
            self._find_by_matricula,
        )
        for search in searches:
            for index, person in enumerate(people):
                if index not in matches and (user := search(person)):
                    matches[index] = user
                    claims.setdefault(user.id_usuario, person)
        return matches, claims

    def _find_by_cpf(self, person: Person) -> SipUser | None:
        key = collation_key(person.sigla)
        return max(
            self._by_cpf.get(person.cpf, ()),
            key=lambda user: (user.state.ativo, collation_key(user.state.sigla) == key, user.id_usuario),
            default=None,
        )

    def _find_by_login(self, person: Person) -> SipUser | None:
        return self._by_login.get(collation_key(person.sigla))

    def _find_by_matricula(self, person: Person) -> SipUser | None:
        user = self._by_origin.get(collation_key(person.matricula)) if person.matricula else None
        return user if user and user.state.cpf is None and _has_same_name(person, user.state) else None

    def _touched(self, person: Person, user: SipUser | None) -> list[SipUser]:
        """Everybody whom a row that was refused may be about."""
        found = (
            user,
            *self._by_cpf.get(person.cpf, ()),
            self._find_by_login(person),
            self._by_email.get(collation_key(person.email)),
            self._by_origin.get(collation_key(person.id_origem)),
        )
        return [user for user in found if user]

    def _problem(self, person: Person, user: SipUser | None, claims: Mapping[int, Person]) -> str | None:
        return (self._match_problem(person, user, claims) if user else None) or self._shared_problem(person, user)

    def _match_problem(self, person: Person, user: SipUser, claims: Mapping[int, Person]) -> str | None:
        holder = self._find_by_login(person)
        claim = claims[user.id_usuario]
        problems = (
            (
                holder is not None and holder.id_usuario != user.id_usuario,
                "o CPF é de um usuário do SIP e o login é de outro",
            ),
            (claim is not person, f"é o mesmo usuário do SIP que a {name_rows(claim.linhas)}"),
            (
                user.state.cpf != person.cpf and not _is_same_person(person, user.state),
                "o login já está no SIP sem este CPF, e o nome, a matrícula e o e-mail de lá não provam que é a mesma "
                "pessoa",
            ),
            (user.bloqueado, "o usuário está bloqueado no SIP, e só uma pessoa o desbloqueia lá"),
            (
                not user.state.ativo and user.id_usuario in self._brought,
                "alguém desativou o usuário no SIP, e só uma pessoa o reativa lá",
            ),
        )
        return next((problem for found, problem in problems if found), None)

    def _shared_problem(self, person: Person, user: SipUser | None) -> str | None:
        for index, value, own, label in (
            (self._by_email, person.email, user and user.state.email, "o e-mail já é"),
            (self._by_origin, person.id_origem, user and user.state.id_origem, "a matrícula já é"),
        ):
            key = collation_key(value)
            other = index.get(key)
            if other is None or not other.state.ativo or (user and other.id_usuario == user.id_usuario):
                continue
            if not (user and user.state.ativo and own and collation_key(own) == key):
                return f"{label} de outro usuário do SIP; se ele saiu, desative-o no SIP"
        return None

    def _wanted(self, person: Person) -> tuple[Place, ...]:
        return tuple(
            self._places.get((lotacao.unidade, lotacao.perfil)) or self._place(lotacao.unidade, lotacao.perfil)
            for lotacao in person.lotacoes
        )

    def _place(self, unidade: str, perfil: str) -> Place:
        return self._places.setdefault(
            (unidade, perfil),
            Place(id_sistema=self._system, id_perfil=self._profiles[perfil], id_unidade=self._units[unidade]),
        )

    def _after(self, person: Person, user: SipUser | None, wanted: Collection[Place]) -> tuple[UserState, int]:
        """The state to reach, and how many permissions are left as somebody ended them."""
        today = self._today
        grants = dict(user.state.by_place) if user else {}
        brought = self._brought.get(user.id_usuario, frozenset()) if user else frozenset()
        if user and not user.state.ativo:
            grants = {place: grant.ended(today) for place, grant in grants.items()}
        left_ended = 0
        for place in wanted:
            found = grants.get(place)
            if found is None:
                grants[place] = Grant(place, today)
            elif place in brought and not found.in_force(today):
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
            grants=ordered(grants.values()),
        )
        return state, left_ended


def mention(cell: str) -> str:
    """A cell as one finds a person by it: a number by its digits, anything else as SIP's keys compare.

    Zeros in front do not count: spreadsheets drop those of a CPF.
    """
    digits = re.sub(r"[.\-/\s]", "", cell)
    if digits.isascii() and digits.isdigit():
        return digits.lstrip("0") or "0"
    return collation_key(clean(cell))


def _has_same_name(person: Person, state: UserState) -> bool:
    return collation_key(person.nome) == collation_key(state.nome)


def _is_same_person(person: Person, state: UserState) -> bool:
    """Whether the holder of the person's login, of another CPF or none, is the person.

    People of one name get one login, and a row may be given to somebody's successor: neither the name nor the matrícula
    is enough where something else speaks against it.
    """
    matricula = state.id_origem
    if person.matricula and matricula and collation_key(matricula) != collation_key(state.sigla):
        same_given_name = collation_key(person.nome).split()[:1] == collation_key(state.nome).split()[:1]
        return collation_key(person.matricula) == collation_key(matricula) and same_given_name
    same_email = not state.email or collation_key(person.email) == collation_key(state.email)
    return _has_same_name(person, state) and (state.cpf is None or same_email)
