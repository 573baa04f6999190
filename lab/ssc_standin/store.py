"""What the stand-in keeps: users of each environment, their passwords as hashes, and one password policy. In memory."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from threading import RLock
from typing import Any

LOGIN = re.compile(r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", re.IGNORECASE)
EMAIL = re.compile(r"^[^@\s]+@[^@\s]+$")
MAX_TEXT = 100
HASH_ROUNDS = 1000  # a stand-in's passwords live for minutes
LARGEST_PAGE = 500


class RefusedError(Exception):
    """A request that the contract refuses, by its code and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Policy:
    """The contract's password policy, in its own names."""

    tamanhoMinimo: int = 6  # noqa: N815  # the contract's names
    senhasAnteriores: int = 0  # noqa: N815
    errosAteTravar: int = 5  # noqa: N815
    segundosTravada: int = 900  # noqa: N815
    segundosEsquecerErro: int = 900  # noqa: N815
    trocaNoPrimeiroAcesso: bool = True  # noqa: N815

    @classmethod
    def parse(cls, body: dict[str, Any]) -> "Policy":
        """A policy of exactly the contract's fields, each of its type."""
        types = {one.name: (bool if one.name == "trocaNoPrimeiroAcesso" else int) for one in fields_of(cls)}
        if set(body) != set(types) or any(type(body[name]) is not kind for name, kind in types.items()):
            raise RefusedError(422, "politica-invalida")
        if any(value < 0 for value in body.values()):
            raise RefusedError(422, "politica-invalida")
        return cls(**body)


@dataclass
class User:
    login: str
    nome: str
    email: str
    bloqueado: bool = False
    convite: str = "pendente"
    provisoria: bool = False
    senha: str | None = None
    anteriores: list[str] = field(default_factory=list)
    erros: list[float] = field(default_factory=list)
    travada_ate: float = 0.0


def _hash(password: str) -> str:
    salt = secrets.token_bytes(8)
    return f"{salt.hex()}${hashlib.pbkdf2_hmac('sha256', password.encode(), salt, HASH_ROUNDS).hex()}"


def _matches(password: str, hashed: str) -> bool:
    salt, _, digest = hashed.partition("$")
    made = hashlib.pbkdf2_hmac("sha256", password.encode(), bytes.fromhex(salt), HASH_ROUNDS).hex()
    return hmac.compare_digest(made, digest)


class Store:
    """The stand-in's memory; `now` is a clock in seconds, so that tests need not wait for a lockout to end.

    With `emails_are_unique` it refuses, as the contract allows, an e-mail that another account has in any environment.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.emails_are_unique = False
        self._lock = RLock()
        self._environments: dict[str, dict[str, User]] = {}
        self.policy = Policy()

    def clear(self) -> None:
        """Forget everything, as a new stand-in."""
        with self._lock:
            self._environments.clear()
            self.policy = Policy()
            self.emails_are_unique = False

    def add_environment(self, environment: str) -> bool:
        """Enter an environment; False when it was there."""
        with self._lock:
            is_new = environment not in self._environments
            self._environments.setdefault(environment, {})
            return is_new

    def _users(self, environment: str) -> dict[str, User]:
        if environment not in self._environments:
            raise RefusedError(404, "ambiente-inexistente")
        return self._environments[environment]

    def _user(self, environment: str, login: str) -> User:
        try:
            return self._users(environment)[login.lower()]
        except KeyError:
            raise RefusedError(404, "usuario-inexistente") from None

    def has(self, environment: str, login: str) -> bool:
        with self._lock:
            return login.lower() in self._environments.get(environment, {})

    def page(self, environment: str, after: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """Users after a login, in the order of logins, and from where the next page goes on."""
        with self._lock:
            keys = sorted(key for key in self._users(environment) if key > after)
            shown = keys[: min(limit, LARGEST_PAGE)]
            more = len(keys) > len(shown)
            return [self.show(environment, key) for key in shown], shown[-1] if more else None

    def show(self, environment: str, login: str) -> dict[str, Any]:
        """One user as the contract shows it: never a password."""
        with self._lock:
            user = self._user(environment, login)
            return {
                "login": user.login,
                "nome": user.nome,
                "email": user.email,
                "situacao": "bloqueado" if user.bloqueado else "ativo",
                "travada": user.travada_ate > self._now(),
                "trocarSenha": user.provisoria,
                "primeiroAcesso": user.convite,
            }

    def create(self, environment: str, body: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            users = self._users(environment)
            _check(body, allowed={"login", "nome", "email"}, required={"login", "nome", "email"})
            if body["login"].lower() in users:
                raise RefusedError(409, "login-existente")
            user = User(**body)
            self._refuse_taken(user, user.email)
            users[user.login.lower()] = user
            return self.show(environment, user.login)

    def _refuse_taken(self, user: User, email: str) -> None:
        others = (one for users in self._environments.values() for one in users.values() if one is not user)
        if self.emails_are_unique and any(one.email.lower() == email.lower() for one in others):
            raise RefusedError(409, "email-em-uso")

    def rename(self, environment: str, login: str, body: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            user, users = self._user(environment, login), self._users(environment)
            if set(body) != {"novo"}:
                raise RefusedError(400, "corpo-invalido")
            _check({"login": body["novo"]}, allowed={"login"}, required={"login"})
            if body["novo"].lower() in users:
                raise RefusedError(409, "login-existente")
            users[body["novo"].lower()] = users.pop(login.lower())
            user.login = body["novo"]
            return self.show(environment, user.login)

    def remove(self, environment: str, login: str) -> None:
        with self._lock:
            self._user(environment, login)
            del self._users(environment)[login.lower()]

    def change(self, environment: str, login: str, body: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            user = self._user(environment, login)
            _check(body, allowed={"nome", "email", "situacao", "primeiroAcesso"}, required=set())
            self._refuse_taken(user, body.get("email", user.email))
            user.nome = body.get("nome", user.nome)
            user.email = body.get("email", user.email)
            user.convite = body.get("primeiroAcesso", user.convite)
            if "situacao" in body:
                user.bloqueado = body["situacao"] == "bloqueado"
                if not user.bloqueado:
                    user.erros, user.travada_ate = [], 0.0
            return self.show(environment, login)

    def provisional_password(self, environment: str, login: str) -> str:
        with self._lock:
            user = self._user(environment, login)
            if user.bloqueado:
                raise RefusedError(409, "usuario-bloqueado")
            password = secrets.token_urlsafe(12)
            self._set(user, password)
            user.provisoria, user.erros, user.travada_ate = True, [], 0.0
            return password

    def change_password(self, environment: str, login: str, current: str, new: str) -> None:
        with self._lock:
            user = self._user(environment, login)
            now = self._now()
            if user.bloqueado or user.senha is None or user.travada_ate > now:
                raise RefusedError(422, "senha-atual-incorreta")
            if not _matches(current, user.senha):
                self._count_failure(user, now)
                raise RefusedError(422, "senha-atual-incorreta")
            user.erros = []
            if len(new) < self.policy.tamanhoMinimo or self._is_used(user, new):
                raise RefusedError(422, "senha-recusada-pela-politica")
            self._set(user, new)
            user.provisoria = False

    def _count_failure(self, user: User, now: float) -> None:
        window = self.policy.segundosEsquecerErro or float("inf")
        user.erros = [*(at for at in user.erros if now - at < window), now]
        if self.policy.errosAteTravar and len(user.erros) >= self.policy.errosAteTravar:
            user.travada_ate = now + (self.policy.segundosTravada or float("inf"))

    def _is_used(self, user: User, new: str) -> bool:
        used = [user.senha or "", *user.anteriores[: self.policy.senhasAnteriores]]
        return any(_matches(new, hashed) for hashed in used if hashed)

    @staticmethod
    def _set(user: User, password: str) -> None:
        if user.senha:
            user.anteriores.insert(0, user.senha)
        user.senha = _hash(password)


def _check(body: dict[str, Any], *, allowed: set[str], required: set[str]) -> None:
    """Refuse what the contract refuses; the reason names the field, never its value."""
    if set(body) - allowed or required - set(body) or not all(isinstance(value, str) for value in body.values()):
        raise RefusedError(400, "corpo-invalido")
    rules: tuple[tuple[str, Callable[[str], object], str], ...] = (
        ("login", lambda v: LOGIN.match(v) and len(v) <= MAX_TEXT, "login-invalido"),
        ("nome", lambda v: v.strip() and len(v) <= MAX_TEXT, "nome-invalido"),
        ("email", lambda v: EMAIL.match(v) and len(v) <= MAX_TEXT, "email-invalido"),
        ("situacao", lambda v: v in {"ativo", "bloqueado"}, "situacao-invalida"),
        ("primeiroAcesso", lambda v: v in {"pendente", "enviado", "recusado"}, "situacao-invalida"),
    )
    for name, is_good, reason in rules:
        if name in body and not is_good(body[name]):
            raise RefusedError(422, reason)
