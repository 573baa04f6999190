"""The pages: sign-in and the way to every action, and the pages for people from outside."""

import logging
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from lab.sei_standin.document_pages import DOCUMENT_ACTIONS
from lab.sei_standin.environments import Environment
from lab.sei_standin.process_pages import PROCESS_ACTIONS
from lab.sei_standin.rendering import CONTROL_PAGE, Actions, Visit, render, render_maintenance, render_message
from lab.sei_standin.sessions import COOKIE, LIFETIME, Session, Sessions
from lab.sei_standin.sign_in import Refused, list_orgaos, sign_in

logger = logging.getLogger(__name__)

# One text for every reason: another would tell a stranger which logins exist.
_REFUSED = "Não foi possível entrar. Confira usuário, senha e órgão; se persistir, procure o administrador do SEI."
# For these SIP has no `recurso`: whoever is signed in may.
_FREE_ACTIONS = frozenset({"unidade_selecionar", "sair"})


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
        self._actions: Actions = {
            **PROCESS_ACTIONS,
            **DOCUMENT_ACTIONS,
            ("POST", "unidade_selecionar"): self.change_unit,
            ("POST", "sair"): self.logout,
        }

    def login(self, visit: Visit) -> Response:
        """The sign-in page, and the sign-in itself.

        In maintenance the page says so and answers 503, form and all, as some are let in: what SEI's own page answers
        then is not known. [INF]
        """
        maintenance = visit.environment.configuration.maintenance
        if visit.method != "POST":
            if maintenance.active:
                notice = f"Sistema em manutenção. {maintenance.message}".strip()
                return self._login_page(visit, notice, HTTPStatus.SERVICE_UNAVAILABLE)
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
        if not maintenance.lets_in(result.sigla, result.sigla_orgao):
            return render_maintenance(visit.environment)
        logger.info("login aceito ambiente=%s id_usuario=%s", visit.environment.slug, result.id_usuario)
        token = self._sessions.open(visit.environment.slug, result, visit.now)
        response = RedirectResponse(CONTROL_PAGE, HTTPStatus.SEE_OTHER)
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

    def lets_in(self, visit: Visit) -> bool:
        """Whether there is no maintenance, or it leaves in who is signed in here."""
        maintenance = visit.environment.configuration.maintenance
        if not maintenance.active:
            return True
        session = self._sessions.find(visit.cookie, visit.environment.slug, visit.now)
        return session is not None and maintenance.lets_in(session.person.sigla, session.person.sigla_orgao)

    def controller(self, visit: Visit) -> Response:
        """`/sei/controlador.php`: everything that needs a session."""
        session = self._sessions.find(visit.cookie, visit.environment.slug, visit.now)
        if session is None:
            return RedirectResponse(login_address(visit.environment, "SEI"), HTTPStatus.SEE_OTHER)
        action = visit.query.get("acao", "procedimento_controlar")
        handler = self._actions.get((visit.method, action))
        if handler is None:
            return render_message("Ação não encontrada", "O laboratório não atende esta ação.", HTTPStatus.NOT_FOUND)
        if visit.method == "POST" and not session.accepts_form(visit.form.get("hdnToken", "")):
            return render_message("Formulário vencido", "Abra a página de novo e repita.", HTTPStatus.FORBIDDEN)
        if action not in _FREE_ACTIONS and action not in session.workplace.rights:
            return render_message("Acesso negado", "O seu perfil nesta unidade não permite isto.", HTTPStatus.FORBIDDEN)
        return handler(visit, session)

    def change_unit(self, visit: Visit, _session: Session) -> Response:
        """Work in another of the person's units."""
        id_unidade = visit.form.get("selUnidade", "")
        if visit.cookie and id_unidade.isdigit():
            self._sessions.move(visit.cookie, int(id_unidade))
        return RedirectResponse(CONTROL_PAGE, HTTPStatus.SEE_OTHER)

    def logout(self, visit: Visit, _session: Session) -> Response:
        """End the session."""
        if visit.cookie:
            self._sessions.close(visit.cookie)
        response = RedirectResponse(login_address(visit.environment, "SEI"), HTTPStatus.SEE_OTHER)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=visit.secure)
        return response


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
