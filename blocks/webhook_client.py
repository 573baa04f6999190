"""Sends one webhook to another system's address: never into our own network, never further than that address.

The name is looked up once and that very address is connected to, so that no second answer of a DNS leads elsewhere; the
certificate is still the name's. Of the answer only the status is read, and when to come back.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from ipaddress import ip_address

import certifi
import httpx

from domain.model import Frozen
from domain.webhook.outgoing_rule import OutgoingRule

_TAKEN = range(200, 300)
_SAYS_WHEN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_LONGEST_SECONDS = 24 * 3600
_MOST_DIGITS = 9


class Answer(Frozen):
    """What became of one attempt; `problem` is for operators, and tells nothing that the other side wrote."""

    problem: str | None = None
    wants_no_more: bool = False
    come_back_after: timedelta = timedelta()
    """At least so long it asks to be left alone; at most a day."""

    @property
    def taken(self) -> bool:
        """Whether the message arrived."""
        return self.problem is None


def post(url: str, body: bytes, headers: Mapping[str, str], rule: OutgoingRule) -> Answer:
    """Send a message, within the rule's time for all of it; whatever goes wrong is an answer, too."""
    try:
        return asyncio.run(_within(url, body, headers, rule))
    except TimeoutError:
        return Answer(problem="tempo esgotado")
    except ssl.SSLCertVerificationError:
        return Answer(problem="certificado recusado")
    except httpx.ConnectError as error:
        refused = "CERTIFICATE_VERIFY_FAILED" in str(error)
        return Answer(problem="certificado recusado" if refused else "sem conexão")
    except (httpx.HTTPError, OSError, ssl.SSLError, UnicodeError):
        return Answer(problem="sem conexão")


async def _within(url: str, body: bytes, headers: Mapping[str, str], rule: OutgoingRule) -> Answer:
    async with asyncio.timeout(rule.timeout_seconds):
        return await _post(httpx.URL(url), body, headers, rule)


async def _post(url: httpx.URL, body: bytes, headers: Mapping[str, str], rule: OutgoingRule) -> Answer:
    addresses = await _addresses(url)
    if not addresses or not all(map(rule.allows, addresses)):
        return Answer(problem="endereço interno, que o catálogo não permite" if addresses else "nome desconhecido")
    if url.scheme != "https" and not all(map(rule.allows_inside, addresses)):
        return Answer(problem="sem TLS, que só uma rede permitida dispensa")
    verify = _roots() if url.scheme == "https" else False
    async with httpx.AsyncClient(
        verify=verify, trust_env=False, follow_redirects=False, timeout=rule.timeout_seconds
    ) as client:
        request = client.build_request(
            "POST",
            url.copy_with(host=addresses[0]),
            content=body,
            headers={**headers, "Host": url.netloc.decode("ascii")},
            extensions={"sni_hostname": url.host},
        )
        response = await client.send(request, stream=True)
        status, come_back = response.status_code, response.headers.get("Retry-After", "")
        await response.aclose()
    if status in _TAKEN:
        return Answer()
    if 300 <= status < 400:  # noqa: PLR2004  # the class of redirections
        return Answer(problem=f"resposta {status}: um redirecionamento não é seguido")
    return Answer(
        problem=f"resposta {status}",
        wants_no_more=status == HTTPStatus.GONE,
        come_back_after=wait_asked(come_back, datetime.now(UTC)) if status in _SAYS_WHEN else timedelta(),
    )


def wait_asked(retry_after: str, now: datetime) -> timedelta:
    """How long a `Retry-After` header asks to wait, in seconds or until a date (RFC 9110, 10.2.3), up to a day.

    What is neither asks nothing.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        seconds = float(text[:_MOST_DIGITS])
    else:
        try:
            until = parsedate_to_datetime(text)
        except (ValueError, IndexError, OverflowError):
            return timedelta()
        seconds = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()
    return timedelta(seconds=min(max(seconds, 0.0), _LONGEST_SECONDS))


async def _addresses(url: httpx.URL) -> list[str]:
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    plain: Callable[[str], str] = lambda address: str(ip_address(address.partition("%")[0]))  # noqa: E731
    return list(dict.fromkeys(plain(str(place[4][0])) for place in found))


@cache
def _roots() -> ssl.SSLContext:
    """The web's authorities and those of this machine, where an operator's own is installed."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
