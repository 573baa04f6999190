"""HTTP clients that reach an environment as its users do, without asking the DNS for its name."""

import ssl
from collections.abc import Callable
from typing import cast

import httpx
from tenacity import Future, RetryCallState, Retrying, retry_if_result, stop_after_delay, wait_fixed

from blocks.edge import EdgeAddress
from blocks.plain_http import TRUSTS_NOBODY
from blocks.runtime import ServiceAddress

TIMEOUT_SECONDS = 30
PATIENCE_SECONDS = 15
"""How long a request waits while the edge takes no more of them: its shortest bucket empties in five seconds."""

# The edge speaks, and not the application behind it, which it does not reach or lets no more requests to.
UNREACHED = frozenset({httpx.codes.TOO_MANY_REQUESTS, httpx.codes.BAD_GATEWAY, httpx.codes.GATEWAY_TIMEOUT})
# Whoever answers so did not refuse what was asked: it was not reached, or broke.
NO_ANSWER = UNREACHED | {httpx.codes.INTERNAL_SERVER_ERROR}


def client_for(address: ServiceAddress, *, asked_host: str | None = None) -> httpx.Client:
    """A client that connects to the address, asks for its host, and verifies the certificate of that name.

    `asked_host` asks for another host than the one that was connected to and verified, as an intruder would. A request
    over the edge's limit (`catalog/edge`) is sent again for `PATIENCE_SECONDS`; what is then answered is returned.
    """
    verify: ssl.SSLContext | bool = TRUSTS_NOBODY if address.connect_to.startswith("http://") else True
    if isinstance(address, EdgeAddress):
        verify = ssl.create_default_context(cafile=address.ca_file)
    client = httpx.Client(
        base_url=address.connect_to,
        headers={"Host": asked_host or address.host},
        transport=_PatientTransport(verify=verify, trust_env=False),
        trust_env=False,
        timeout=TIMEOUT_SECONDS,
    )
    client.event_hooks["request"].append(_name_in_handshake(address.host.partition(":")[0]))
    return client


class _PatientTransport(httpx.HTTPTransport):
    """Sends again what was over the limit: nginx refused it before the application saw it, so nothing is doubled."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        sending = Retrying(
            retry=retry_if_result(lambda answer: answer.status_code == httpx.codes.TOO_MANY_REQUESTS),
            stop=stop_after_delay(PATIENCE_SECONDS),
            wait=wait_fixed(0.5),
            before_sleep=_let_go,
            retry_error_callback=_last_answer,
        )
        return sending(super().handle_request, request)


def _let_go(state: RetryCallState) -> None:
    _last_answer(state).close()


def _last_answer(state: RetryCallState) -> httpx.Response:
    outcome = cast("Future", state.outcome)  # of an attempt that is over
    return cast("httpx.Response", outcome.result())


def _name_in_handshake(name: str) -> Callable[[httpx.Request], None]:
    def hook(request: httpx.Request) -> None:
        request.extensions["sni_hostname"] = name

    return hook
