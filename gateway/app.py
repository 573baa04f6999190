"""The application: one router for each kind of page, behind what holds of all of them."""

import logging
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from domain.errors import ImplantaError, told
from gateway import metrics as metrics_page
from gateway.access import ADDRESS_ATTEMPTS, Access, access_router
from gateway.pages import render_message
from gateway.shield import Shield
from gateway.systems import Systems
from gateway.webhook_keys import WebhookKeys
from gateway.webhook_routes import webhook_app
from gateway.webhooks import ADDRESS_ATTEMPTS as WEBHOOK_ATTEMPTS
from gateway.webhooks import Webhooks

logger = logging.getLogger("gateway")

RETRY_SECONDS = 120


def create_app(
    *,
    proxies: Sequence[str] = (),
    clock: Callable[[], float] = time.monotonic,
    address_attempts: int = ADDRESS_ATTEMPTS,
    keys: WebhookKeys | None = None,
    on_accepted: Callable[[], None] = lambda: None,
    webhook_attempts: int = WEBHOOK_ATTEMPTS,
) -> ASGIApp:
    """The gateway; only from the addresses of `proxies` is it believed who and how somebody really came.

    `on_accepted` is called when there is a webhook to deliver, which whoever serves this sees to.
    """
    systems = Systems()
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.include_router(access_router(Access(systems, clock, address_attempts=address_attempts)))
    app.add_api_route("/saude", _health)
    app.add_api_route(metrics_page.PATH, metrics_page.metrics)
    webhooks = Webhooks(
        systems, keys or WebhookKeys(clock), clock, on_accepted=on_accepted, address_attempts=webhook_attempts
    )
    app.mount("/webhooks", webhook_app(webhooks))
    app.add_exception_handler(HTTPException, _refuse)
    app.add_exception_handler(ImplantaError, _come_back_later)
    app.add_exception_handler(Exception, _own_up)
    shielded: ASGIApp = Shield(app)
    return ProxyHeadersMiddleware(shielded, trusted_hosts=list(proxies)) if proxies else shielded  # type: ignore[arg-type,return-value]


async def _health() -> Response:
    """Whether this process serves; what is behind it has probes of its own."""
    return JSONResponse({"situacao": "no ar"})


async def _refuse(_: Request, error: Exception) -> Response:
    return render_message(HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500))


async def _come_back_later(_: Request, error: Exception) -> Response:
    """A system behind us is down, or refuses our own credentials: nothing that a visitor can correct."""
    logger.error("%s", told(error))
    return render_message(HTTPStatus.SERVICE_UNAVAILABLE, retry_seconds=RETRY_SECONDS)


async def _own_up(_: Request, __: Exception) -> Response:
    return render_message(HTTPStatus.INTERNAL_SERVER_ERROR)
