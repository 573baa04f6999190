"""The stand-in's ASGI application: authentication, validation, rate limit, idempotency and errors of the contract."""

import json
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from lab.ssc_standin.store import LARGEST_PAGE, Policy, RefusedError, Store

READ, WRITE = "leitura", "escrita"
Handler = Callable[[Request, dict[str, Any]], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


class Limits:
    """Who may call, and how often."""

    def __init__(self, tokens: dict[str, str], per_second: int) -> None:
        self._tokens = tokens
        self._per_second = per_second
        self._recent: deque[float] = deque()

    def admit(self, request: Request, *, writes: bool) -> None:
        """Raise RefusedError for a stranger, for a reader who writes, and for who calls too often."""
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        scope = next((s for token, s in self._tokens.items() if secrets.compare_digest(token, given)), None)
        if kind.lower() != "bearer" or scope is None:
            raise RefusedError(401, "token-invalido")
        if writes and scope != WRITE:
            raise RefusedError(403, "sem-permissao")
        now = time.monotonic()
        while self._recent and now - self._recent[0] >= 1:
            self._recent.popleft()
        if len(self._recent) >= self._per_second:
            raise RefusedError(429, "muitas-chamadas")
        self._recent.append(now)


class Application:
    """What the routes do, over the store and the limits."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._creations: dict[str, tuple[dict[str, Any], JSONResponse]] = {}

    def endpoint(self, handlers: dict[str, Handler]) -> Endpoint:
        """Serve one path."""

        async def answer(request: Request) -> Response:
            try:
                self._limits.admit(request, writes=request.method not in {"GET", "HEAD"})
                if request.method == "POST" and not request.headers.get("idempotency-key"):
                    raise RefusedError(400, "chave-de-idempotencia-ausente")
                body = _parse(await request.body())
                return await run_in_threadpool(handlers[request.method], request, body)
            except RefusedError as e:
                headers = {"Retry-After": "1"} if e.status == HTTPStatus.TOO_MANY_REQUESTS else None
                return JSONResponse(
                    {"motivo": e.reason}, e.status, headers=headers, media_type="application/problem+json"
                )

        return answer

    def put_environment(self, request: Request, _body: dict[str, Any]) -> Response:
        is_new = self._store.add_environment(request.path_params["ambiente"])
        return JSONResponse({}, HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    def list_users(self, request: Request, _body: dict[str, Any]) -> Response:
        limit = request.query_params.get("limite", "100")
        if not limit.isdecimal() or not 1 <= int(limit) <= LARGEST_PAGE:
            raise RefusedError(400, "limite-invalido")
        users, after = self._store.page(
            request.path_params["ambiente"], request.query_params.get("cursor", ""), int(limit)
        )
        return JSONResponse({"usuarios": users, "proximo": after})

    def create_user(self, request: Request, body: dict[str, Any]) -> Response:
        """A repeated creation is answered as the first was, as long as the account is there."""
        environment, key = request.path_params["ambiente"], request.headers["idempotency-key"]
        if key in self._creations:
            asked, answered = self._creations[key]
            if asked != body:
                raise RefusedError(422, "chave-de-idempotencia-reusada")
            if self._store.has(environment, body["login"]):
                return answered
        answer = JSONResponse(self._store.create(environment, body), HTTPStatus.CREATED)
        self._creations[key] = body, answer
        return answer

    def show_user(self, request: Request, _body: dict[str, Any]) -> Response:
        return JSONResponse(self._store.show(*_whose(request)))

    def change_user(self, request: Request, body: dict[str, Any]) -> Response:
        return JSONResponse(self._store.change(*_whose(request), body))

    def rename_user(self, request: Request, body: dict[str, Any]) -> Response:
        return JSONResponse(self._store.rename(*_whose(request), body))

    def remove_user(self, request: Request, _body: dict[str, Any]) -> Response:
        self._store.remove(*_whose(request))
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def provisional_password(self, request: Request, _body: dict[str, Any]) -> Response:
        password = self._store.provisional_password(*_whose(request))
        return JSONResponse({"senha": password}, headers={"Cache-Control": "no-store"})

    def change_password(self, request: Request, body: dict[str, Any]) -> Response:
        if set(body) != {"atual", "nova"} or not all(isinstance(value, str) for value in body.values()):
            raise RefusedError(400, "corpo-invalido")
        self._store.change_password(*_whose(request), body["atual"], body["nova"])
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def show_policy(self, _request: Request, _body: dict[str, Any]) -> Response:
        return JSONResponse(vars(self._store.policy))

    def put_policy(self, _request: Request, body: dict[str, Any]) -> Response:
        self._store.policy = Policy.parse(body)
        return JSONResponse(vars(self._store.policy))


def _whose(request: Request) -> tuple[str, str]:
    return request.path_params["ambiente"], request.path_params["login"]


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        raise RefusedError(400, "corpo-invalido") from None
    if not isinstance(body, dict):
        raise RefusedError(400, "corpo-invalido")
    return body


def create_app(store: Store, tokens: dict[str, str], *, per_second: int = 1000) -> Starlette:
    """The application; `tokens` says of each token whether it may read (`leitura`) or also write (`escrita`)."""
    application = Application(store, Limits(tokens, per_second))
    users = "/ambientes/{ambiente}/usuarios"

    def route(path: str, handlers: dict[str, Handler]) -> Route:
        return Route(path, application.endpoint(handlers), methods=list(handlers))

    return Starlette(
        routes=[
            Mount(
                "/v1",
                routes=[
                    route("/politica-de-senhas", {"GET": application.show_policy, "PUT": application.put_policy}),
                    route("/ambientes/{ambiente}", {"PUT": application.put_environment}),
                    route(users, {"GET": application.list_users, "POST": application.create_user}),
                    route(
                        f"{users}/{{login}}",
                        {
                            "GET": application.show_user,
                            "PATCH": application.change_user,
                            "DELETE": application.remove_user,
                        },
                    ),
                    route(f"{users}/{{login}}/login", {"POST": application.rename_user}),
                    route(f"{users}/{{login}}/senha-provisoria", {"POST": application.provisional_password}),
                    route(f"{users}/{{login}}/senha", {"POST": application.change_password}),
                ],
            )
        ]
    )
