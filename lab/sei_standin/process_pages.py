"""The pages of processes: the unit's list, starting one, working on it, excluding it, searching."""

from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from domain.errors import InvalidInputError
from lab.sei_standin.availability import PROCESS_TYPES, list_types
from lab.sei_standin.database import fetch_all
from lab.sei_standin.documents import find_process, is_open
from lab.sei_standin.process_view import list_documents, list_history, list_open_processes, may_read
from lab.sei_standin.processes import NewProcess, create_process
from lab.sei_standin.protocols import ACCESS_LEVELS
from lab.sei_standin.removal import exclude_process
from lab.sei_standin.rendering import (
    CONTROL_PAGE,
    Actions,
    Visit,
    access_choices,
    go_to_process,
    legal_basis_of,
    process_not_found,
    render,
)
from lab.sei_standin.search import search_protocols
from lab.sei_standin.sessions import Session
from lab.sei_standin.signatures import list_signed


def list_system_users(visit: Visit, session: Session) -> Response:
    """The systems that may call SEI's services, which only its administrators see."""
    with visit.environment.sei() as sei:
        rows = fetch_all(sei, "SELECT sigla, nome FROM usuario WHERE sta_tipo = '1' ORDER BY sigla")
    return render("sistemas", sessao=session, usuarios=rows)


def list_processes(visit: Visit, session: Session) -> Response:
    """The processes that are open in the unit."""
    with visit.environment.sei() as sei:
        rows = list_open_processes(sei, session.workplace.id_unidade)
    return render("controle", sessao=session, processos=rows)


def process_form(visit: Visit, session: Session, notice: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
    """The form that starts a process."""
    with visit.environment.sei() as sei:
        types = list_types(sei, PROCESS_TYPES, session.workplace.id_unidade)
        access = access_choices(sei)
    return render("gerar", status, sessao=session, aviso=notice, tipos=types, acesso=access)


def start_process(visit: Visit, session: Session) -> Response:
    """Start a process and show it; a refusal shows the form again, with its reason."""
    id_tipo = visit.form.get("selTipoProcedimento", "")
    if not id_tipo.isdigit():
        return process_form(visit, session, "Escolha o tipo do processo.", HTTPStatus.BAD_REQUEST)
    try:
        with visit.environment.sei() as sei:
            process = create_process(
                sei,
                session.author,
                NewProcess(
                    id_tipo_procedimento=int(id_tipo),
                    especificacao=visit.form.get("txtEspecificacao", "").strip(),
                    nivel_acesso=visit.form.get("selNivelAcesso", "0"),
                    id_hipotese_legal=legal_basis_of(visit),
                ),
                visit.now,
            )
    except InvalidInputError as e:
        return process_form(visit, session, f"{e.what}. {e.fix}", HTTPStatus.BAD_REQUEST)
    return go_to_process(process.id_protocolo)


def show_process(visit: Visit, session: Session) -> Response:
    """A process, its documents and its history, and what the person may do with them."""
    author = session.author
    with visit.environment.sei() as sei:
        process = find_process(sei, visit.query.get("id_procedimento", ""))
        if process is None or not may_read(sei, process, author.id_unidade):
            return process_not_found()
        return render(
            "processo",
            sessao=session,
            processo=process,
            nivel=ACCESS_LEVELS[process["sta_nivel_acesso_global"]],
            aberto=is_open(sei, process["id_protocolo"], author.id_unidade),
            documentos=list_documents(sei, process["id_protocolo"]),
            escolhido=visit.query.get("id_documento", ""),
            assinados=list_signed(sei, process["id_protocolo"], author.id_usuario),
            andamentos=list_history(sei, process["id_protocolo"]),
        )


def remove_process(visit: Visit, session: Session) -> Response:
    """Exclude a process that has no document."""
    with visit.environment.sei() as sei:
        process = find_process(sei, visit.query.get("id_procedimento", ""))
        if process is None or not may_read(sei, process, session.workplace.id_unidade):
            return process_not_found()
        exclude_process(sei, session.author, process)
    return RedirectResponse(CONTROL_PAGE, HTTPStatus.SEE_OTHER)


def search(visit: Visit, session: Session) -> Response:
    """Processes and documents by number or by words, among those that the unit may read."""
    asked = visit.form.get("q", "").strip()
    with visit.environment.sei() as sei:
        found = search_protocols(sei, asked, session.workplace.id_unidade)
    return render("pesquisa", sessao=session, procurado=asked, encontrados=found)


PROCESS_ACTIONS: Actions = {
    ("GET", "procedimento_controlar"): list_processes,
    ("GET", "procedimento_gerar"): process_form,
    ("POST", "procedimento_gerar"): start_process,
    ("GET", "procedimento_trabalhar"): show_process,
    ("POST", "procedimento_excluir"): remove_process,
    ("GET", "protocolo_pesquisar"): search,
    ("POST", "protocolo_pesquisar"): search,
    ("GET", "usuario_sistema_listar"): list_system_users,
}
