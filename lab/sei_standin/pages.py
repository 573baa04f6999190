"""The pages: sign-in, the unit's processes, starting a process, and the pages for people from outside."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlencode

from jinja2 import Environment as Templates
from jinja2 import PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from domain.errors import InvalidInputError
from lab.sei_standin.availability import PROCESS_TYPES, list_types
from lab.sei_standin.database import fetch_all
from lab.sei_standin.documents import find_process
from lab.sei_standin.environments import Environment
from lab.sei_standin.process_view import list_documents, list_history, list_open_processes, may_read
from lab.sei_standin.processes import NewProcess, create_process
from lab.sei_standin.protocols import ACCESS_LEVELS, Author
from lab.sei_standin.sessions import COOKIE, LIFETIME, Session, Sessions
from lab.sei_standin.sign_in import Refused, list_orgaos, sign_in

logger = logging.getLogger(__name__)

_templates = Templates(loader=PackageLoader("lab.sei_standin"), autoescape=True, undefined=StrictUndefined)
_CONTROL_PAGE = "/sei/controlador.php?acao=procedimento_controlar"
# One text for every reason: another would tell a stranger which logins exist.
_REFUSED = "Não foi possível entrar. Confira usuário, senha e órgão; se persistir, procure o administrador do SEI."


@dataclass(frozen=True)
class Visit:
    """One request to one environment."""

    environment: Environment
    method: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    cookie: str | None
    secure: bool
    """Whether the person came by HTTPS, to the edge at least."""
    now: datetime


Handler = Callable[["Pages", Visit, Session], Response]


def render(template: str, status: HTTPStatus = HTTPStatus.OK, **values: object) -> HTMLResponse:
    """One of our pages; never kept by the browser, as it may show a person's processes."""
    html = _templates.get_template(f"{template}.html.j2").render(**values)
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})


def render_message(title: str, text: str, status: HTTPStatus) -> HTMLResponse:
    """A page that only says something."""
    return render("mensagem", status, titulo=title, texto=text)


def login_address(environment: Environment, sigla_sistema: str) -> str:
    """Where someone who is not logged in is sent."""
    query = {
        "sigla_orgao_sistema": environment.configuration.sei_session.sigla_orgao,
        "sigla_sistema": sigla_sistema,
    }
    return f"/sip/login.php?{urlencode(query)}"


class Pages:
    """The pages of every environment, over one store of sessions."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def login(self, visit: Visit) -> Response:
        """The sign-in page, and the sign-in itself."""
        if visit.method != "POST":
            return self._login_page(visit, "", HTTPStatus.OK)
        id_orgao = visit.form.get("selOrgao", "")
        result = sign_in(
            visit.environment,
            login=visit.form.get("txtUsuario", "").strip(),
            password=visit.form.get("pwdSenha", ""),
            id_orgao=int(id_orgao) if id_orgao.isascii() and id_orgao.isdigit() else -1,
            now=visit.now,
        )
        if isinstance(result, Refused):
            logger.warning(
                "login recusado ambiente=%s motivo=%s id_usuario=%s",
                visit.environment.slug,
                result.reason,
                result.id_usuario,
            )
            return self._login_page(visit, _REFUSED, HTTPStatus.FORBIDDEN)
        logger.info("login aceito ambiente=%s id_usuario=%s", visit.environment.slug, result.id_usuario)
        token = self._sessions.open(visit.environment.slug, result, visit.now)
        response = RedirectResponse(_CONTROL_PAGE, HTTPStatus.SEE_OTHER)
        response.set_cookie(
            COOKIE,
            token,
            max_age=int(LIFETIME.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=visit.secure,
            path="/",
        )
        return response

    def _login_page(self, visit: Visit, notice: str, status: HTTPStatus) -> Response:
        configured = visit.environment.configuration.sei_session
        query = {
            "sigla_orgao_sistema": visit.query.get("sigla_orgao_sistema", configured.sigla_orgao),
            "sigla_sistema": visit.query.get("sigla_sistema", configured.sigla_sistema),
        }
        return render(
            "login",
            status,
            aviso=notice,
            consulta=urlencode(query),
            sigla_orgao=query["sigla_orgao_sistema"],
            sigla_sistema=query["sigla_sistema"],
            orgaos=list_orgaos(visit.environment),
        )

    def controller(self, visit: Visit) -> Response:
        """`/sei/controlador.php`: everything that needs a session."""
        session = self._sessions.find(visit.cookie, visit.environment.slug, visit.now)
        if session is None:
            return RedirectResponse(login_address(visit.environment, "SEI"), HTTPStatus.SEE_OTHER)
        action = visit.query.get("acao", "procedimento_controlar")
        handler = _ACTIONS.get((visit.method, action))
        if handler is None:
            return render_message("Ação não encontrada", "O laboratório não atende esta ação.", HTTPStatus.NOT_FOUND)
        if visit.method == "POST" and not session.accepts_form(visit.form.get("hdnToken", "")):
            return render_message("Formulário vencido", "Abra a página de novo e repita.", HTTPStatus.FORBIDDEN)
        if action not in _FREE_ACTIONS and action not in session.workplace.rights:
            return render_message("Acesso negado", "O seu perfil nesta unidade não permite isto.", HTTPStatus.FORBIDDEN)
        return handler(self, visit, session)

    def list_system_users(self, visit: Visit, session: Session) -> Response:
        """The systems that may call SEI's services, which only its administrators see."""
        with visit.environment.sei() as sei:
            rows = fetch_all(sei, "SELECT sigla, nome FROM usuario WHERE sta_tipo = '1' ORDER BY sigla")
        return render("sistemas", sessao=session, usuarios=rows)

    def list_processes(self, visit: Visit, session: Session) -> Response:
        """The processes that are open in the unit."""
        with visit.environment.sei() as sei:
            rows = list_open_processes(sei, session.workplace.id_unidade)
        return render("controle", sessao=session, processos=rows)

    def process_form(
        self, visit: Visit, session: Session, notice: str = "", status: HTTPStatus = HTTPStatus.OK
    ) -> Response:
        """The form that starts a process."""
        with visit.environment.sei() as sei:
            types = list_types(sei, PROCESS_TYPES, session.workplace.id_unidade)
            bases = fetch_all(
                sei,
                "SELECT id_hipotese_legal, nome, base_legal FROM hipotese_legal"
                " WHERE sin_ativo = 'S' AND sta_nivel_acesso = '1' ORDER BY nome",
            )
        levels = {code: name for code, name in ACCESS_LEVELS.items() if code != "2"}
        return render("gerar", status, sessao=session, aviso=notice, tipos=types, hipoteses=bases, niveis=levels)

    def start_process(self, visit: Visit, session: Session) -> Response:
        """Start a process and show it; a refusal shows the form again, with its reason."""
        id_tipo, id_hipotese = visit.form.get("selTipoProcedimento", ""), visit.form.get("selHipoteseLegal", "")
        if not id_tipo.isdigit() or (id_hipotese and not id_hipotese.isdigit()):
            return self.process_form(visit, session, "Escolha o tipo do processo.", HTTPStatus.BAD_REQUEST)
        try:
            with visit.environment.sei() as sei:
                process = create_process(
                    sei,
                    Author(session.person.id_usuario, session.workplace.id_unidade),
                    NewProcess(
                        id_tipo_procedimento=int(id_tipo),
                        especificacao=visit.form.get("txtEspecificacao", "").strip(),
                        nivel_acesso=visit.form.get("selNivelAcesso", "0"),
                        id_hipotese_legal=int(id_hipotese) if id_hipotese else None,
                    ),
                    visit.now,
                )
        except InvalidInputError as e:
            return self.process_form(visit, session, f"{e.what}. {e.fix}", HTTPStatus.BAD_REQUEST)
        address = f"/sei/controlador.php?acao=procedimento_trabalhar&id_procedimento={process.id_protocolo}"
        return RedirectResponse(address, HTTPStatus.SEE_OTHER)

    def show_process(self, visit: Visit, session: Session) -> Response:
        """A process, its documents and its history."""
        with visit.environment.sei() as sei:
            process = find_process(sei, visit.query.get("id_procedimento", ""))
            if process is None or not may_read(sei, process, session.workplace.id_unidade):
                return render_message(
                    "Processo não encontrado", "Não existe, ou esta unidade não tem acesso a ele.", HTTPStatus.NOT_FOUND
                )
            return render(
                "processo",
                sessao=session,
                processo=process,
                nivel=ACCESS_LEVELS[process["sta_nivel_acesso_global"]],
                documentos=list_documents(sei, process["id_protocolo"]),
                andamentos=list_history(sei, process["id_protocolo"]),
            )

    def change_unit(self, visit: Visit, _session: Session) -> Response:
        """Work in another of the person's units."""
        id_unidade = visit.form.get("selUnidade", "")
        if visit.cookie and id_unidade.isdigit():
            self._sessions.move(visit.cookie, int(id_unidade))
        return RedirectResponse(_CONTROL_PAGE, HTTPStatus.SEE_OTHER)

    def logout(self, visit: Visit, _session: Session) -> Response:
        """End the session."""
        if visit.cookie:
            self._sessions.close(visit.cookie)
        response = RedirectResponse(login_address(visit.environment, "SEI"), HTTPStatus.SEE_OTHER)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=visit.secure)
        return response


_ACTIONS: Mapping[tuple[str, str], Handler] = {
    ("GET", "procedimento_controlar"): Pages.list_processes,
    ("GET", "procedimento_gerar"): Pages.process_form,
    ("POST", "procedimento_gerar"): Pages.start_process,
    ("GET", "procedimento_trabalhar"): Pages.show_process,
    ("POST", "unidade_selecionar"): Pages.change_unit,
    ("GET", "usuario_sistema_listar"): Pages.list_system_users,
    ("POST", "sair"): Pages.logout,
}
# For these SIP has no `recurso`: whoever is signed in may.
_FREE_ACTIONS = frozenset({"unidade_selecionar", "sair"})


def external_page(visit: Visit) -> Response:
    """`/sei/controlador_externo.php`: sign-in of external users, and the check of a signed document."""
    action = visit.query.get("acao", "")
    if action == "usuario_externo_logar":
        fields = {"txtEmail": "E-mail", "pwdSenha": "Senha"}
        return render("externa", titulo="Acesso para Usuários Externos", campos=fields)
    if action == "documento_conferir":
        fields = {"txtCodigoVerificador": "Código verificador", "txtCrc": "Código CRC"}
        return render("externa", titulo="Conferência de Autenticidade de Documentos", campos=fields)
    return render_message("Ação não encontrada", "O laboratório não atende esta ação.", HTTPStatus.NOT_FOUND)


def publications_page(_visit: Visit) -> Response:
    """`/sei/publicacoes/controlador_publicacoes.php`."""
    return render("externa", titulo="Publicações Eletrônicas", campos={"txtPesquisa": "Texto para pesquisa"})
