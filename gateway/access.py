"""The page where people choose their own password: at the first access, and whenever they want."""

import asyncio
import math
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool

from domain.account import PasswordPolicy, PasswordRefusal
from domain.errors import ImplantaError, InvalidInputError
from domain.model import Frozen
from domain.password_change import FormField, PasswordForm, Problem, find_problems, rules_of
from domain.person import LOGIN_PATTERN
from gateway.form_body import read_form
from gateway.form_tokens import FIELD, FormTokens
from gateway.limits import Limiter, address_key
from gateway.pages import STYLE, render, render_message
from gateway.systems import Place, Systems

Occasion = Literal["senha", "primeiro-acesso"]

# Wrong passwords only: one fewer than the programme's minimum locks an account after, in the time it takes to forget
# them, so that no stranger locks anybody out from here.
LOGIN_ATTEMPTS, LOGIN_SECONDS = 4, 15 * 60
# A whole prefeitura may come from one address, on the day of its training.
ADDRESS_ATTEMPTS, ADDRESS_SECONDS = 120, 10 * 60
# A refusal takes a whole number of these, whatever the security system needed for a login that it knows or does not.
REFUSAL_STEP_SECONDS = 0.5

# Fields of a password are called pwd…: the edge's firewall neither inspects nor logs those (catalog/waf).
FIELD_NAMES: dict[FormField, str] = {
    "login": "txtUsuario",
    "current": "pwdSenhaAtual",
    "new": "pwdNovaSenha",
    "repeated": "pwdNovaSenhaRepetida",
}


class _Page(Frozen):
    """What the form shows beside its fields."""

    place: Place
    occasion: Occasion
    policy: PasswordPolicy | None


class Access:
    """What the routes do."""

    def __init__(
        self, systems: Systems, clock: Callable[[], float], *, address_attempts: int = ADDRESS_ATTEMPTS
    ) -> None:
        self._systems = systems
        self._tokens = FormTokens()
        self._by_address = Limiter(address_attempts, ADDRESS_SECONDS, clock)
        self._by_login = Limiter(LOGIN_ATTEMPTS, LOGIN_SECONDS, clock)

    async def show(self, request: Request, slug: str, occasion: Occasion) -> Response:
        """The empty form."""
        return self._form(request, await self._page(slug, occasion))

    async def change(self, request: Request, slug: str, occasion: Occasion) -> Response:
        """Change the password, or the form again with what to correct."""
        fields = await read_form(request)
        page = await self._page(slug, occasion)
        form = PasswordForm(
            login=fields.get(FIELD_NAMES["login"], ""),
            current=SecretStr(fields.get(FIELD_NAMES["current"], "")),
            new=SecretStr(fields.get(FIELD_NAMES["new"], "")),
            repeated=SecretStr(fields.get(FIELD_NAMES["repeated"], "")),
        )
        login = form.login.strip().lower()
        if not self._tokens.proves(request, _path(page), fields.get(FIELD, "")):
            return self._form(request, page, login=login, is_stale=True)
        if problems := find_problems(form, page.policy):
            return self._form(request, page, login=login, problems=problems)
        address, account = address_key(request.client.host if request.client else ""), f"{slug} {login}"
        if wait := self._by_address.take(address) or self._by_login.take(account):
            return render_message(HTTPStatus.TOO_MANY_REQUESTS, retry_seconds=wait)
        started = time.monotonic()
        try:
            refusal = await run_in_threadpool(self._ask, page.place, login, form)
        except ImplantaError:
            self._forgive(address, account)
            raise
        if refusal is PasswordRefusal.CURRENT:
            await _wait_for_next_step(started)
            return self._form(request, page, login=login, problems=(_CURRENT_PROBLEM,))
        self._forgive(address, account)
        if refusal is PasswordRefusal.POLICY:
            return self._form(request, page, login=login, problems=(_POLICY_PROBLEM,))
        return RedirectResponse(f"{_path(page)}/concluido", HTTPStatus.SEE_OTHER)

    async def show_done(self, slug: str) -> Response:
        """What comes next."""
        place = await self._place(slug)
        return render("concluido.html.j2", place=place)

    async def _place(self, slug: str) -> Place:
        place = await run_in_threadpool(self._systems.find_place, slug)
        if place is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return place

    async def _page(self, slug: str, occasion: Occasion) -> _Page:
        place = await self._place(slug)
        # Asked before each change too: from here on, a refusal concerns the person and not our own credentials.
        policy = await run_in_threadpool(lambda: self._systems.ssc().policy())
        return _Page(place=place, occasion=occasion, policy=policy)

    def _forgive(self, address: str, account: str) -> None:
        self._by_address.give_back(address)
        self._by_login.give_back(account)

    def _ask(self, place: Place, login: str, form: PasswordForm) -> PasswordRefusal | None:
        if not re.fullmatch(LOGIN_PATTERN, login):
            return PasswordRefusal.CURRENT
        try:
            self._systems.ssc().change_own_password(place.environment, login, form.current, form.new)
        except InvalidInputError as error:
            # Nobody learns whether the login exists, or is blocked.
            return PasswordRefusal.POLICY if PasswordRefusal.POLICY in error.what else PasswordRefusal.CURRENT
        return None

    def _form(
        self,
        request: Request,
        page: _Page,
        *,
        login: str = "",
        problems: tuple[Problem, ...] = (),
        is_stale: bool = False,
    ) -> HTMLResponse:
        path = _path(page)
        token = self._tokens.token_for(request, path)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.FORBIDDEN if is_stale else HTTPStatus.OK
        answer = render(
            "senha.html.j2",
            status,
            place=page.place,
            is_first=page.occasion == "primeiro-acesso",
            rules=rules_of(page.policy),
            names=FIELD_NAMES,
            login=login,
            problems=problems,
            problem_of={problem.field: problem.text for problem in problems},
            is_stale=is_stale,
            token_name=FIELD,
            token=token,
        )
        self._tokens.put(answer, request, path, token)
        return answer


_CURRENT_PROBLEM = Problem(
    field="current",
    text="Usuário ou senha atual incorretos, ou conta bloqueada. Confira os dois; se continuar, peça ajuda ao suporte"
    " da sua prefeitura.",
)
_POLICY_PROBLEM = Problem(
    field="new", text="Esta senha nova não foi aceita. Escolha uma mais longa, diferente das que você já usou."
)


def _path(page: _Page) -> str:
    return f"/acesso/{page.place.environment.slug}"


async def _wait_for_next_step(started: float) -> None:
    steps = math.ceil((time.monotonic() - started) / REFUSAL_STEP_SECONDS)
    await asyncio.sleep(max(0.0, started + steps * REFUSAL_STEP_SECONDS - time.monotonic()))


def access_router(access: Access) -> APIRouter:
    """The routes of `/acesso/`."""
    router = APIRouter(prefix="/acesso")

    @router.get("/estilo.css")
    async def style() -> Response:
        return PlainTextResponse(STYLE, media_type="text/css")

    @router.get("/{environment}/concluido")
    async def done(environment: str) -> Response:
        return await access.show_done(environment)

    def add(occasion: Occasion) -> None:
        @router.get(f"/{{environment}}/{occasion}")
        async def show(request: Request, environment: str) -> Response:
            return await access.show(request, environment, occasion)

        @router.post(f"/{{environment}}/{occasion}")
        async def change(request: Request, environment: str) -> Response:
            return await access.change(request, environment, occasion)

    add("senha")
    add("primeiro-acesso")
    return router
