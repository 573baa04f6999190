"""An application of the gateway, as its process would serve it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context

import httpx
import uvicorn
from starlette.types import ASGIApp

from lab.ports import choose
from tests.waiting import wait_until


@contextmanager
def running(app: ASGIApp) -> Iterator[httpx.Client]:
    """Serve it for the length of the block; a client of it."""
    port = choose(["gateway"], avoid=())["gateway"]
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    # Prefect's settings of these tests belong to the context of this thread.
    thread = threading.Thread(target=copy_context().run, args=(server.run,), daemon=True)
    thread.start()
    wait_until(lambda: server.started, "the gateway is served")
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
