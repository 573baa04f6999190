"""The way in: login and password of the operator's directory, and a session for who has a role."""

import asyncio
import logging
import math
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool

from domain.board.access import Role
from gateway.form_body import read_form
from gateway.form_tokens import FIELD, FormTokens
from gateway.limits import Limiter, address_key
from painel.pages import render
from painel.sessions import LONGEST_SECONDS, Session, Sessions

logger = logging.getLogger("gateway")

PREFIX = "/painel"
SIGN_IN = f"{PREFIX}/entrar"
LOGIN_ATTEMPTS, LOGIN_SECONDS = 4, 15 * 60
"""Wrong passwords only: one fewer than after which a directory usually locks an account."""
ADDRESS_ATTEMPTS, ADDRESS_SECONDS = 60, 10 * 60
REFUSAL_STEP_SECONDS = 0.5
"""A refusal takes a whole number of these, whether the login exists or not."""
# Of the board, and of Prefect's, which the door serves under the same name.
_OWN_PAGE = re.compile(r"/(painel(/[a-z0-9./-]*)?|v2(/[A-Za-z0-9./_-]*)?)(\?[A-Za-z0-9%&=+._-]*)?")
_LONGEST_LOGIN, _LONGEST_PASSWORD = 64, 256
_LOOPBACK = ("127.0.0.1", "::1")


class People(Protocol):
    """Where logins and groups are looked up."""

    def authenticate(self, login: str, password: SecretStr) -> bool:
        """Whether it is the login's password."""
        ...

    def groups_of(self, login: str) -> frozenset[str]:
        """The groups of a login."""
        ...


class NotSignedInError(Exception):
    """Nobody is signed in; whoever answers the request leads to the form."""


class Gate:
    """What the form does, and who a request is from."""

    def __init__(
        self,
        people: People,
        role_of_groups: Callable[[frozenset[str]], Role | None],
        clock: Callable[[], float],
    ) -> None:
        """Take the directory, the roles of its groups, and the clock."""
        self._people = people
        self._role_of_groups = role_of_groups
        self._tokens = FormTokens()
        self.sessions = Sessions(self._role_of, clock)
        self._by_address = Limiter(ADDRESS_ATTEMPTS, ADDRESS_SECONDS, clock)
        self._by_login = Limiter(LOGIN_ATTEMPTS, LOGIN_SECONDS, clock)

    def require(self, request: Request, *, watching: bool = False) -> Session:
        """Who is signed in; `watching` is a request that a page may have made by itself.

        Raises:
            NotSignedInError: nobody.
        """
        session = self.sessions.find(request.cookies.get(cookie_name(request), ""), watching=watching)
        if session is None:
            raise NotSignedInError
        return session

    def form(
        self, request: Request, *, status: HTTPStatus = HTTPStatus.OK, problem: str = "", login: str = "", to: str = ""
    ) -> HTMLResponse:
        """The form, with what went wrong."""
        token = self._tokens.token_for(request, SIGN_IN)
        answer = render(
            "entrar.html.j2",
            status,
            problem=problem,
            login=login,
            to=own_page(to or request.query_params.get("para", "")),
            token_name=FIELD,
            token=token,
        )
        self._tokens.put(answer, request, SIGN_IN, token)
        return answer

    async def sign_in(self, request: Request) -> Response:
        """Let in who knows the password and has a role."""
        fields = await read_form(request)
        login, password = fields.get("login", "").strip().lower(), fields.get("senha", "")
        to = own_page(fields.get("para", ""))
        if not is_private(request):
            return self.form(request, status=HTTPStatus.FORBIDDEN, problem=_PLAIN, to=to)
        if not self._tokens.proves(request, SIGN_IN, fields.get(FIELD, "")):
            return self.form(request, status=HTTPStatus.FORBIDDEN, problem=_STALE, login=login[:_LONGEST_LOGIN], to=to)
        if not 0 < len(login) <= _LONGEST_LOGIN or not 0 < len(password) <= _LONGEST_PASSWORD:
            return self.form(request, status=HTTPStatus.UNPROCESSABLE_ENTITY, problem=_WRONG, to=to)
        address = address_key(request.client.host if request.client else "")
        if wait := self._by_address.take(address) or self._by_login.take(login):
            minutes = -(-wait // 60)
            told = f"Muitas tentativas. Espere {minutes} {'minuto' if minutes == 1 else 'minutos'} e tente de novo."
            answer = self.form(request, status=HTTPStatus.TOO_MANY_REQUESTS, problem=told, to=to)
            answer.headers["Retry-After"] = str(wait)
            return answer
        return await self._try(request, login, SecretStr(password), address, to)

    async def _try(self, request: Request, login: str, password: SecretStr, address: str, to: str) -> Response:
        started = time.monotonic()
        try:
            known = await run_in_threadpool(self._people.authenticate, login, password)
            role = await run_in_threadpool(self._role_of, login) if known else None
        except Exception:
            self._by_address.give_back(address)
            self._by_login.give_back(login)
            raise
        if not known or role is None:
            steps = math.ceil((time.monotonic() - started) / REFUSAL_STEP_SECONDS)
            await asyncio.sleep(max(0.0, started + steps * REFUSAL_STEP_SECONDS - time.monotonic()))
            if known:
                self._by_login.give_back(login)
            told = _NO_ROLE if known else _WRONG
            return self.form(request, status=HTTPStatus.FORBIDDEN, problem=told, login=login, to=to)
        self._by_address.give_back(address)
        self._by_login.give_back(login)
        logger.info("painel: entrada, papel %s", role)
        answer = RedirectResponse(to, HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            cookie_name(request),
            self.sessions.open(login, role),
            max_age=LONGEST_SECONDS,
            path="/" if request.url.scheme == "https" else PREFIX,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",  # a link in an e-mail leads to the page, and not to the form again
        )
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the session; only a form of our own can ask for it, for the cookie is not sent along with others'."""
        self.sessions.close(request.cookies.get(cookie_name(request), ""))
        answer = RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
        answer.delete_cookie(
            cookie_name(request),
            path="/" if request.url.scheme == "https" else PREFIX,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer

    def _role_of(self, login: str) -> Role | None:
        return self._role_of_groups(self._people.groups_of(login))


_WRONG = "Usuário ou senha incorretos, ou conta bloqueada."
_NO_ROLE = "Sua conta não tem papel no programa. Peça a quem opera o Implanta que o inclua em um dos grupos."
_STALE = "A página ficou aberta por muito tempo. Confira os dados e envie de novo."
_PLAIN = "Esta conexão não é cifrada: abra o painel pelo endereço https, para que a sua senha não seja vista."


def cookie_name(request: Request) -> str:
    """Browsers take a `__Host-` cookie only over TLS and from this very host: nobody else can plant one."""
    return "__Host-painel" if request.url.scheme == "https" else "painel"


def is_private(request: Request) -> bool:
    """Whether nobody on the way can read what is sent: TLS, or this very machine."""
    return request.url.scheme == "https" or (request.client is not None and request.client.host in _LOOPBACK)


def own_page(path: str) -> str:
    """A page of the board or of Prefect to go on to; the board's first one for anything else."""
    return path if _OWN_PAGE.fullmatch(path) and "//" not in path and ".." not in path else PREFIX


def lead_to_form(request: Request) -> Response:
    """To the form, and from there back to the page that was asked for."""
    return way_in(request.url.path + (f"?{request.url.query}" if request.url.query else ""))


def way_in(page: str) -> Response:
    """To the form, and from there to that page if it is one of ours."""
    to = own_page(page)
    return RedirectResponse(SIGN_IN if to == PREFIX else f"{SIGN_IN}?para={quote(to, safe='')}", HTTPStatus.SEE_OTHER)


def gate_router(gate: Gate) -> APIRouter:
    """The routes of the way in and out."""
    router = APIRouter(prefix=PREFIX)

    @router.get("/entrar")
    async def show(request: Request) -> Response:
        return gate.form(request)

    @router.post("/entrar")
    async def sign_in(request: Request) -> Response:
        return await gate.sign_in(request)

    @router.post("/sair")
    async def sign_out(request: Request) -> Response:
        return await gate.sign_out(request)

    return router
