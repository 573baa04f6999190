"""A prefeitura's people in the directory, in SIP and in SEI, compared: what differs, of which kind, and what mends it.

SIP is the truth: for the directory of who may sign in, for SEI of everything (`sei.md` 2.7). A person is told by SIP's
id, an account that nobody in SIP owns by a digest of its login.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date

from pydantic import ConfigDict, Field

from domain.account import Account, User
from domain.model import Frozen
from domain.person import LOGIN_PATTERN, is_reserved_login
from domain.report import FIRST
from domain.sip_user import Grant, SipUser
from domain.users_difference import Comparison, Difference, Kind, Remedy

INTERNAL = "0"
"""`sei.usuario.sta_tipo` of who comes from SIP."""
_HASH_DIGITS = 8


class SeiUser(Frozen):
    """A user as SEI has it; the contato's own fields are None where there is no contato, or nothing in it."""

    model_config = ConfigDict(hide_input_in_errors=True)

    id_usuario: int
    sigla: str = Field(repr=False)
    nome: str = Field(repr=False)
    ativo: bool
    sta_tipo: str
    has_contato: bool
    cpf: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)


Places = AbstractSet[tuple[int, int]]
"""Units by system: SIP's ids of both."""


@dataclass(frozen=True)
class Facts:
    """What the databases have beside SIP's users."""

    sei: tuple[SeiUser, ...]
    working: Places
    """Where a permission lets somebody work: active units in the system's hierarchy, and those that mean all units."""
    placed: Places
    """The units in the system's hierarchy."""
    counters: Mapping[str, int]
    """By table, how far the counter is ahead of the highest id; negative is behind."""
    foreign_logins: AbstractSet[str] = frozenset()
    """Of other órgãos of the instance: their accounts are not the prefeitura's to judge."""


@dataclass(frozen=True)
class Snapshot:
    """Everything that is compared."""

    accounts: Iterable[User]
    sip: Iterable[SipUser]
    facts: Facts
    system: int
    """SEI's own id among SIP's systems."""
    copied: bool = False
    """Neutralised copy of production: its people are pseudonyms, and have accounts only by their old logins."""


@dataclass(frozen=True, repr=False)
class Mends:
    """What a mend does to the directory and whether SIP replicates; has logins, so it is never shown or returned."""

    block: tuple[str, ...]
    open: tuple[str, ...]
    accounts: tuple[Account, ...]
    replicate: tuple[tuple[object, ...], ...]
    """Of each user whom replication puts right: the difference, and the state that SIP has."""

    def digest(self, environment: str) -> str:
        """SHA-256 of what would be changed: the code of the plan."""
        accounts = [(account.uid, account.name, account.email) for account in self.accounts]
        said = repr((environment, self.block, self.open, accounts, self.replicate))
        return hashlib.sha256(said.encode()).hexdigest()


def account_of_nobody(uid: str) -> str:
    """How an account is named that belongs to nobody in SIP."""
    return f"conta {hashlib.sha256(uid.lower().encode()).hexdigest()[:_HASH_DIGITS]}"


def user_by_id(id_usuario: int) -> str:
    """How a user is named."""
    return f"usuário {id_usuario}"


def compare(environment: str, snapshot: Snapshot, today: date) -> tuple[Comparison, Mends]:
    """Hold the three lists against each other; accounts of the system itself are left out."""
    return _Comparer(environment, snapshot, today).run()


@dataclass(frozen=True, repr=False)
class _Found:
    """A difference with what its remedy needs."""

    difference: Difference
    uid: str = ""
    account: Account | None = None
    user: SipUser | None = None


class _Comparer:
    def __init__(self, environment: str, snapshot: Snapshot, today: date) -> None:
        self._environment, self._snapshot, self._today = environment, snapshot, today
        self._users = sorted(
            (user for user in snapshot.sip if not is_reserved_login(user.state.sigla)),
            key=lambda user: user.id_usuario,
        )
        own = {user.state.sigla.lower() for user in self._users}
        foreign = {login.lower() for login in snapshot.facts.foreign_logins} - own
        self._accounts = {
            user.account.uid.lower(): user
            for user in snapshot.accounts
            if not is_reserved_login(user.account.uid) and user.account.uid.lower() not in foreign
        }
        self._sei = {user.id_usuario: user for user in snapshot.facts.sei if not is_reserved_login(user.sigla)}

    def run(self) -> tuple[Comparison, Mends]:
        found = [*self._directory(), *self._sei_side(), *self._within_sip()]
        order = list(Kind)
        found.sort(key=lambda item: (order.index(item.difference.kind), item.difference.who))
        mended = [item for item in found if item.difference.remedy]
        mends = Mends(
            block=tuple(item.uid for item in mended if item.difference.remedy is Remedy.BLOCK),
            open=tuple(item.uid for item in mended if item.difference.remedy is Remedy.OPEN),
            accounts=tuple(item.account for item in mended if item.account),
            replicate=tuple(
                (item.difference.kind.value, item.user.id_usuario, *_seen_by_sei(item.user))
                for item in mended
                if item.difference.remedy is Remedy.REPLICATE and item.user
            ),
        )
        comparison = Comparison(
            environment=self._environment,
            code=mends.digest(self._environment),
            accounts=len(self._accounts),
            open_accounts=sum(not user.blocked for user in self._accounts.values()),
            sip_users=len(self._users),
            sei_users=sum(user.sta_tipo == INTERNAL for user in self._sei.values()),
            differences=tuple(item.difference for item in found),
        )
        return comparison, mends

    def _directory(self) -> Iterator[_Found]:
        owners: dict[str, list[SipUser]] = {}
        for user in self._users:
            owners.setdefault(user.state.sigla.lower(), []).append(user)
        for login, account in self._accounts.items():
            yield from self._account(account, owners.get(login, []))
        for login, users in owners.items():
            entering = [user for user in users if _may_enter(user)]
            if entering and login not in self._accounts and not self._snapshot.copied:
                yield _account_missing(entering[0])

    def _account(self, found: User, owners: list[SipUser]) -> Iterator[_Found]:
        """One account against SIP's users of its login; there may be a leaver's old row beside an active one."""
        entering = [user for user in owners if _may_enter(user)]
        uid = found.account.uid
        if not entering and not found.blocked:
            barred = next((user for user in owners if user.state.ativo), None)
            owner = barred or next(iter(owners), None)
            yield _Found(
                Difference(
                    kind=Kind.BARRED_OPEN if barred else Kind.LEAVER_OPEN,
                    who=user_by_id(owner.id_usuario) if owner else account_of_nobody(uid),
                    detail="" if owner else "não existe no SIP",
                ),
                uid=uid,
            )
        if entering and found.blocked:
            yield _Found(Difference(kind=Kind.ACTIVE_BLOCKED, who=user_by_id(entering[0].id_usuario)), uid=uid)
        wanted = [_account_of(user, found.account) for user in entering]
        if wanted and found.account not in wanted and not self._snapshot.copied:
            user, account = entering[0], wanted[0]
            fields = [
                label for label, field in (("nome", "name"), ("e-mail", "email"))
                if getattr(account, field) != getattr(found.account, field)
            ]  # fmt: skip
            obstacle = _obstacle_of_account(user)
            if len(entering) > 1:
                obstacle = "Mude um dos logins no SIP: dois usuários ativos têm este mesmo."
            difference = Difference(
                kind=Kind.ACCOUNT_DIFFERS,
                who=user_by_id(user.id_usuario),
                detail=" e ".join(fields),
                obstacle=obstacle,
            )
            yield _Found(difference, account=None if obstacle else account)

    def _sei_side(self) -> Iterator[_Found]:
        for user in self._users:
            sei = self._sei.get(user.id_usuario)
            for kind, detail in self._differences_in_sei(user, sei):
                difference = Difference(
                    kind=kind,
                    who=user_by_id(user.id_usuario),
                    detail=detail,
                    obstacle=_obstacle_of_replication(user, sei) if kind.remedy else "",
                )
                yield _Found(difference, user=user)
        known = {user.id_usuario for user in self._users}
        for sei in self._sei.values():
            if sei.sta_tipo != INTERNAL:
                continue
            if sei.id_usuario not in known:
                state = "ativo" if sei.ativo else "inativo"
                yield _told(Kind.SEI_ALONE, sei.id_usuario, state)
            if not sei.has_contato:
                yield _told(Kind.CONTACT_MISSING, sei.id_usuario)

    def _differences_in_sei(self, user: SipUser, sei: SeiUser | None) -> Iterator[tuple[Kind, str]]:
        state = user.state
        if sei is None:
            if state.ativo and any(grant.place.id_sistema == self._snapshot.system for grant in self._in_force(user)):
                yield Kind.SEI_MISSING, ""
            return
        if sei.sta_tipo != INTERNAL:
            yield Kind.OTHER_TYPE, ""
            return
        if state.ativo != sei.ativo:
            yield (Kind.SEI_INACTIVE if state.ativo else Kind.SEI_ACTIVE), ""
        fields = [name for name, differs in (
            ("login", sei.sigla != state.sigla), ("nome", sei.nome != state.shown_name)
        ) if differs]  # fmt: skip
        if fields:
            yield Kind.SEI_DIFFERS, " e ".join(fields)
        # Nothing in SIP is no opinion: SEI's own address book may know more.
        fields = [name for name, here, there in (
            ("CPF", state.cpf, sei.cpf), ("e-mail", state.email, sei.email)
        ) if here and here != there]  # fmt: skip
        if fields and sei.has_contato:
            yield Kind.CONTACT_DIFFERS, " e ".join(fields)

    def _within_sip(self) -> Iterator[_Found]:
        active = [user for user in self._users if user.state.ativo]
        by_cpf: dict[str, list[int]] = {}
        for user in active:
            if user.state.cpf:
                by_cpf.setdefault(user.state.cpf, []).append(user.id_usuario)
        for user in self._users:
            sei = self._sei.get(user.id_usuario)
            if not user.state.id_origem and (user.state.ativo or (sei is not None and sei.ativo)):
                yield _told(Kind.WITHOUT_ORIGIN, user.id_usuario)
        for user in active:
            if not self._in_force(user):
                yield _told(Kind.WITHOUT_PERMISSION, user.id_usuario)
            yield from self._misplaced(user)
            others = [other for other in by_cpf.get(user.state.cpf or "", []) if other != user.id_usuario]
            if others:
                yield _told(Kind.CPF_TWICE, user.id_usuario, f"e {_listed(map(user_by_id, others))}")
        for table, ahead in sorted(self._snapshot.facts.counters.items()):
            if ahead < 0:
                yield _Found(Difference(kind=Kind.COUNTER_BEHIND, who=f"contador {table}", detail=f"{-ahead} atrás"))

    def _misplaced(self, user: SipUser) -> Iterator[_Found]:
        closed: set[int] = set()
        breaking: set[int] = set()
        for grant in user.state.grants:
            place = (grant.place.id_sistema, grant.place.id_unidade)
            if grant.has_ended(self._today):
                continue
            if grant.subunidades and place not in self._snapshot.facts.placed:
                breaking.add(grant.place.id_unidade)
            elif place not in self._snapshot.facts.working:
                closed.add(grant.place.id_unidade)
        for kind, units in ((Kind.UNIT_CLOSED, closed), (Kind.SUBUNITS_OUTSIDE, breaking)):
            if units:
                yield _told(kind, user.id_usuario, f"unidade {_listed(map(str, sorted(units)))}")

    def _in_force(self, user: SipUser) -> list[Grant]:
        return [grant for grant in user.state.grants if grant.in_force(self._today)]


def _may_enter(user: SipUser) -> bool:
    return user.state.ativo and not user.bloqueado


def _told(kind: Kind, id_usuario: int, detail: str = "") -> _Found:
    return _Found(Difference(kind=kind, who=user_by_id(id_usuario), detail=detail))


def _listed(items: Iterable[str]) -> str:
    found = list(items)
    more = f" e mais {len(found) - FIRST}" if len(found) > FIRST else ""
    return ", ".join(found[:FIRST]) + more


def _account_missing(user: SipUser) -> _Found:
    obstacle = _obstacle_of_account(user)
    if not obstacle and not user.state.email:
        obstacle = "Preencha o e-mail do usuário no SIP: sem ele a senha não chega a ninguém."
    difference = Difference(kind=Kind.ACCOUNT_MISSING, who=user_by_id(user.id_usuario), obstacle=obstacle)
    return _Found(difference, account=None if obstacle else _account_of(user, None))


def _account_of(user: SipUser, found: Account | None) -> Account:
    """The account as SIP has its owner; the login stays spelled as it is, an e-mail that SIP does not know stays."""
    return Account(
        uid=found.uid if found else user.state.sigla.lower(),
        name=" ".join(user.state.shown_name.split()),
        email=user.state.email or (found.email if found else ""),
    )


def _obstacle_of_account(user: SipUser) -> str:
    if not re.fullmatch(LOGIN_PATTERN, user.state.sigla.lower()):
        return "Corrija o login no SIP: tem caractere que o diretório não aceita."
    return "" if user.state.shown_name.strip() else "Preencha o nome do usuário no SIP."


def _obstacle_of_replication(user: SipUser, sei: SeiUser | None) -> str:
    if not user.state.id_origem:
        return Kind.WITHOUT_ORIGIN.advice
    return "" if sei is None or sei.has_contato else Kind.CONTACT_MISSING.advice


def _seen_by_sei(user: SipUser) -> tuple[object, ...]:
    state = user.state
    return state.ativo, state.sigla, state.shown_name, state.cpf, state.email
