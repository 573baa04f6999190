"""People of an import, as a plan hands them to a channel into SIP."""

from datetime import date

from blocks.sip import SEI_SYSTEM_ID
from domain.person import Person
from domain.sip_user import Grant, Place, SipUser, UserState
from domain.users_plan import StepKind, UserStep
from tests.blocks.instance import Databases

TODAY = date(2026, 11, 23)


def place(databases: Databases, unidade: str, perfil: str = "Básico") -> Place:
    """A perfil of SEI in a unit, by their names."""
    (unit,) = databases.row("sip", "SELECT id_unidade FROM unidade WHERE sigla = %s AND sin_ativo = 'S'", (unidade,))
    return Place(id_sistema=SEI_SYSTEM_ID, id_perfil=databases.users.profile_ids()[perfil], id_unidade=unit)


def granted(place: Place, inicio: date = TODAY) -> Grant:
    return Grant(place=place, inicio=inicio)


def state_of(person: Person, *grants: Grant) -> UserState:
    """Somebody of a spreadsheet, with these permissions."""
    return UserState(
        sigla=person.sigla,
        nome=person.nome,
        nome_social=person.nome_social,
        cpf=person.cpf,
        email=person.email,
        id_origem=person.id_origem,
    ).with_grants(grants)


def join(state: UserState, linha: int = 2) -> UserStep:
    return UserStep(kind=StepKind.JOIN, before=None, after=state, linhas=(linha,))


def joining(databases: Databases, *people: Person) -> list[UserStep]:
    """Everybody comes, with the permissions that their lotações say."""
    return [
        join(
            state_of(
                person, *(granted(place(databases, lotacao.unidade, lotacao.perfil)) for lotacao in person.lotacoes)
            ),
            linha,
        )
        for linha, person in enumerate(people, start=2)
    ]


def change(user: SipUser, after: UserState) -> UserStep:
    """One user to another state, whatever that means for whether they may work."""
    kinds = {(False, True): StepKind.RETURN, (True, False): StepKind.LEAVE}
    return UserStep(kind=kinds.get((user.state.ativo, after.ativo), StepKind.CHANGE), before=user, after=after)


def leave(user: SipUser, today: date = TODAY) -> UserStep:
    return change(user, user.state.deactivated(today))


def find(databases: Databases, sigla: str) -> SipUser:
    """The one user of this login."""
    (user,) = [user for user in databases.users.list_users() if user.state.sigla == sigla]
    return user
