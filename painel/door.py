"""The door before Prefect: who is signed in, what their role may ask, and who changed what.

The proxy (`blocks.door`) hands every request for Prefect to `ASK` first, body and all. Only an answer that names one of
its places lets the request through to Prefect; any other answer, and none, is a closed door.
"""

from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from blocks.door import ASK, METHOD_HEADER, TARGET_HEADER
from domain.board.access import Role
from domain.errors import InvalidInputError
from domain.prefect_access import Passage, PrefectAccessRule, RequestRefusedError
from gateway.body import read_body
from gateway.form_tokens import is_own_origin
from gateway.shield import HANDED_ON
from painel.gate import Gate, NotSignedInError, way_in
from painel.pages import render_message
from painel.prefect_subjects import PrefectSubjects
from painel.sessions import Session
from painel.trail import Trail

MOST_BODY_BYTES = 1024 * 1024
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_READ_METHODS = frozenset({"GET", "HEAD"})


class Door:
    """Judges one request after the other."""

    def __init__(self, gate: Gate, rule: PrefectAccessRule, subjects: PrefectSubjects, trail: Trail | None) -> None:
        """Take who may come in, the classes of the routes, what they are about, and where changes are told."""
        self._gate = gate
        self._rule = rule
        self._subjects = subjects
        self._trail = trail

    async def ask(self, request: Request) -> Response:
        """Hand the request on to Prefect, or say why not.

        Raises:
            RetryableError: the directory, Prefect or the trail does not answer: nothing passes.
            InvalidInputError: this installation has no trail.
        """
        method, target = request.headers.get(METHOD_HEADER, ""), request.headers.get(TARGET_HEADER, "")
        passage, refusal = await self._judge(request, method, target)
        mode = request.headers.get("sec-fetch-mode", "navigate")
        is_visit = method == "GET" and mode == "navigate" and not target.startswith("/api/")
        changes = passage is not None and not passage.is_read
        try:
            session = await run_in_threadpool(self._gate.require, request, watching=not (is_visit or changes))
        except NotSignedInError:
            return (
                way_in(target)
                if is_visit
                else _told(HTTPStatus.UNAUTHORIZED, "Entre de novo: abra a página outra vez.")
            )
        if passage is None:
            return _refused(refusal, is_visit=is_visit)
        if method not in _READ_METHODS and not (request.headers.get("origin") and is_own_origin(request)):
            return _refused("O pedido veio de outra página que não a do Prefect.", is_visit=is_visit)
        needed = await run_in_threadpool(self._needed, passage, session)
        if needed is None:
            return _told(HTTPStatus.NOT_FOUND, "Não existe no Prefect.")
        allowed = session.role.may(needed)
        if changes:
            await run_in_threadpool(self._tell, request, session, passage, needed, allowed=allowed)
        if not allowed:
            return _refused(f"Isto pede o papel {needed.label}; o seu é {session.role.label}.", is_visit=is_visit)
        return Response(headers={HANDED_ON: f"@prefect_{passage.place}"})

    async def _judge(self, request: Request, method: str, target: str) -> tuple[Passage | None, str]:
        body = await read_body(request, MOST_BODY_BYTES)
        try:
            if request.headers.get("content-encoding"):
                raise RequestRefusedError("O conteúdo do pedido não pode vir comprimido.")
            return self._rule.judge(method, target, body), ""
        except RequestRefusedError as refusal:
            return None, str(refusal)

    def _needed(self, passage: Passage, session: Session) -> Role | None:
        """The role that this request takes; None when what it is about does not exist."""
        if passage.subject is None or not session.role.may(passage.role):
            return passage.role
        facts = self._subjects.look_up(passage.subject)
        return self._rule.needed(passage, facts) if facts else None

    def _tell(self, request: Request, session: Session, passage: Passage, needed: Role, *, allowed: bool) -> None:
        if self._trail is None:
            raise InvalidInputError(
                "A porta não tem trilha", "configuração door_trail", "Diga nela onde fica escrito quem mudou o quê."
            )
        self._trail.write(
            datetime.now(UTC),
            session.login,
            papel=session.role.value,
            pede=needed.value,
            pedido=passage.route,
            sobre=str(passage.subject.id) if passage.subject else None,
            aceito=allowed,
            de=request.client.host if request.client else None,
            id=request.headers.get("x-request-id"),
        )


def _refused(text: str, *, is_visit: bool) -> Response:
    return render_message(HTTPStatus.FORBIDDEN, text) if is_visit else _told(HTTPStatus.FORBIDDEN, text)


def _told(status: HTTPStatus, text: str) -> Response:
    """As Prefect's pages read a refusal."""
    return JSONResponse({"detail": text}, status)


def door_router(door: Door) -> APIRouter:
    """What the proxy asks."""
    router = APIRouter()
    router.add_api_route(ASK, door.ask, methods=_METHODS)
    return router
