"""The application of the board, behind what holds of all our pages."""

import logging
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from domain.errors import ImplantaError, InvalidInputError, told
from gateway.shield import Shield
from painel.door import Door, door_router
from painel.gate import Gate, NotSignedInError, gate_router, lead_to_form
from painel.pages import render_message
from painel.views import Views, board_router

logger = logging.getLogger("gateway")

_SMALLEST_ZIPPED = 2_000
_ZIP_LEVEL = 3


def create_app(views: Views, gate: Gate, door: Door | None = None, *, proxies: Sequence[str] = ()) -> ASGIApp:
    """The board, and with a door who may pass to Prefect.

    Only from the addresses of `proxies` is it believed who and how somebody really came.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.include_router(gate_router(gate))
    app.include_router(board_router(views))
    if door is not None:
        app.include_router(door_router(door))
    app.add_api_route("/saude", _health)
    app.add_exception_handler(HTTPException, _refuse)
    app.add_exception_handler(NotSignedInError, _show_the_way_in)
    app.add_exception_handler(ImplantaError, _come_back_later)
    app.add_exception_handler(Exception, _own_up)
    shielded: ASGIApp = Shield(GZipMiddleware(app, minimum_size=_SMALLEST_ZIPPED, compresslevel=_ZIP_LEVEL))
    return ProxyHeadersMiddleware(shielded, trusted_hosts=list(proxies)) if proxies else shielded  # type: ignore[arg-type,return-value]


async def _health() -> Response:
    """Whether this process serves; what is behind it has probes of its own."""
    return JSONResponse({"situacao": "no ar"})


async def _refuse(_: Request, error: Exception) -> Response:
    return render_message(HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500))


async def _show_the_way_in(request: Request, _: Exception) -> Response:
    return lead_to_form(request)


async def _come_back_later(_: Request, error: Exception) -> Response:
    """A system behind us is down or refuses us: told to who operates, by the log."""
    logger.error("%s", told(error))
    text = "Falta uma configuração no servidor do painel. Avise quem opera o Implanta."
    return render_message(HTTPStatus.SERVICE_UNAVAILABLE, text if isinstance(error, InvalidInputError) else "")


async def _own_up(_: Request, __: Exception) -> Response:
    return render_message(HTTPStatus.INTERNAL_SERVER_ERROR)
