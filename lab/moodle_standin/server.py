"""The site over HTTP: one address for every function, and a server that a test starts and stops."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from lab.moodle_standin.errors import MoodleError
from lab.moodle_standin.functions import Functions
from lab.moodle_standin.php import Value, read_form
from lab.moodle_standin.store import Store
from lab.ports import HOST

SERVER_PATH = "/webservice/rest/server.php"
START_SECONDS = 30
_PROBE_SECONDS = 0.02


def create_app(store: Store) -> Starlette:
    """The site as a web application."""
    functions = Functions(store)

    async def serve(request: Request) -> Response:
        body = (await request.body()).decode("utf-8", errors="replace")
        fields = read_form(request.url.query) | read_form(body)
        return await run_in_threadpool(_answer, store, functions, fields)

    return Starlette(routes=[Route(SERVER_PATH, serve, methods=["GET", "POST"])])


def _answer(store: Store, functions: Functions, fields: dict[str, Value]) -> Response:
    if store.setting("web_services") == "off":
        return Response(status_code=HTTPStatus.FORBIDDEN)  # and nothing else, as Moodle
    if fields.pop("moodlewsrestformat", "xml") != "json":
        return Response("Este substituto só responde em JSON.", HTTPStatus.NOT_IMPLEMENTED)
    token, name = fields.pop("wstoken", ""), fields.pop("wsfunction", "")
    try:
        return JSONResponse(functions.call(str(token), str(name), fields))
    except MoodleError as e:
        return JSONResponse(e.document())


@contextmanager
def serving(store: Store, port: int, *, certificate: Path | None = None, key: Path | None = None) -> Iterator[str]:
    """Serve on 127.0.0.1 while the block runs, by HTTPS where there is a certificate; gives the site's address."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(store),
            host=HOST,
            port=port,
            log_config=None,
            access_log=False,
            ssl_certfile=certificate,
            ssl_keyfile=str(key) if key else None,
            timeout_graceful_shutdown=1,  # a client's idle connection is no reason to stay
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        starting = Retrying(
            retry=retry_if_result(lambda started: not started),
            stop=stop_after_delay(START_SECONDS),
            wait=wait_fixed(_PROBE_SECONDS),
        )
        starting(lambda: server.started)
        yield f"{'https' if certificate else 'http'}://{HOST}:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=START_SECONDS)
