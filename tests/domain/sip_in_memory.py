"""SIP in memory, as far as users go: what a channel does to it, field by field, and what a person does by hand."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from domain.person import Person, every_lotacao
from domain.sip_user import Grant, Place, SipUser, UserState
from domain.text import collation_key
from domain.users_batch import Batch, as_kept, batch_id, brought_by, plan_undo, remaining
from domain.users_plan import FIELDS, UsersPlan, UserStep, plan_users
from tests.domain.examples import make_cpf

SEI = 100_000_100
OTHER_SYSTEM = 100_000_099
UNITS = {"SEMAD": 11, "SEMED": 12, "SEMUS": 13}
PROFILES = {"Básico": 21, "Administrador": 22, "Colaborador (Básico sem Assinatura)": 23}
DAY = date(2026, 11, 30)
LONG_AGO = date(2020, 1, 1)


def person(
    number: int,
    *,
    nome: str | None = None,
    cpf: str | None = None,
    sigla: str | None = None,
    email: str | None = None,
    matricula: str | None = None,
    unidades: Sequence[str] = ("SEMAD",),
    perfis: Sequence[str] = ("Básico",),
    linha: int | None = None,
) -> Person:
    return Person(
        nome=nome or f"Pessoa {number} de Teste",
        cpf=cpf or make_cpf(number),
        email=email or f"pessoa{number}@example.org",
        sigla=sigla or f"pessoa.{number}",
        lotacoes=every_lotacao(unidades, perfis),
        matricula=matricula,
        linhas=(linha or number + 1,),
    )


def place(unidade: str = "SEMAD", perfil: str = "Básico", *, system: int = SEI) -> Place:
    return Place(id_sistema=system, id_perfil=PROFILES[perfil], id_unidade=UNITS[unidade])


def atoms(step: UserStep) -> Iterator[dict[str, object] | Grant]:
    """What a channel that writes field by field has to write: fields that differ, then permissions that differ.

    `sigla` and `ativo` go together, for they are one key of SIP.
    """
    old = step.before.state if step.before else UserState(sigla=step.after.sigla, nome=step.after.nome)
    new = {name: getattr(step.after, name) for name in FIELDS if getattr(old, name) != getattr(step.after, name)}
    key: dict[str, object] = {name: new.pop(name) for name in ("sigla", "ativo") if name in new}
    if key:
        yield key
    yield from ({name: value} for name, value in new.items())
    for about, grant in step.after.by_place.items():
        if old.by_place.get(about) != grant:
            yield grant


class SipInMemory:
    """The users of one órgão, what spreadsheets brought, and the day."""

    def __init__(self) -> None:
        self.users: dict[int, SipUser] = {}
        self.brought: dict[int, frozenset[Place]] = {}
        self.day = DAY

    def add(self, number: int, *, ativo: bool = True, bloqueado: bool = False, **fields: object) -> int:
        """A user made by hand: person `number`, but for these fields."""
        values: dict[str, object] = {
            "sigla": f"pessoa.{number}",
            "nome": f"Pessoa {number} de Teste",
            "cpf": make_cpf(number),
            "email": f"pessoa{number}@example.org",
            "id_origem": f"pessoa.{number}",
        }
        state = UserState(**(values | fields), ativo=ativo)  # type: ignore[arg-type]  # names and values of its own
        return self.put(state, bloqueado=bloqueado)

    def put(self, state: UserState, *, bloqueado: bool = False) -> int:
        id_usuario = 100_000_001 + len(self.users)
        self.write(SipUser(id_usuario=id_usuario, state=state, bloqueado=bloqueado))
        return id_usuario

    def write(self, user: SipUser) -> None:
        """Store a user; SIP has UNIQUE(sigla, id_orgao, sin_ativo)."""
        for other in self.users.values():
            same = collation_key(other.state.sigla) == collation_key(user.state.sigla)
            if other.id_usuario != user.id_usuario and same and other.state.ativo == user.state.ativo:
                raise AssertionError("two users of one login, both active or both inactive")
        self.users[user.id_usuario] = user

    def state(self, id_usuario: int) -> UserState:
        return self.users[id_usuario].state

    def edit(self, id_usuario: int, **fields: object) -> None:
        """Change fields by hand."""
        user = self.users[id_usuario]
        self.write(replace(user, state=replace(user.state, **fields)))  # type: ignore[arg-type]  # as in `add`

    def give(self, id_usuario: int, grant: Grant) -> None:
        """Give, end or change a permission by hand."""
        state = self.state(id_usuario)
        self.edit(id_usuario, grants=state.with_grants((state.by_place | {grant.place: grant}).values()).grants)

    def end(self, id_usuario: int, about: Place) -> None:
        self.give(id_usuario, self.state(id_usuario).by_place[about].ended(self.day))

    def find(self, sigla: str) -> int:
        found = sorted(self.users.values(), key=lambda user: user.state.ativo)
        return {collation_key(user.state.sigla): user.id_usuario for user in found}[collation_key(sigla)]

    def active(self) -> set[str]:
        return {user.state.sigla for user in self.users.values() if user.state.ativo}

    def access(self) -> dict[int, tuple[bool, frozenset[Grant]]]:
        """Whether each user is active, and what is in force."""
        return {
            user.id_usuario: (
                user.state.ativo,
                frozenset(grant for grant in user.state.grants if grant.in_force(self.day)),
            )
            for user in self.users.values()
        }

    def in_force(self, id_usuario: int) -> set[Place]:
        return {grant.place for grant in self.access()[id_usuario][1]}

    def plan(self, *people: Person, mentioned: AbstractSet[str] = frozenset()) -> UsersPlan:
        return plan_users(
            people,
            self.users.values(),
            units=UNITS,
            profiles=PROFILES,
            system=SEI,
            brought=self.brought,
            today=self.day,
            mentioned=mentioned,
        )

    def open(self, plan: UsersPlan, *, undoes: str | None = None) -> Batch:
        return Batch(
            id=batch_id(datetime(2026, 11, 30, 5, tzinfo=UTC), plan.digest),
            environment="timoteo-producao",
            sheet_sha256=None,
            undoes=undoes,
            digest=plan.digest,
            day=plan.day,
            steps=plan.steps,
            kept=plan.kept,
            kept_before=as_kept(self.brought),
        )

    def apply(self, batch: Batch) -> None:
        """All of a batch, and its memory."""
        for step in remaining(batch.steps, self.users.values()):
            self.apply_step(step)
        self.brought = brought_by(batch.kept, self.users.values())

    def apply_step(self, step: UserStep, atoms_done: int | None = None) -> int:
        """As many of a step's writes as a run came to; how many it had."""
        if step.before is None:
            id_usuario = self.put(UserState(sigla=step.after.sigla, nome=step.after.nome))
        else:
            id_usuario = step.before.id_usuario
        writes = list(atoms(step))
        for write in writes[:atoms_done]:
            if isinstance(write, Grant):
                self.give(id_usuario, write)
            else:
                self.edit(id_usuario, **write)
        return len(writes)

    def bring(self, *people: Person, mentioned: AbstractSet[str] = frozenset()) -> Batch:
        """Apply a spreadsheet."""
        batch = self.open(self.plan(*people, mentioned=mentioned))
        self.apply(batch)
        return batch

    def plan_undo(self, batch: Batch) -> UsersPlan:
        return plan_undo(batch, self.users.values(), self.brought, self.day)

    def undo(self, batch: Batch) -> Batch:
        back = self.open(self.plan_undo(batch), undoes=batch.id)
        self.apply(back)
        return back

    def sleep(self, days: int = 1) -> None:
        self.day += timedelta(days=days)
