"""Who may log in, and in which units they may then work: the conditions of `sei.md` 2.7, one after the other."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pymysql.cursors import DictCursor

from lab.sei_standin.database import Row, fetch_all, fetch_one
from lab.sei_standin.directory import DirectoryServer, accepts_password
from lab.sei_standin.environments import Environment
from lab.sei_standin.keys import find_system
from lab.sei_standin.permissions import list_grants, list_rights, load_organization


class Refusal(StrEnum):
    """Why a sign-in was refused: for the log, never for the person, who could learn from it which logins exist."""

    UNKNOWN_ORGAO = "orgao_inexistente_ou_inativo"
    UNKNOWN_USER = "usuario_inexistente"
    INACTIVE_USER = "usuario_inativo_no_sip"
    BLOCKED_USER = "usuario_bloqueado"
    NO_SERVER = "orgao_sem_servidor_de_autenticacao"
    WRONG_PASSWORD = "senha_recusada"  # noqa: S105  # a reason, not a password
    NOT_IN_SEI = "usuario_inexistente_ou_inativo_no_sei"
    NO_PERMISSION = "sem_permissao_vigente"
    UNIT_INACTIVE = "unidade_inativa_no_sip"
    UNIT_OUTSIDE_HIERARCHY = "unidade_fora_da_hierarquia"
    UNIT_NOT_IN_SEI = "unidade_inexistente_ou_inativa_no_sei"


@dataclass(frozen=True)
class Workplace:
    """A unit in which the person may work."""

    id_unidade: int
    sigla: str
    descricao: str
    rights: frozenset[str]
    """What the person may do there, by the names of SIP's `recurso`s as they were at sign-in."""


@dataclass(frozen=True)
class SignedIn:
    """Who logged in, and where they may work; at least one unit, sorted by acronym."""

    id_usuario: int
    sigla: str
    nome: str
    id_orgao: int
    sigla_orgao: str
    workplaces: tuple[Workplace, ...]


@dataclass(frozen=True)
class Refused:
    """A sign-in that was refused."""

    reason: Refusal
    id_usuario: int | None = None


@dataclass(frozen=True)
class Orgao:
    """An órgão that the login page offers."""

    id_orgao: int
    sigla: str


def list_orgaos(environment: Environment) -> list[Orgao]:
    """SIP's active órgãos, in the order of its own list."""
    with environment.sip() as sip:
        rows = fetch_all(sip, "SELECT id_orgao, sigla FROM orgao WHERE sin_ativo = 'S' ORDER BY ordem, sigla")
    return [Orgao(row["id_orgao"], row["sigla"]) for row in rows]


def sign_in(environment: Environment, *, login: str, password: str, id_orgao: int, now: datetime) -> SignedIn | Refused:
    """Let a person in, or say for the log why not.

    Raises:
        RetryableError: a database or every server of authentication is down.
        IntegrityError: SEI and SIP do not trust each other (ChaveAcesso), so nobody can log in.
    """
    account = _find_account(environment, login, id_orgao)
    if isinstance(account, Refused):
        return account
    if refusal := _check_password(account, password, environment.slug):
        return Refused(refusal, account.id_usuario)
    found = _find_workplaces(environment, account, now)
    if isinstance(found, Refusal):
        return Refused(found, account.id_usuario)
    return SignedIn(account.id_usuario, account.sigla, account.nome, id_orgao, account.sigla_orgao, found)


def confirms_password(environment: Environment, person: SignedIn, password: str) -> bool:
    """Whether a person who is signed in gives the password again, asked of the directory anew.

    Raises:
        RetryableError: a database or every server of authentication is down.
    """
    account = _find_account(environment, person.sigla, person.id_orgao)
    return isinstance(account, _Account) and _check_password(account, password, environment.slug) is None


@dataclass(frozen=True)
class _Account:
    """A person's account in SIP, and what it takes to check it."""

    system: Row
    id_usuario: int
    sigla: str
    nome: str
    sigla_orgao: str
    checks_password: bool
    servers: tuple[DirectoryServer, ...]


def _find_account(environment: Environment, login: str, id_orgao: int) -> _Account | Refused:
    with environment.sip() as sip:
        system = find_system(sip, environment.configuration.sei_session)
        orgao = fetch_one(
            sip, "SELECT sigla, sin_autenticar FROM orgao WHERE id_orgao = %s AND sin_ativo = 'S'", (id_orgao,)
        )
        if orgao is None:
            return Refused(Refusal.UNKNOWN_ORGAO)
        user = fetch_one(
            sip,
            "SELECT id_usuario, sigla, nome, sin_ativo, sin_bloqueado FROM usuario WHERE sigla = %s AND id_orgao = %s"
            " ORDER BY sin_ativo = 'S' DESC LIMIT 1",
            (login, id_orgao),
        )
        if user is None:
            return Refused(Refusal.UNKNOWN_USER)
        if user["sin_ativo"] != "S":
            return Refused(Refusal.INACTIVE_USER, user["id_usuario"])
        if user["sin_bloqueado"] == "S":
            return Refused(Refusal.BLOCKED_USER, user["id_usuario"])
        return _Account(
            system=system,
            id_usuario=user["id_usuario"],
            sigla=user["sigla"],
            nome=user["nome"],
            sigla_orgao=orgao["sigla"],
            checks_password=orgao["sin_autenticar"] == "S",
            servers=tuple(_list_servers(sip, id_orgao)),
        )


def _check_password(account: _Account, password: str, where: str) -> Refusal | None:
    if not account.checks_password:
        # Development mode of SIP: the password is the login (`sei.md` 2.4).
        return None if password == account.sigla else Refusal.WRONG_PASSWORD
    if not account.servers:
        return Refusal.NO_SERVER
    if accepts_password(account.servers, account.sigla, password, where):
        return None
    return Refusal.WRONG_PASSWORD


def _list_servers(sip: DictCursor, id_orgao: int) -> list[DirectoryServer]:
    rows = fetch_all(
        sip,
        "SELECT s.* FROM servidor_autenticacao s JOIN rel_orgao_autenticacao r USING (id_servidor_autenticacao)"
        " WHERE r.id_orgao = %s ORDER BY r.sequencia",
        (id_orgao,),
    )
    return [
        DirectoryServer(
            address=row["endereco"],
            port=row["porta"],
            kind=row["sta_tipo"],
            suffix=row["sufixo"] or "",
            search_dn=row["usuario_pesquisa"] or "",
            search_password=row["senha_pesquisa"] or "",
            base=row["contexto_pesquisa"] or "",
            filter_attribute=row["atributo_filtro_pesquisa"] or "uid",
        )
        for row in rows
    ]


def _find_workplaces(environment: Environment, account: _Account, now: datetime) -> tuple[Workplace, ...] | Refusal:
    with environment.sip() as sip:
        grants = list_grants(sip, account.system["id_sistema"], now, account.id_usuario)
        organization = load_organization(sip, account.system["id_hierarquia"], now)
    reached = organization.workplaces(grants)
    active = {unit for unit in reached if organization.units[unit].active}
    placed = active & organization.in_hierarchy
    for units, refusal in (
        (reached, Refusal.NO_PERMISSION),
        (active, Refusal.UNIT_INACTIVE),
        (placed, Refusal.UNIT_OUTSIDE_HIERARCHY),
    ):
        if not units:
            return refusal
    with environment.sei() as sei:
        if not _exists_in_sei(sei, account.id_usuario):
            return Refusal.NOT_IN_SEI
        complete = [unit for unit in _list_complete_units(sei) if unit["id_unidade"] in placed]
    profiles = {unit["id_unidade"]: organization.profiles_in(unit["id_unidade"], grants) for unit in complete}
    with environment.sip() as sip:
        rights = {held: list_rights(sip, account.system["id_sistema"], held) for held in set(profiles.values())}
    workplaces = tuple(
        Workplace(unit["id_unidade"], unit["sigla"], unit["descricao"], rights[profiles[unit["id_unidade"]]])
        for unit in complete
    )
    return workplaces or Refusal.UNIT_NOT_IN_SEI


def _exists_in_sei(sei: DictCursor, id_usuario: int) -> bool:
    row = fetch_one(
        sei,
        "SELECT 1 FROM usuario u JOIN contato c USING (id_contato)"
        " WHERE u.id_usuario = %s AND u.sin_ativo = 'S' AND u.sta_tipo = '0'",
        (id_usuario,),
    )
    return row is not None


def _list_complete_units(sei: DictCursor) -> list[Row]:
    return fetch_all(
        sei,
        "SELECT DISTINCT u.id_unidade, u.sigla, u.descricao FROM unidade u JOIN contato c USING (id_contato)"
        " JOIN unidade_historico h ON h.id_unidade = u.id_unidade AND h.dta_fim IS NULL"
        " WHERE u.sin_ativo = 'S' ORDER BY u.sigla",
    )
