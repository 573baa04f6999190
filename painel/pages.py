"""HTML of the board, without a script; every value is escaped."""

from datetime import date, datetime
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

from fastapi.responses import HTMLResponse, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.board.tables import number, shown
from domain.calendar import local_moment

_TEMPLATES = Path(__file__).parent / "templates"
STYLE = (_TEMPLATES / "painel.css").read_text(encoding="utf-8")
STYLE_VERSION = sha256(STYLE.encode()).hexdigest()[:12]

_templates = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _day(value: date | None) -> str:
    return shown(value)


def _short_day(value: date | None) -> str:
    return f"{value:%d/%m/%y}" if value else "–"


def _iso(value: date | datetime) -> str:
    return value.isoformat()


_templates.filters.update(dia=_day, dia_curto=_short_day, momento=local_moment, numero=number, iso=_iso)
_PARTS_A_PIECE = 2_000
_templates.globals["versao_do_estilo"] = STYLE_VERSION

_MESSAGES = {
    HTTPStatus.BAD_REQUEST: ("Pedido inválido", "Confira o endereço, ou volte ao início do painel."),
    HTTPStatus.FORBIDDEN: ("Seu papel não permite isto", "Peça a quem tem o papel, ou a quem opera o Implanta."),
    HTTPStatus.NOT_FOUND: ("Página não encontrada", "Confira o endereço, ou procure a prefeitura pelo nome."),
    HTTPStatus.TOO_MANY_REQUESTS: ("Muitas tentativas", "Espere alguns minutos e tente de novo."),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Algo deu errado do nosso lado",
        "Tente de novo. Se continuar, avise quem opera o Implanta.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Painel indisponível",
        "Um dos sistemas por trás do painel não respondeu. Tente de novo em alguns minutos.",
    ),
}


def render(template: str, status: HTTPStatus = HTTPStatus.OK, **values: object) -> HTMLResponse:
    """A whole page."""
    return HTMLResponse(_templates.get_template(template).render(**values), status)


def render_in_pieces(template: str, **values: object) -> StreamingResponse:
    """A whole page of many rows, whose beginning is sent before its end is made."""
    pieces = _templates.get_template(template).stream(**values)
    pieces.enable_buffering(_PARTS_A_PIECE)
    return StreamingResponse(pieces, media_type="text/html")


def warm() -> None:
    """Compile every template, so that nobody waits for it."""
    for name in _templates.list_templates(("j2",)):
        _templates.get_template(name)


def render_message(status: HTTPStatus, text: str = "") -> HTMLResponse:
    """The page of a failure; with `text`, it says that and not the usual words."""
    title, usual = _MESSAGES.get(status, _MESSAGES[HTTPStatus.BAD_REQUEST])
    answer = render("mensagem.html.j2", status, title=title, text=text or usual)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = "60"
    return answer
