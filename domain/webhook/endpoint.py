"""An endpoint of another system that is told of events, and the messages that wait for it."""

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import StringConstraints, TypeAdapter, ValidationError

from domain.errors import InvalidInputError

EndpointName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
MAX_URL_LENGTH = 500


class EndpointState(StrEnum):
    """Whether it is sent anything."""

    ACTIVE = "active"
    SET_ASIDE = "set_aside"
    """It took nothing for days: what happens is kept for it, and sent when somebody asks."""
    GONE = "gone"
    """It answered 410: it wants nothing more."""

    @property
    def label(self) -> str:
        """The state as operators read it."""
        return {"active": "ativo", "set_aside": "posto de lado", "gone": "encerrado por ele (410)"}[self.value]


class OutgoingState(StrEnum):
    """Where a message to one endpoint stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"

    @property
    def label(self) -> str:
        """The state as operators read it."""
        return {"waiting": "na fila", "delivered": "entregue", "failed": "com falha"}[self.value]


def message_id(event: int) -> str:
    """The number of a message (`webhook-id`), the same in each attempt and each repetition of one event."""
    return f"evt_{event}"


def require_name(name: str) -> str:
    """The name, when an endpoint may have it.

    Raises:
        InvalidInputError: it may not.
    """
    try:
        return TypeAdapter(EndpointName).validate_python(name)
    except ValidationError:
        raise InvalidInputError(
            f"Um endereço não se chama {name!r}", "linha de comando", "Use letras minúsculas, algarismos e -."
        ) from None


def require_url(url: str) -> str:
    """The address, when it is one that messages may be sent to.

    Nothing in it is secret, for the registry shows it: no user, no password, no query. Who it comes from is proved by
    the signature.

    Raises:
        InvalidInputError: it is not an address of HTTP or HTTPS, or holds more than host, port and path.
    """
    where, fix = "--url", "Use https://servidor/caminho, sem usuário, senha, ? nem #: a assinatura prova quem envia."
    try:
        parts = urlsplit(url)
        found = (parts.scheme, parts.hostname, parts.port)
    except ValueError:
        raise InvalidInputError("O endereço não é um endereço", where, fix) from None
    if found[0] not in {"http", "https"} or not found[1] or len(url) > MAX_URL_LENGTH or not _plain(url):
        raise InvalidInputError("O endereço não é um endereço HTTPS", where, fix)
    if parts.username is not None or parts.query or parts.fragment or "?" in url or "#" in url:
        raise InvalidInputError("O endereço traz mais que servidor, porta e caminho", where, fix)
    return url


def _plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url and "\\" not in url
