"""HTML of the gateway's own, without a script; every value is escaped."""

from http import HTTPStatus
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).parent / "templates"
STYLE = (_TEMPLATES / "estilo.css").read_text(encoding="utf-8")

_templates = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)

_MESSAGES = {
    HTTPStatus.BAD_REQUEST: (
        "Pedido inválido",
        "O formulário chegou incompleto. Volte, recarregue a página e tente de novo.",
    ),
    HTTPStatus.NOT_FOUND: (
        "Página não encontrada",
        "Confira o endereço: ele está no e-mail que você recebeu, ou peça-o ao suporte da sua prefeitura.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "Pedido inválido",
        "Abra a página pelo endereço que está no e-mail que você recebeu.",
    ),
    HTTPStatus.REQUEST_TIMEOUT: ("O envio demorou demais", "Confira a sua conexão e envie o formulário de novo."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("Formulário grande demais", "Volte à página e digite só o que ela pede."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("Pedido inválido", "Use o formulário da página."),
    HTTPStatus.TOO_MANY_REQUESTS: (
        "Muitas tentativas",
        "Por segurança, espere antes de tentar de novo. Sua senha não foi alterada.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Algo deu errado do nosso lado",
        "Tente de novo. Se continuar, avise o suporte da sua prefeitura.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Serviço fora do ar",
        "A troca de senha está indisponível por alguns instantes. Tente de novo em alguns minutos.",
    ),
}


def render(template: str, status: HTTPStatus = HTTPStatus.OK, **values: object) -> HTMLResponse:
    """A whole page."""
    return HTMLResponse(_templates.get_template(template).render(**values), status)


def render_message(status: HTTPStatus, *, retry_seconds: int | None = None) -> HTMLResponse:
    """The page of a failure; with `retry_seconds`, it says when to come back."""
    title, text = _MESSAGES.get(status, _MESSAGES[HTTPStatus.BAD_REQUEST])
    answer = render(
        "mensagem.html.j2",
        status,
        title=title,
        text=text,
        minutes=None if retry_seconds is None else -(-retry_seconds // 60),
    )
    if retry_seconds is not None:
        answer.headers["Retry-After"] = str(retry_seconds)
    return answer
