"""HTTP clients that reach an environment as its users do, without asking the DNS for its name."""

import ssl
from collections.abc import Callable

import httpx

from blocks.edge import EdgeAddress
from blocks.plain_http import TRUSTS_NOBODY
from blocks.runtime import ServiceAddress

TIMEOUT_SECONDS = 30


def client_for(address: ServiceAddress, *, asked_host: str | None = None) -> httpx.Client:
    """A client that connects to the address, asks for its host, and verifies the certificate of that name.

    `asked_host` asks for another host than the one that was connected to and verified, as an intruder would.
    """
    verify: ssl.SSLContext | bool = TRUSTS_NOBODY if address.connect_to.startswith("http://") else True
    if isinstance(address, EdgeAddress):
        verify = ssl.create_default_context(cafile=address.ca_file)
    client = httpx.Client(
        base_url=address.connect_to,
        headers={"Host": asked_host or address.host},
        verify=verify,
        trust_env=False,
        timeout=TIMEOUT_SECONDS,
    )
    client.event_hooks["request"].append(_name_in_handshake(address.host.partition(":")[0]))
    return client


def _name_in_handshake(name: str) -> Callable[[httpx.Request], None]:
    def hook(request: httpx.Request) -> None:
        request.extensions["sni_hostname"] = name

    return hook
