"""What other systems tell us: each message is proved, stored and answered; its flow is started afterwards."""

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as AnyHTTPException

from blocks.catalog import Catalog
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, told
from domain.webhook.contracts import Source, read_contract
from gateway.body import read_body, require_type
from gateway.limits import Limiter, address_key
from gateway.signatures import Stamp, is_signed, read_stamp
from gateway.systems import Systems
from gateway.webhook_keys import WebhookKeys
from registry import ArrivedWebhook, WebhookRecord

if TYPE_CHECKING:
    from registry.webhooks import WebhookOutbox

logger = logging.getLogger("gateway")

# A source may tell of all municipalities at once.
ADDRESS_ATTEMPTS, ADDRESS_SECONDS = 1200, 60
# Signatures that were not of the source.
FORGED_ATTEMPTS, FORGED_SECONDS = 30, 10 * 60
RETRY_SECONDS = 60

_TEXTS = {
    HTTPStatus.BAD_REQUEST: "Faltam webhook-id, webhook-timestamp ou webhook-signature, ou o corpo veio cortado.",
    HTTPStatus.UNAUTHORIZED: "Assinatura recusada: confira segredo, relógio (até 5 minutos) e corpo, byte a byte.",
    HTTPStatus.NOT_FOUND: "Não há nada neste endereço.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Este endereço não aceita este método.",
    HTTPStatus.REQUEST_TIMEOUT: "O envio demorou demais.",
    HTTPStatus.CONFLICT: "Este número já é de outra mensagem: cada mensagem tem um número só seu.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Mensagem grande demais.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "O corpo tem de ser application/json.",
    HTTPStatus.TOO_MANY_REQUESTS: "Muitas mensagens: espere e envie de novo, com o mesmo número.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Algo deu errado do nosso lado: envie de novo, com o mesmo número.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Serviço fora do ar: envie de novo em alguns minutos, com o mesmo número.",
}


class Webhooks:
    """What the routes do."""

    def __init__(
        self,
        systems: Systems,
        keys: WebhookKeys,
        clock: Callable[[], float],
        *,
        on_accepted: Callable[[], None],
        address_attempts: int = ADDRESS_ATTEMPTS,
    ) -> None:
        self._systems = systems
        self._keys = keys
        self._on_accepted = on_accepted
        self._by_address = Limiter(address_attempts, ADDRESS_SECONDS, clock)
        self._forged = Limiter(FORGED_ATTEMPTS, FORGED_SECONDS, clock)

    async def receive(self, request: Request, source: Source) -> Response:
        """Store a message and answer; sent again, it gets the same answer and starts nothing more."""
        self._require_patience(request)
        await self._require_listening(source)
        require_type(request, "application/json")
        stamp = read_stamp(request)
        body = await read_body(request)
        await self._require_signature(request, source, stamp, body)
        return await run_in_threadpool(self._accept, source, stamp.webhook_id, body)

    async def tell(self, request: Request, source: Source, webhook_id: str) -> Response:
        """How a message stands, to who signs an empty body with its number."""
        self._require_patience(request)
        await self._require_listening(source)
        stamp = read_stamp(request)
        await self._require_signature(request, source, stamp, await read_body(request))
        if stamp.webhook_id != webhook_id:
            raise HTTPException(HTTPStatus.UNAUTHORIZED)
        found = await run_in_threadpool(lambda: self._outbox().find(source.value, webhook_id))
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return JSONResponse(_standing(found))

    def _require_patience(self, request: Request) -> None:
        address = _address(request)
        if wait := self._by_address.take(address) or self._forged.wait(address):
            raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": str(wait)})

    @staticmethod
    async def _require_listening(source: Source) -> None:
        table = await run_in_threadpool(lambda: Catalog().webhooks())
        if table.of(source) is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)

    async def _require_signature(self, request: Request, source: Source, stamp: Stamp, body: bytes) -> None:
        secrets = await run_in_threadpool(self._keys.of, source)
        if not is_signed(body, stamp, secrets):
            self._forged.take(_address(request))
            raise HTTPException(HTTPStatus.UNAUTHORIZED)

    def _accept(self, source: Source, webhook_id: str, body: bytes) -> Response:
        digest = hashlib.sha256(body).hexdigest()
        found = self._outbox().find(source.value, webhook_id) or self._store(source, webhook_id, body, digest)
        if found.sha256 != digest:
            raise HTTPException(HTTPStatus.CONFLICT)
        answer = {"origem": found.source.value, "numero": found.webhook_id, "recebido_em": _moment(found.received_at)}
        return JSONResponse(answer, HTTPStatus.ACCEPTED)

    def _store(self, source: Source, webhook_id: str, body: bytes, digest: str) -> WebhookRecord:
        try:
            contract = read_contract(source, body)
        except InvalidInputError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        if contract.OF_A_REGISTERED_ONE and not self._systems.knows_municipality(contract.subject):
            raise HTTPException(
                HTTPStatus.UNPROCESSABLE_ENTITY, "O município não está registrado: confira o nome curto, como timoteo."
            )
        arrived = ArrivedWebhook(
            source=source,
            webhook_id=webhook_id,
            municipality=contract.subject,
            sha256=digest,
            body=contract.model_dump_json(),
        )
        try:
            stored = self._systems.accept_webhook(arrived)
        except IntegrityError:
            raise HTTPException(
                HTTPStatus.UNPROCESSABLE_ENTITY, "A mensagem traz dado pessoal: envie só referências."
            ) from None
        self._on_accepted()
        return stored

    def _outbox(self) -> "WebhookOutbox":
        return self._systems.outbox()


async def refuse(_: Request, error: Exception) -> Response:
    """One line of JSON for what was refused."""
    if isinstance(error, RequestValidationError):  # of an address, which is all that the routes read by themselves
        return _problem(HTTPStatus.NOT_FOUND)
    if not isinstance(error, AnyHTTPException):
        return _problem(HTTPStatus.INTERNAL_SERVER_ERROR)
    status = HTTPStatus(error.status_code)
    text = _TEXTS.get(status) or error.detail
    return JSONResponse({"erro": text}, status, headers=dict(error.headers or {}))


async def come_back_later(_: Request, error: Exception) -> Response:
    """A system behind us is down, or refuses our own credentials: the sender tries again, and nothing is lost."""
    assert isinstance(error, ImplantaError)  # noqa: S101  # registered for these
    logger.error("%s", told(error))
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(RETRY_SECONDS)})


def _problem(status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"erro": _TEXTS[status]}, status, headers=headers)


def _address(request: Request) -> str:
    return address_key(request.client.host if request.client else "")


def _standing(record: WebhookRecord) -> dict[str, object]:
    return {
        "origem": record.source.value,
        "numero": record.webhook_id,
        "recebido_em": _moment(record.received_at),
        "situacao": record.state.label,
        "tentativas": record.attempts,
        "decidido_em": _moment(record.decided_at),
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="seconds")
