"""The gateway as a process."""

import logging
import socket
import threading
import time
from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

from domain.errors import InvalidInputError
from gateway.app import create_app
from gateway.deliverer import Deliverer, Sender
from gateway.webhook_keys import WebhookKeys

MAX_CONNECTIONS = 200
MAX_HEAD_BYTES = 16 * 1024


def serve(host: str, port: int, proxies: Sequence[str] = ()) -> None:
    """Serve until a signal ends the process.

    Raises:
        InvalidInputError: nobody can listen there.
    """
    listener = listen(host, port)
    keep_log()
    keys = WebhookKeys(time.monotonic)
    deliverer = Deliverer(keys)
    # The signal that ends the process ends it whatever it is delivering: the next one goes on.
    for loop in (deliverer, Sender()):
        threading.Thread(target=loop.run, daemon=True).start()
    run(create_app(proxies=proxies, keys=keys, on_accepted=deliverer.wake), listener)


def run(app: ASGIApp, listener: socket.socket) -> None:
    """Answer there until a signal ends the process; each request is small, and none is logged."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the application itself believes the proxies that it is told
        lifespan="off",
        limit_concurrency=MAX_CONNECTIONS,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        http="h11",
        ws="none",
    )
    uvicorn.Server(config).run(sockets=[listener])


def keep_log() -> None:
    """Say what we and the server say, and nothing else: other libraries tell each request they make, with its login."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for name in ("gateway", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        logger.propagate = False  # Prefect, once it is imported, takes the root's handlers over


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        InvalidInputError: nobody can.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as e:
        raise InvalidInputError(
            f"Não é possível atender neste endereço ({getattr(e, 'strerror', None) or 'porta inválida'})",
            f"{host}:{port}",
            "Escolha outro --host ou --port, ou encerre o programa que usa a porta.",
        ) from None
