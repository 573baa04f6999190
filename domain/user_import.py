"""What importing a prefeitura's people into SIP would change."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import ConfigDict, Field, PositiveInt

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.person import Person, is_reserved_login
from domain.spreadsheet import name_rows
from domain.text import collation_key


class ExistingUser(Frozen):
    """A row of `sip.usuario`; `cpf` with its 11 digits (`cpf_from_number`)."""

    model_config = ConfigDict(hide_input_in_errors=True)

    id_usuario: PositiveInt
    sigla: str = Field(repr=False)
    nome: str = Field(repr=False)
    cpf: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    id_origem: str | None = Field(default=None, repr=False)
    ativo: bool = True


class MatchedUser(Frozen):
    """A person who already is a SIP user; `changed` names the fields that differ (`ativo`: comes back to work)."""

    person: Person
    existing: ExistingUser
    changed: tuple[str, ...] = ()


class ImportPlan(Frozen):
    """What to do with each person. Ids of new users are taken from SIP's counter when the plan is applied."""

    create: tuple[Person, ...]
    update: tuple[MatchedUser, ...]
    unchanged: tuple[MatchedUser, ...]
    leavers: tuple[ExistingUser, ...]
    """Active users that the spreadsheet does not have: reported, never deactivated here."""


def plan_user_import(people: Sequence[Person], existing: Iterable[ExistingUser]) -> ImportPlan:
    """Match people to SIP users: by CPF, which never changes hands, or else by login as SIP's UNIQUE key compares it.

    System accounts (`SIP`, `teste`…) are left out. An active user wins over an inactive one of the same CPF or login.
    Raises InvalidInputError, with rows and without values, when a login belongs to someone of another CPF, or two
    people match one user.
    """
    users = sorted((user for user in existing if not is_reserved_login(user.sigla)), key=lambda user: user.ativo)
    by_cpf = {user.cpf: user for user in users if user.cpf}
    by_login = {collation_key(user.sigla): user for user in users}
    create: list[Person] = []
    matched: dict[int, MatchedUser] = {}
    problems: list[str] = []
    for person in people:
        holder = by_login.get(collation_key(person.sigla))
        user = by_cpf.get(person.cpf, holder)
        if user is None:
            create.append(person)
        elif problem := _conflict(person, user, holder, matched):
            problems.append(f"{_row(person)}: {problem}")
        else:
            matched[user.id_usuario] = MatchedUser(person=person, existing=user, changed=_changed(person, user))
    if problems:
        raise InvalidInputError(
            f"{len(problems)} pessoa{'s' if len(problems) > 1 else ''} em conflito com o SIP: {' | '.join(problems)}",
            "planilha de usuários",
            "Corrija o CPF ou o login na planilha, ou o cadastro no SIP, e importe de novo.",
        )
    return ImportPlan(
        create=tuple(create),
        update=tuple(match for match in matched.values() if match.changed),
        unchanged=tuple(match for match in matched.values() if not match.changed),
        leavers=tuple(user for user in users if user.ativo and user.id_usuario not in matched),
    )


def _conflict(
    person: Person, user: ExistingUser, holder: ExistingUser | None, matched: Mapping[int, MatchedUser]
) -> str | None:
    if holder and holder.id_usuario != user.id_usuario:
        return "o CPF é de um usuário do SIP e o login é de outro"
    if user.cpf not in (None, person.cpf):
        return "o login já é de outra pessoa no SIP (outro CPF)"
    if taken := matched.get(user.id_usuario):
        return f"é o mesmo usuário do SIP que a {_row(taken.person)}"
    return None


def _changed(person: Person, user: ExistingUser) -> tuple[str, ...]:
    pairs = (
        ("sigla", person.sigla, user.sigla),
        ("nome", person.nome, user.nome),
        ("cpf", person.cpf, user.cpf),
        ("email", person.email, user.email),
        ("id_origem", person.id_origem, user.id_origem),
        ("ativo", True, user.ativo),
    )
    return tuple(field for field, wanted, found in pairs if wanted != found)


def _row(person: Person) -> str:
    return name_rows(person.linhas) if person.linhas else "pessoa sem linha"
