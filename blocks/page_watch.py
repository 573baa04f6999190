"""The sign-in pages of many environments, asked for at once as visitors do, in a time that is bounded for all."""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from time import monotonic

import httpx

from blocks.edge import EdgeAddress
from blocks.runtime.interface import SIGN_IN_PATH
from domain.monitoring.facts import PageSeen

_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_OTHER_NAME = 62  # X509_V_ERR_HOSTNAME_MISMATCH
_LONGEST_PAGE = 1 << 20


def look_at_pages(
    addresses: Mapping[str, EdgeAddress], *, at_once: int, seconds_each: float, seconds_in_all: float
) -> dict[str, PageSeen]:
    """What each address answers, by environment; who is missing was not reached in time.

    Each page comes over a connection of its own, so that the certificate is the one of its name.
    """
    return asyncio.run(_look_at_all(addresses, at_once, seconds_each, seconds_in_all))


async def _look_at_all(
    addresses: Mapping[str, EdgeAddress], at_once: int, seconds_each: float, seconds_in_all: float
) -> dict[str, PageSeen]:
    turns = asyncio.Semaphore(at_once)
    clients = {file: _client(file) for file in {address.ca_file for address in addresses.values()}}

    async def look(address: EdgeAddress) -> PageSeen:
        async with turns:
            return await _look(clients[address.ca_file], address, seconds_each)

    looks = {slug: asyncio.create_task(look(address)) for slug, address in addresses.items()}
    try:
        if looks:
            await asyncio.wait(looks.values(), timeout=seconds_in_all)
        return {slug: task.result() for slug, task in looks.items() if task.done()}
    finally:
        for task in looks.values():
            task.cancel()
        await asyncio.gather(*looks.values(), return_exceptions=True)
        for client in clients.values():
            await client.aclose()


def _client(authority: Path | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=ssl.create_default_context(cafile=authority),
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113  # the time of a whole look is bounded
        limits=httpx.Limits(max_keepalive_connections=0),
    )


async def _look(client: httpx.AsyncClient, address: EdgeAddress, seconds: float) -> PageSeen:
    try:
        async with asyncio.timeout(seconds):
            return await _ask(client, address)
    except TimeoutError:
        return PageSeen(seconds=seconds, problem=f"sem resposta em {seconds:.0f} s")
    except httpx.ConnectError as error:
        if refusal := _refused_certificate(error):
            return PageSeen(problem=refusal, certificate_problem=refusal)
        return PageSeen(problem="sem conexão")
    except (httpx.HTTPError, OSError) as error:
        return PageSeen(problem=f"a conexão se rompeu ({type(error).__name__})")


async def _ask(client: httpx.AsyncClient, address: EdgeAddress) -> PageSeen:
    began = monotonic()
    name = address.host.partition(":")[0]
    async with client.stream(
        "GET",
        address.connect_to + SIGN_IN_PATH,
        headers={"Host": address.host, "Connection": "close"},
        extensions={"sni_hostname": name},
    ) as answer:
        until = _certificate_until(answer)
        page = bytearray()
        async for piece in answer.aiter_bytes():
            page += piece
            if len(page) > _LONGEST_PAGE:
                break
    text = page.decode("iso-8859-1")
    signs_in = answer.status_code == HTTPStatus.OK and "txtUsuario" in text
    maintenance = answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "manuten" in text.lower()
    return PageSeen(
        signs_in=signs_in,
        maintenance=maintenance,
        seconds=monotonic() - began,
        problem="" if signs_in or maintenance else f"HTTP {answer.status_code} em lugar da página de entrada",
        certificate_until=until,
    )


def _certificate_until(answer: httpx.Response) -> datetime | None:
    """Until when the certificate of this very connection is valid; None without TLS."""
    connection = answer.extensions["network_stream"].get_extra_info("ssl_object")
    shown = connection.getpeercert() if connection is not None else None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC) if shown else None


def _refused_certificate(error: BaseException) -> str:
    """Why the certificate was refused; empty when it was something else."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            told = {_EXPIRED: "o certificado venceu", _OTHER_NAME: "o certificado é de outro nome"}
            return told.get(cause.verify_code, "a autoridade do certificado não é reconhecida")
        cause = cause.__cause__ or cause.__context__
    return ""
