"""The authority over HTTP: addresses, headers, and a server that a test starts and stops."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from lab.acme_standin.authority import AcmeAuthority, Answer
from lab.acme_standin.problems import ProblemError
from lab.acme_standin.signed import verify

START_SECONDS = 30
_PROBE_SECONDS = 0.05
_ADDRESSES = ("url", "finalize", "certificate", "authorizations", "challenges")


def create_app(authority: AcmeAuthority) -> Starlette:
    """The authority as a web application."""

    def base_of(request: Request) -> str:
        return str(request.base_url).rstrip("/")

    def finish(response: Response, base: str) -> Response:
        response.headers["Replay-Nonce"] = authority.nonces.new()
        response.headers["Cache-Control"] = "no-store"
        response.headers["Link"] = ", ".join(
            [f'<{base}/directory>;rel="index"', *([response.headers["Link"]] if "Link" in response.headers else [])]
        )
        return response

    async def directory(request: Request) -> Response:
        return JSONResponse(authority.directory(base_of(request)))

    async def nonce(request: Request) -> Response:
        return finish(Response(status_code=200 if request.method == "HEAD" else 204), base_of(request))

    async def signed(request: Request) -> Response:
        base = base_of(request)
        if request.headers.get("Content-Type") != "application/jose+json":
            return finish(_refused(ProblemError("malformed", "envie application/jose+json")), base)
        body = await request.body()
        # Validation asks another server: it must not keep this one from answering.
        return finish(await run_in_threadpool(_answer, authority, body, request.url.path, base), base)

    return Starlette(
        routes=[
            Route("/directory", directory),
            Route("/nonce", nonce, methods=["GET", "HEAD"]),
            Route("/{path:path}", signed, methods=["POST"]),
        ]
    )


def _answer(authority: AcmeAuthority, body: bytes, path: str, base: str) -> Response:
    try:
        request = verify(body, f"{base}{path}", authority.nonces, authority.key_of(base))
        answer = authority.answer(path, request, base)
    except ProblemError as problem:
        return _refused(problem)
    return _response(answer, base)


def _refused(problem: ProblemError) -> Response:
    if problem.code == "html":
        return HTMLResponse("<h1>502 Bad Gateway</h1>", status_code=502)
    return JSONResponse(problem.document(), status_code=problem.status, media_type="application/problem+json")


def _response(answer: Answer, base: str) -> Response:
    response: Response
    if isinstance(answer.document, str):
        response = PlainTextResponse(answer.document, media_type="application/pem-certificate-chain")
    else:
        response = JSONResponse(_absolute(answer.document, base), status_code=answer.status)
    if answer.location:
        response.headers["Location"] = f"{base}{answer.location}"
    if answer.up:
        response.headers["Link"] = f'<{base}{answer.up}>;rel="up"'
    return response


def _absolute(document: dict[str, Any], base: str) -> dict[str, Any]:
    """The same document, its paths as addresses of this server."""

    def made(name: str, value: Any) -> Any:  # noqa: ANN401  # any JSON
        if isinstance(value, dict):
            return _absolute(value, base)
        if isinstance(value, list):
            return [made(name, one) for one in value]
        return f"{base}{value}" if name in _ADDRESSES else value

    return {name: made(name, value) for name, value in document.items()}


@contextmanager
def serving(authority: AcmeAuthority, port: int, *, certificate: Path, key: Path, ca_file: Path) -> Iterator[str]:
    """Serve by HTTPS on 127.0.0.1 while the block runs; gives the address of the directory."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(authority),
            host="127.0.0.1",
            port=port,
            log_config=None,
            ssl_certfile=certificate,
            ssl_keyfile=str(key),
            timeout_graceful_shutdown=1,  # a client's idle connection is no reason to stay
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    address = f"https://127.0.0.1:{port}/directory"
    try:
        context = ssl.create_default_context(cafile=str(ca_file))
        for attempt in Retrying(
            retry=retry_if_exception_type(httpx.HTTPError),
            stop=stop_after_delay(START_SECONDS),
            wait=wait_fixed(_PROBE_SECONDS),
            reraise=True,
        ):
            with attempt:
                httpx.get(address, verify=context, trust_env=False).raise_for_status()
        yield address
    finally:
        server.should_exit = True
        thread.join(timeout=START_SECONDS)
