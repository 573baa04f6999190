"""Password checks in the LDAP servers that SIP's tables name."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from ldap3 import NONE, SUBTREE, Connection, Server
from ldap3.core.exceptions import (
    LDAPException,
    LDAPInappropriateAuthenticationResult,
    LDAPInvalidCredentialsResult,
)
from ldap3.utils.conv import escape_filter_chars

from domain.errors import RetryableError

logger = logging.getLogger(__name__)

# Both kinds are searched alike; an AD differs only in its suffix and filter attribute (`sei.md` 2.4).
SUPPORTED_KINDS = {"LDAP", "AD"}
_CONNECT_SECONDS = 3
_ANSWER_SECONDS = 10
_NO_ATTRIBUTES = "1.1"  # RFC 4511: return the entry's name only


@dataclass(frozen=True)
class DirectoryServer:
    """One row of `servidor_autenticacao`."""

    address: str
    port: int
    kind: str
    suffix: str
    search_dn: str
    search_password: str
    base: str
    filter_attribute: str


class _Answer(Enum):
    ACCEPTED = auto()
    REFUSED = auto()
    UNAVAILABLE = auto()


def accepts_password(servers: Sequence[DirectoryServer], login: str, password: str, where: str) -> bool:
    """Whether one of the servers, tried in order, binds the person's entry with this password.

    Raises:
        RetryableError: no server accepted it and at least one could not be asked.
    """
    if not password:
        return False  # LDAP takes a bind without a password for an anonymous one, and accepts it (RFC 4513, 5.1.2)
    answers = set()
    for server in servers:
        answer = _ask(server, login, password)
        if answer is _Answer.ACCEPTED:
            return True
        answers.add(answer)
    if _Answer.UNAVAILABLE in answers:
        raise RetryableError(
            "O servidor de autenticação não respondeu", where, "Tente de novo em instantes ou avise o suporte."
        )
    return False


def _ask(server: DirectoryServer, login: str, password: str) -> _Answer:
    if server.kind not in SUPPORTED_KINDS:
        logger.error("servidor de autenticacao de tipo desconhecido: %s", server.kind)
        return _Answer.UNAVAILABLE
    try:
        entry_dn = _find_entry(server, login)
        if entry_dn is None:
            return _Answer.REFUSED
        return _Answer.ACCEPTED if _binds(server, entry_dn, password) else _Answer.REFUSED
    except LDAPException as e:
        # Only the kind of the error: its text may quote the person's entry.
        logger.error("servidor de autenticacao indisponivel: %s", type(e).__name__)
        return _Answer.UNAVAILABLE


def _connect(server: DirectoryServer, dn: str, password: str) -> Connection:
    target = Server(server.address, port=server.port, get_info=NONE, connect_timeout=_CONNECT_SECONDS)
    return Connection(target, dn, password, raise_exceptions=True, receive_timeout=_ANSWER_SECONDS)


def _find_entry(server: DirectoryServer, login: str) -> str | None:
    wanted = escape_filter_chars(login + server.suffix)
    with _connect(server, server.search_dn, server.search_password) as connection:
        connection.search(
            server.base, f"({server.filter_attribute}={wanted})", search_scope=SUBTREE, attributes=[_NO_ATTRIBUTES]
        )
        entries = [item["dn"] for item in connection.response or [] if item["type"] == "searchResEntry"]
    # Two entries of one login: nobody can tell whose password it is.
    return str(entries[0]) if len(entries) == 1 else None


def _binds(server: DirectoryServer, dn: str, password: str) -> bool:
    try:
        with _connect(server, dn, password):
            return True
    except (LDAPInvalidCredentialsResult, LDAPInappropriateAuthenticationResult):
        return False
