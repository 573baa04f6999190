"""The addresses of the webhooks, an application of their own, and the OpenAPI description that senders read."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from domain.errors import ImplantaError
from domain.webhook.contracts import CONTRACTS, Source, WebhookId
from gateway.signatures import (
    ID_HEADER,
    ID_PATTERN,
    MAX_SIGNATURE_LENGTH,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    TIMESTAMP_PATTERN,
)
from gateway.webhooks import Webhooks, come_back_later, refuse

_PROBLEM = {
    "type": "object",
    "required": ["erro"],
    "properties": {"erro": {"type": "string", "description": "O que corrigir, ou que é para tentar de novo."}},
}
_RECEIPT = {
    "origem": {"type": "string"},
    "numero": {"type": "string"},
    "recebido_em": {"type": "string", "format": "date-time"},
}
_STANDING = {
    **_RECEIPT,
    "situacao": {"type": "string", "enum": ["na fila", "iniciado", "com falha"]},
    "tentativas": {"type": "integer", "minimum": 0},
    "decidido_em": {"type": ["string", "null"], "format": "date-time"},
}
_REFUSALS = {
    "400": "Faltam cabeçalhos, ou o corpo veio cortado.",
    "401": "A assinatura não é desta origem, ou é velha.",
    "408": "O envio demorou demais.",
    "413": "O corpo é grande demais.",
    "429": "Muitas mensagens; Retry-After diz quando tentar de novo.",
    "503": "Um sistema está fora do ar; Retry-After diz quando tentar de novo, com o mesmo número.",
}
_REFUSALS_OF_A_MESSAGE = {
    "409": "O número já é de outra mensagem.",
    "415": "O corpo não é JSON.",
    "422": "A mensagem tem campos errados; a resposta diz quais.",
}
_REFUSALS_OF_A_QUESTION = {"404": "Não há mensagem com este número."}


def webhook_app(webhooks: Webhooks) -> FastAPI:
    """The application below `/webhooks`."""
    app = FastAPI(
        title="Implanta: webhooks",
        version="1",
        description="Mensagens assinadas por Standard Webhooks 1.0: https://www.standardwebhooks.com/.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(RequestValidationError, refuse)
    app.add_exception_handler(ImplantaError, come_back_later)
    app.add_exception_handler(Exception, refuse)
    for source in Source:
        _add(app, webhooks, source)
    return app


def _add(app: FastAPI, webhooks: Webhooks, source: Source) -> None:
    contract = CONTRACTS[source]

    async def receive(request: Request) -> Response:
        return await webhooks.receive(request, source)

    async def tell(request: Request, webhook_id: WebhookId) -> Response:
        return await webhooks.tell(request, source, webhook_id)

    app.add_api_route(
        f"/{source.value}",
        receive,
        methods=["POST"],
        name=f"receive_{source.value}",
        summary=contract.__doc__,
        response_class=Response,
        openapi_extra={
            "parameters": _stamp(),
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": contract.model_json_schema()}},
            },
            "responses": _answers("202", "Recebida, e guardada.", _RECEIPT, _REFUSALS | _REFUSALS_OF_A_MESSAGE),
        },
        status_code=202,
    )
    app.add_api_route(
        f"/{source.value}/{{webhook_id}}",
        tell,
        methods=["GET"],
        name=f"tell_{source.value}",
        summary="Onde está uma mensagem; assina-se o corpo vazio, com o número dela.",
        response_class=Response,
        openapi_extra={
            "parameters": _stamp(),
            "responses": _answers("200", "Onde ela está.", _STANDING, _REFUSALS | _REFUSALS_OF_A_QUESTION),
        },
    )


def _stamp() -> list[dict[str, Any]]:
    shapes: dict[str, tuple[str, dict[str, Any]]] = {
        ID_HEADER: ("Número da mensagem, o mesmo em cada tentativa.", {"pattern": ID_PATTERN}),
        TIMESTAMP_HEADER: ("Momento do envio, em segundos desde 1970.", {"pattern": TIMESTAMP_PATTERN}),
        SIGNATURE_HEADER: (
            "v1, e o HMAC-SHA256 de número.momento.corpo em base64; várias, separadas por espaço.",
            {"minLength": 1, "maxLength": MAX_SIGNATURE_LENGTH},
        ),
    }
    return [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string", **shape}}
        for name, (text, shape) in shapes.items()
    ]


def _answers(status: str, text: str, properties: dict[str, Any], refusals: dict[str, str]) -> dict[str, Any]:
    schema = {"type": "object", "required": [*properties], "properties": properties}
    return {
        status: {"description": text, "content": {"application/json": {"schema": schema}}},
        **{
            code: {"description": refusal, "content": {"application/json": {"schema": _PROBLEM}}}
            for code, refusal in refusals.items()
        },
    }
