"""A corporate security system that is asked over HTTP, by the contract in `docs/contrato-ssc.md`."""

import hmac
import json
import ssl
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import Field, SecretStr, ValidationError

from blocks.rehearsal import is_rehearsal
from blocks.ssc import Inviter, SecuritySystem
from domain.account import (
    Account,
    PasswordPolicy,
    PasswordRefusal,
    User,
    accounts_refused,
    plan_renames,
    require_all,
)
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError

PAGE_SIZE = 500
FEW = 10  # logins asked for one by one
PENDING, SENT, BOUNCED = "pendente", "enviado", "recusado"
ACTIVE, BLOCKED = "ativo", "bloqueado"
_POLICY_FIELDS = {
    "min_length": "tamanhoMinimo",
    "history": "senhasAnteriores",
    "max_failures": "errosAteTravar",
    "lockout_seconds": "segundosTravada",
    "failure_window_seconds": "segundosEsquecerErro",
    "first_access_changes": "trocaNoPrimeiroAcesso",
}
# The reasons of a refusal that the contract names, in our words: the answer's own text may hold a person's data.
_EMAIL_TAKEN = "email-em-uso"
_REASONS = {
    "ambiente-inexistente": ("O ambiente não existe no SSC", "Importe os usuários do ambiente antes."),
    "usuario-inexistente": ("A conta não existe neste ambiente", "Confira o login e o ambiente."),
    "usuario-bloqueado": ("A conta está bloqueada", "Desbloqueie-a e peça a senha de novo."),
    "senha-atual-incorreta": (
        f"Senha não trocada: {PasswordRefusal.CURRENT}",
        "Digite a senha atual, ou peça outra e o desbloqueio da conta.",
    ),
    "senha-recusada-pela-politica": (
        f"Senha não trocada: {PasswordRefusal.POLICY}",
        "Escolha uma senha mais longa e diferente das anteriores.",
    ),
    "login-invalido": ("O SSC recusou um login", "Corrija o login na planilha."),
    "nome-invalido": ("O SSC recusou um nome", "Corrija o nome na planilha."),
    _EMAIL_TAKEN: ("O e-mail já é de outra conta do SSC", "Corrija o e-mail na planilha."),
    "email-invalido": ("O SSC recusou um e-mail", "Corrija o e-mail na planilha."),
    "politica-invalida": ("O SSC recusou a política de senhas", "Acerte a política com a equipe do SSC."),
}


def explain(answer: httpx.Response, where: str) -> ImplantaError:
    """Translate a refusal; nothing of the answer's own text is repeated."""
    status = answer.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RetryableError(f"O SSC não atendeu agora (código {status})", where, "Execute de novo mais tarde.")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return InvalidInputError(
            f"O SSC recusou as credenciais (código {status})", where, "Confira o token e o que ele permite no SSC."
        )
    reason = _reason(answer)
    if reason == "login-existente":  # somebody created it after we looked: the next look finds it
        return RetryableError("O SSC já tem uma conta que acabou de ser criada", where, "Execute de novo.")
    if reason in _REASONS:
        what, fix = _REASONS[reason]
        return (_EmailTakenError if reason == _EMAIL_TAKEN else InvalidInputError)(what, where, fix)
    return _strange(where, f" (código {status})")


@lru_cache(maxsize=8)
def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Whose certificates are believed; read once a process, for it takes longer than a request."""
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)


def _strange(where: str, detail: str = "") -> IntegrityError:
    return IntegrityError(
        f"O SSC respondeu fora do contrato{detail}", where, "Confira a versão da interface com a equipe do SSC."
    )


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["motivo"])
    except (ValueError, KeyError, TypeError):
        return ""


class HttpSsc(SecuritySystem):
    """The state company's own security system, over its HTTP interface."""

    _block_type_name = "Implanta SSC (HTTP)"
    _block_type_slug = "implanta-http-ssc"

    url: str = Field(description="Endereço da interface do SSC, sem barra no fim, como https://ssc.exemplo/v1.")
    token: SecretStr = Field(description="Token de acesso (Bearer) do Implanta no SSC.")
    ca_file: Path | None = Field(
        default=None, description="Certificado da autoridade que assina o do SSC; sem ele, valem as do sistema."
    )
    timeout_seconds: float = Field(default=30.0, gt=0, description="Quantos segundos esperar por uma resposta.")

    @contextmanager
    def _conversation(self) -> Iterator["_Conversation"]:
        """One client with kept-alive connections, for as many requests as there are."""
        headers = {"Authorization": f"Bearer {self.token.get_secret_value()}"}
        with httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=self.timeout_seconds,
            verify=_trusted(self.ca_file),
            trust_env=False,
        ) as client:
            yield _Conversation(client, self.url, self.token)

    def ensure_users(self, environment: EnvironmentName, accounts: Iterable[Account]) -> Change:
        change = Change()
        refused: list[str] = []
        wanted = list(accounts)
        with self._conversation() as ssc:
            existing = {user.account.uid.lower(): user for user in ssc.list_users(environment, or_none=True)}
            if not existing:
                ssc.write("PUT", _environment_path(environment), {})
            for account in wanted:
                found = existing.get(account.uid.lower())
                try:
                    change += _ensure_user(ssc, environment, found, account)
                except _EmailTakenError:
                    refused.append(account.uid)
        if refused:
            raise accounts_refused(refused, len(wanted), self.url)
        return change

    def list_users(self, environment: EnvironmentName) -> list[User]:
        with self._conversation() as ssc:
            return sorted(ssc.list_users(environment), key=lambda user: user.account.uid)

    @contextmanager
    def inviting(self, environment: EnvironmentName) -> Iterator[Inviter]:
        with self._conversation() as ssc:
            yield _HttpInviter(ssc, environment)

    def rename_users(self, environment: EnvironmentName, renames: Mapping[str, str]) -> Change:
        with self._conversation() as ssc:
            moves = plan_renames(renames, ssc.find(environment, {*renames, *renames.values()}), self.url)
            for old, new in moves.items():
                ssc.write("POST", f"{_user_path(environment, old)}/login", {"novo": new})
        return Change(updated=len(moves), unchanged=len(renames) - len(moves))

    def block_users(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        with self._conversation() as ssc:
            found = ssc.find(environment, uids)
            is_open = [uid for uid, user in found.items() if user["situacao"] != BLOCKED]
            return ssc.patch_all(environment, is_open, {"situacao": BLOCKED}, of=uids)

    def unblock_users(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        with self._conversation() as ssc:
            found = ssc.find(environment, uids)
            require_all(uids, found, self.url)
            locked = [uid for uid, user in found.items() if user["situacao"] == BLOCKED or user.get("travada")]
            return ssc.patch_all(environment, locked, {"situacao": ACTIVE}, of=uids)

    def mark_uninvited(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        with self._conversation() as ssc:
            found = ssc.find(environment, uids)
            require_all(uids, found, self.url)
            unmarked = [uid for uid, user in found.items() if user["primeiroAcesso"] != PENDING]
            return ssc.patch_all(environment, unmarked, {"primeiroAcesso": PENDING}, of=uids)

    def remove_users(self, environment: EnvironmentName, uids: Collection[str]) -> Change:
        with self._conversation() as ssc:
            found = ssc.find(environment, uids)
            for uid in found:
                ssc.write("DELETE", _user_path(environment, uid), {})
        return Change(removed=len(found), unchanged=len({uid.lower() for uid in uids}) - len(found))

    def reset_password(self, environment: EnvironmentName, uid: str) -> SecretStr:
        with self._conversation() as ssc:
            return ssc.reset_password(environment, uid)

    def change_own_password(self, environment: EnvironmentName, uid: str, old: SecretStr, new: SecretStr) -> None:
        with self._conversation() as ssc:
            body = {"atual": old.get_secret_value(), "nova": new.get_secret_value()}
            ssc.write("POST", f"{_user_path(environment, uid)}/senha", body)

    def policy(self) -> PasswordPolicy | None:
        with self._conversation() as ssc:
            return ssc.policy()

    def ensure_policy(self, minimum: PasswordPolicy) -> Change:
        with self._conversation() as ssc:
            found = ssc.policy()
            wanted = found.reinforced(minimum)
            if found == wanted:
                return Change(unchanged=1)
            ssc.write(
                "PUT", "/politica-de-senhas", {theirs: getattr(wanted, f) for f, theirs in _POLICY_FIELDS.items()}
            )
        return Change(updated=1, details=found.differences(wanted))


def _environment_path(environment: EnvironmentName) -> str:
    return f"/ambientes/{environment.slug}"


def _users_path(environment: EnvironmentName) -> str:
    return f"{_environment_path(environment)}/usuarios"


def _user_path(environment: EnvironmentName, uid: str) -> str:
    return f"{_users_path(environment)}/{quote(uid, safe='')}"


class _EmailTakenError(InvalidInputError):
    """Only this account is refused; the others go on."""


def _ensure_user(ssc: "_Conversation", environment: EnvironmentName, found: User | None, wanted: Account) -> Change:
    body = {"nome": wanted.name, "email": wanted.email}
    if found is None:
        ssc.write("POST", _users_path(environment), {"login": wanted.uid, **body})
        return Change(created=1)
    if (found.account.name, found.account.email) == (wanted.name, wanted.email):
        return Change(unchanged=1)
    if found.bounced and found.account.email != wanted.email:  # a new address is worth another try
        body["primeiroAcesso"] = PENDING
    ssc.write("PATCH", _user_path(environment, found.account.uid), body)
    return Change(updated=1)


class _Conversation:
    """Requests and answers by the contract, over one client."""

    def __init__(self, client: httpx.Client, where: str, token: SecretStr) -> None:
        self._client = client
        self._where = f"ssc {where}"
        self._token = token

    def read(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """Ask for one document."""
        return self._send("GET", path, query=query)

    def write(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change something; nothing at all in a rehearsal."""
        return {} if is_rehearsal() else self._send(method, path, body=body)

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        headers = {"Idempotency-Key": self._idempotency_key(method, path, body)} if method == "POST" else {}
        try:
            answer = self._client.request(method, path, params=query, json=body, headers=headers)
            if not answer.is_success:
                raise explain(answer, self._where)
            document = answer.json() if answer.content else {}
        except httpx.HTTPError as e:
            raise RetryableError(
                f"O SSC não respondeu ({type(e).__name__})", self._where, "Confira o SSC e execute de novo."
            ) from None  # the error holds the request, and with it a person's data
        except ValueError:
            raise _strange(self._where) from None
        if not isinstance(document, dict):
            raise _strange(self._where)
        return document

    def _idempotency_key(self, method: str, path: str, body: Mapping[str, Any] | None) -> str:
        """The same request always has the same key; keyed with the token, it tells nobody whose request it was."""
        text = json.dumps([method, path, body], ensure_ascii=False, sort_keys=True)
        return hmac.new(self._token.get_secret_value().encode(), text.encode(), "sha256").hexdigest()

    def list_users(self, environment: EnvironmentName, *, or_none: bool = False) -> list[User]:
        """Every page of an environment's users; with `or_none`, an environment that does not exist has none."""
        try:
            return [_user_of(item) for item in self._items(environment)]
        except InvalidInputError as e:
            if or_none and e.what == _REASONS["ambiente-inexistente"][0]:
                return []
            raise
        except (KeyError, TypeError, ValidationError):
            raise _strange(self._where) from None  # the error holds the answer

    def find(self, environment: EnvironmentName, uids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Those of the users that there are, as the contract shows them, by login in small letters."""
        wanted = {uid.lower() for uid in uids}
        try:
            users = {item["login"].lower(): item for item in self._wanted(environment, wanted)}
            for user in users.values():
                _user_of(user)
        except (KeyError, TypeError, AttributeError, ValidationError):
            raise _strange(self._where) from None
        return {uid: user for uid, user in users.items() if uid in wanted}

    def _wanted(self, environment: EnvironmentName, wanted: Collection[str]) -> Iterator[dict[str, Any]]:
        if len(wanted) > FEW:  # a page costs about as much as one user
            yield from self._items(environment)
            return
        for uid in sorted(wanted):
            try:
                yield self.read(_user_path(environment, uid))
            except InvalidInputError as e:
                if e.what != _REASONS["usuario-inexistente"][0]:
                    raise

    def _items(self, environment: EnvironmentName) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            query: dict[str, str | int] = {"limite": PAGE_SIZE} | ({"cursor": cursor} if cursor else {})
            page = self.read(_users_path(environment), query)
            yield from page["usuarios"]
            cursor = page["proximo"] or ""
            if not cursor:
                return

    def patch_all(
        self, environment: EnvironmentName, uids: Collection[str], body: Mapping[str, str], *, of: Collection[str]
    ) -> Change:
        """Change these users alike; the others that were asked about are right already."""
        for uid in uids:
            self.write("PATCH", _user_path(environment, uid), body)
        return Change(updated=len(uids), unchanged=len({uid.lower() for uid in of}) - len(uids))

    def reset_password(self, environment: EnvironmentName, uid: str) -> SecretStr:
        """A new provisional password; in a rehearsal one that opens nothing."""
        answer = self.write("POST", f"{_user_path(environment, uid)}/senha-provisoria", {})
        return SecretStr(str(answer.get("senha", "")))

    def mark(self, environment: EnvironmentName, uid: str, mark: str) -> None:
        """Record what became of the first password."""
        self.write("PATCH", _user_path(environment, uid), {"primeiroAcesso": mark})

    def policy(self) -> PasswordPolicy:
        """The policy in force."""
        answer = self.read("/politica-de-senhas")
        try:
            return PasswordPolicy(**{ours: answer[theirs] for ours, theirs in _POLICY_FIELDS.items()})
        except (KeyError, ValidationError):
            raise _strange(self._where) from None


class _HttpInviter:
    def __init__(self, ssc: _Conversation, environment: EnvironmentName) -> None:
        self._ssc = ssc
        self._environment = environment

    def give_password(self, account: Account) -> SecretStr:
        return self._ssc.reset_password(self._environment, account.uid)

    def mark_invited(self, account: Account) -> None:
        self._ssc.mark(self._environment, account.uid, SENT)

    def mark_bounced(self, account: Account) -> None:
        self._ssc.mark(self._environment, account.uid, BOUNCED)


def _user_of(item: Mapping[str, Any]) -> User:
    return User(
        account=Account(uid=item["login"], name=item["nome"], email=item["email"]),
        blocked=item["situacao"] == BLOCKED,
        must_change=item["trocarSenha"],
        uninvited=item["primeiroAcesso"] == PENDING,
        bounced=item["primeiroAcesso"] == BOUNCED,
    )
