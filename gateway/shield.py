"""What holds of every answer: strict headers, one line in the log without anything typed, no detail of a defect."""

import logging
import time
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import told

logger = logging.getLogger("gateway")

HEADERS = {
    # No script at all, and no style but our own file.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: a browser would then send its own forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000"
HANDED_ON = "X-Accel-Redirect"
"""With it the proxy asks somebody else for the answer, which has headers of its own; and the proxy logs it."""


class Shield:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, handed_on = time.monotonic(), 0, False

        async def send_shielded(message: Message) -> None:
            nonlocal status, handed_on
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                handed_on = HANDED_ON in headers
                if not handed_on:
                    headers.update(HEADERS)
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = HSTS
            await send(message)

        try:
            await self._app(scope, receive, send_shielded)
        except Exception as error:  # answered by the application; its text may hold what was typed
            logger.error("%s (%s)", told(error), _where(error))
        if handed_on:
            return
        milliseconds = (time.monotonic() - started) * 1000
        logger.info("%s %s %d %.0f ms", scope["method"], _route(scope), status, milliseconds)


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"


def _route(scope: Scope) -> str:
    """The route, never the address: strangers write what they like into that."""
    return str(getattr(scope.get("route"), "path", "-"))
