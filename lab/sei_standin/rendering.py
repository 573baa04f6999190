"""What every page is made of: the request, our templates, and pages that only say something."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined
from pymysql.cursors import DictCursor
from starlette.responses import HTMLResponse, RedirectResponse, Response

from domain.errors import InvalidInputError
from lab.sei_standin.database import Row, fetch_all
from lab.sei_standin.documents import Upload
from lab.sei_standin.environments import Environment
from lab.sei_standin.protocols import ACCESS_LEVELS
from lab.sei_standin.sessions import Session

CONTROL_PAGE = "/sei/controlador.php?acao=procedimento_controlar"
_SIGILOSO = "2"  # needs credentials of each reader, which the stand-in does not know
# The version that the foot of each page shows, for the request that is being answered.
code_version: ContextVar[str | None] = ContextVar("code_version", default=None)
_templates = Templates(loader=PackageLoader("lab.sei_standin"), autoescape=True, undefined=StrictUndefined)


@dataclass(frozen=True)
class Visit:
    """One request to one environment."""

    environment: Environment
    method: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    files: Mapping[str, Upload]
    cookie: str | None
    secure: bool
    """Whether the person came by HTTPS, to the edge at least."""
    now: datetime


@dataclass(frozen=True)
class AccessChoices:
    """The access levels that the forms offer, and the legal bases of a restricted one."""

    levels: Mapping[str, str]
    legal_bases: Sequence[Row]


# An action of `/sei/controlador.php`, by method and name.
Action = Callable[[Visit, Session], Response]
Actions = Mapping[tuple[str, str], Action]


def render(template: str, status: HTTPStatus = HTTPStatus.OK, **values: object) -> HTMLResponse:
    """One of our pages; never kept by the browser, as it may show a person's processes."""
    html = _templates.get_template(f"{template}.html.j2").render(versao=code_version.get(), **values)
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})


def render_message(title: str, text: str, status: HTTPStatus) -> HTMLResponse:
    """A page that only says something."""
    return render("mensagem", status, titulo=title, texto=text)


def go_to_process(id_procedimento: int, id_documento: int | None = None) -> Response:
    """Show a process next, with one of its documents marked."""
    chosen = "" if id_documento is None else f"&id_documento={id_documento}"
    address = f"/sei/controlador.php?acao=procedimento_trabalhar&id_procedimento={id_procedimento}{chosen}"
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def render_maintenance(environment: Environment) -> HTMLResponse:
    """What everybody sees of an application in maintenance who is not let in."""
    notice = environment.configuration.maintenance.notice
    return render_message("Sistema em manutenção", notice, HTTPStatus.SERVICE_UNAVAILABLE)


def process_not_found() -> HTMLResponse:
    """What is told of a process that does not exist, or that the unit may not read: a difference would tell which."""
    text = "Não existe, ou esta unidade não tem acesso a ele."
    return render_message("Processo não encontrado", text, HTTPStatus.NOT_FOUND)


def access_choices(sei: DictCursor) -> AccessChoices:
    """What the forms of processes and documents offer as access level."""
    bases = fetch_all(
        sei,
        "SELECT id_hipotese_legal, nome, base_legal FROM hipotese_legal"
        " WHERE sin_ativo = 'S' AND sta_nivel_acesso = '1' ORDER BY nome",
    )
    return AccessChoices({code: name for code, name in ACCESS_LEVELS.items() if code != _SIGILOSO}, bases)


def legal_basis_of(visit: Visit) -> int | None:
    """The legal basis that a form names, if any.

    Raises:
        InvalidInputError: what it names is no legal basis.
    """
    given = visit.form.get("selHipoteseLegal", "")
    if given and not given.isdigit():
        raise InvalidInputError("Hipótese legal inválida", "nível de acesso", "Escolha uma das oferecidas.")
    return int(given) if given else None
