"""The steps of an import by SIP's own web service, the channel that its maker offers to others (`sei.md` 4.2)."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TypeAlias

from blocks.rehearsal import is_rehearsal
from blocks.runtime import ServiceAddress
from blocks.sip import ORGAO_ID, SEI_SYSTEM_ID
from blocks.sip_users import SipUsers
from blocks.soap_client import RefusedCallError, SoapClient
from blocks.users_channel import change_of, changed_grants, keeping, refuse_taken_logins
from domain.access_key import AccessKey
from domain.change import Change
from domain.errors import IntegrityError, InvalidInputError
from domain.sip_user import Grant, SipUser, UserState
from domain.text import collation_key, cp1252_problem
from domain.users_batch import remaining
from domain.users_plan import UserStep

CHUNK = 200
TIMEOUT_SECONDS = 300
_SHOWN = 5
_FIX = (
    "Confira no SIP o usuário, a unidade, o perfil e os serviços liberados ao SEI, e execute de novo: o que já foi"
    " feito não se repete."
)

Item: TypeAlias = Mapping[str, str]
Stage: TypeAlias = Callable[[UserStep], list[Item]]


class SoapChannel:
    """Calls `replicarUsuario` and `replicarPermissao`, some hundred at a time; SIP tells SEI of each by itself.

    Each call is a transaction of SIP's own. After one that was cut off, the database says what is left.
    """

    def __init__(self, users: SipUsers, address: ServiceAddress, key: AccessKey, *, chunk: int = CHUNK) -> None:
        self._users = users
        self._key = key
        self._chunk = chunk
        self._client = SoapClient(address, "sip", "SipWS", timeout_seconds=TIMEOUT_SECONDS)

    def apply(self, steps: Sequence[UserStep], *, today: date) -> Change:
        """Bring users and permissions to what the steps say. What the service cannot do is refused beforehand.

        Raises:
            IntegrityError: somebody changed a user since the steps were planned, a login is taken, the service cannot
                tell a user by `IdOrigem`, or it refuses one.
            RetryableError: SIP does not answer; what it has done so far is found done next time.
            InvalidInputError: a text has a character that SIP cannot store.
        """
        if not steps:
            return Change()
        users = self._users.list_users()
        kept = [keeping(step, today) for step in steps]
        rest = remaining(kept, users)
        refuse_taken_logins(rest, {user.id_usuario: (user.state.sigla, user.state.ativo) for user in users})
        _refuse_unaddressable(rest, users)
        _refuse_characters(rest)
        rest = _in_order(rest)
        if not is_rehearsal():
            self._carry_out(rest)
        return change_of(rest, today) + Change(unchanged=len(steps) - len(rest))

    def _carry_out(self, steps: Sequence[UserStep]) -> None:
        # Who leaves comes first: until then their logins are taken. Permissions are only found of active users.
        leaving = [step for step in steps if not step.after.ativo]
        staying = [step for step in steps if step.after.ativo]
        for group, operation, stage in (
            (leaving, "replicarUsuario", _alteration),
            (leaving, "replicarPermissao", _permissions),
            (leaving, "replicarUsuario", _deactivation),
            (staying, "replicarUsuario", _reactivation),
            (staying, "replicarUsuario", _alteration),
            (staying, "replicarUsuario", _creation),
            (staying, "replicarPermissao", _permissions),
        ):
            pending = [step for step in group if stage(step)]
            for start in range(0, len(pending), self._chunk):
                self._send_chunk(operation, stage, pending[start : start + self._chunk])

    def _send_chunk(self, operation: str, stage: Stage, steps: Sequence[UserStep]) -> None:
        try:
            self._send(operation, _items(stage, steps))
        except RefusedCallError:
            # Of many it would be anybody's guess whom the service refused: one by one, without those it did take.
            for step in remaining(steps, self._users.list_users()):
                self._send_one(operation, stage, step)

    def _send_one(self, operation: str, stage: Stage, step: UserStep) -> None:
        items = stage(step)
        if not items:
            return
        try:
            self._send(operation, items)
        except RefusedCallError as e:
            raise IntegrityError(f"O web service do SIP recusou {operation} de {step.who}", e.where, _FIX) from None

    def _send(self, operation: str, items: Sequence[Item]) -> None:
        with self._client.calling(_FIX) as service:
            key = self._key.text.get_secret_value()
            if operation == "replicarPermissao":
                service.replicarPermissao(ChaveAcesso=key, Permissoes=self._client.structures("Permissao", items))
            else:
                service.replicarUsuario(
                    ChaveAcesso=key,
                    Usuarios=self._client.structures("Usuario", items),
                    SinConsiderarOrgao="S",
                    SistemasReplicacao=self._client.texts([str(SEI_SYSTEM_ID)]),
                )


def _items(stage: Stage, steps: Iterable[UserStep]) -> list[Item]:
    return [item for step in steps for item in stage(step)]


def _refuse_unaddressable(steps: Iterable[UserStep], users: Iterable[SipUser]) -> None:
    """Refuse steps about users whom the service, which knows them by `IdOrigem` only, would not find or mistake."""
    holders = Counter(_origin(user.state) for user in users)
    problems = []
    for step in steps:
        origin = _origin(step.after)
        if step.before is None:
            if holders[origin]:
                problems.append(f"{step.who} (a matrícula já é de outro usuário do SIP)")
        elif not step.changed:
            continue  # permissions go by SIP's own id
        elif not step.before.state.id_origem:
            problems.append(f"usuário {step.before.id_usuario} (não tem matrícula no SIP)")
        elif step.before.state.id_origem != step.after.id_origem:
            problems.append(f"usuário {step.before.id_usuario} (mudaria de matrícula)")
        elif holders[origin] > 1:
            problems.append(f"usuário {step.before.id_usuario} (outro usuário tem a mesma matrícula)")
    if problems:
        raise _impossible("o web service do SIP só conhece pessoas pela matrícula", problems)


def _impossible(why: str, problems: Sequence[str]) -> IntegrityError:
    return IntegrityError(
        f"{len(problems)} mudança(s) não são possíveis por web service, porque {why}: {'; '.join(problems[:_SHOWN])}",
        "sip.usuario",
        'Importe com users_channel = "sql" na configuração. Nada foi gravado.',
    )


def _origin(state: UserState) -> str:
    return collation_key(state.id_origem or "")


def _refuse_characters(steps: Iterable[UserStep]) -> None:
    for step in steps:
        state = step.after
        for value in (state.sigla, state.nome, state.nome_social, state.email, state.id_origem):
            if value and (problem := cp1252_problem(value)):
                raise InvalidInputError(
                    f"O SIP não pode gravar um campo de {step.who}: {problem}",
                    "sip.usuario",
                    "Troque o caractere no dado de origem e execute de novo. Nada foi gravado.",
                )


def _in_order(steps: Sequence[UserStep]) -> list[UserStep]:
    """The steps, each after the one that lets go of the login that it takes.

    Raises:
        IntegrityError: people swap logins: a login of nobody's in between is nothing that a run which is cut off
            there could be taken up from.
    """
    ordered: list[UserStep] = []
    waiting = list(steps)
    while waiting:
        held = {step.before.state.login_key for step in waiting if step.before and _renames(step)}
        ready = [step for step in waiting if not (_renames(step) and step.after.login_key in held)]
        if not ready:
            names = [f"usuário {step.before.id_usuario}" for step in waiting if step.before]
            raise _impossible("ele não troca logins entre pessoas", names)
        ordered += ready
        waiting = [step for step in waiting if _renames(step) and step.after.login_key in held]
    return ordered


def _renames(step: UserStep) -> bool:
    """Whether somebody who stays gets another login; who leaves has let go of theirs by then."""
    if step.before is None or not (step.before.state.ativo and step.after.ativo):
        return False
    return step.before.state.login_key != step.after.login_key


def _creation(step: UserStep) -> list[Item]:
    return [_user("C", step.after)] if step.before is None else []


def _alteration(step: UserStep) -> list[Item]:
    return [_user("A", step.after)] if set(step.changed) - {"ativo"} else []


def _reactivation(step: UserStep) -> list[Item]:
    return [_user("R", step.after)] if step.before and step.after.ativo and not step.before.state.ativo else []


def _deactivation(step: UserStep) -> list[Item]:
    return [_user("D", step.after)] if step.before and step.before.state.ativo and not step.after.ativo else []


def _user(operation: str, state: UserState) -> Item:
    known = {"StaOperacao": operation, "IdOrigem": state.id_origem or "", "IdOrgao": str(ORGAO_ID)}
    if operation in {"D", "R"}:
        return known
    return {
        **known,
        "Sigla": state.sigla,
        "Nome": state.nome,
        "NomeSocial": state.nome_social or "",
        "Cpf": state.cpf or "",
        "Email": state.email or "",
    }


def _permissions(step: UserStep) -> list[Item]:
    if step.before:
        user, before = {"IdUsuario": str(step.before.id_usuario)}, step.before.state.grants
    else:
        user, before = {"IdOrigemUsuario": step.after.id_origem or ""}, ()
    return [_permission(user, grant) for grant in changed_grants(before, step.after.grants)]


def _permission(user: Item, grant: Grant) -> Item:
    return {
        "StaOperacao": "A",  # never E: an end date keeps SIP's history
        "IdSistema": str(grant.place.id_sistema),
        "IdOrgaoUsuario": str(ORGAO_ID),
        **user,
        "IdUnidade": str(grant.place.id_unidade),
        "IdPerfil": str(grant.place.id_perfil),
        "DataInicial": _day(grant.inicio),
        "DataFinal": _day(grant.fim) if grant.fim else "",
        "SinSubunidades": "S" if grant.subunidades else "N",
    }


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"
