"""The pages of documents: writing one, registering a file, signing, reading, excluding."""

import html
import mimetypes
import re
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote

from pymysql.cursors import DictCursor
from starlette.responses import FileResponse, HTMLResponse, Response

from domain.archive import attachment_path
from domain.errors import InvalidInputError
from lab.sei_standin.availability import DOCUMENT_TYPES, list_types
from lab.sei_standin.database import Row, fetch_one
from lab.sei_standin.documents import GENERATED, REGISTERED, SERVES, NewDocument, create_document, find_process
from lab.sei_standin.process_view import may_read
from lab.sei_standin.removal import exclude_document
from lab.sei_standin.rendering import (
    Action,
    Actions,
    Visit,
    access_choices,
    go_to_process,
    legal_basis_of,
    process_not_found,
    render,
    render_message,
)
from lab.sei_standin.repository import Door, repository
from lab.sei_standin.sessions import Session
from lab.sei_standin.sign_in import confirms_password
from lab.sei_standin.signatures import list_roles, require_signable, sign_document, signed_content

# What people write is shown in a page of its own that can run and load nothing.
_HARMLESS = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_TEMPLATES = {GENERATED: "documento_gerar", REGISTERED: "documento_receber"}


def _form_of(kind: str) -> Action:
    def show(visit: Visit, session: Session) -> Response:
        return _document_form(visit, session, kind)

    return show


def _document_form(
    visit: Visit, session: Session, kind: str, notice: str = "", status: HTTPStatus = HTTPStatus.OK
) -> Response:
    with visit.environment.sei() as sei:
        process = find_process(sei, visit.query.get("id_procedimento", ""))
        if process is None or not may_read(sei, process, session.workplace.id_unidade):
            return process_not_found()
        types = list_types(sei, DOCUMENT_TYPES, session.workplace.id_unidade)
        return render(
            _TEMPLATES[kind],
            status,
            sessao=session,
            aviso=notice,
            processo=process,
            tipos=[row for row in types if row["sta_aplicabilidade"] in SERVES[kind]],
            acesso=access_choices(sei),
            hoje=visit.now,
        )


def _creation_of(kind: str) -> Action:
    def create(visit: Visit, session: Session) -> Response:
        settings = visit.environment.configuration
        try:
            new = _asked_document(visit, kind)
            with (
                repository(settings.sei.repository, settings.implanta, Door.PAGES) as files,
                visit.environment.sei() as sei,
            ):
                document = create_document(sei, files, session.author, new, visit.now, settings.sei.document_digits)
        except InvalidInputError as e:
            return _document_form(visit, session, kind, f"{e.what}. {e.fix}", HTTPStatus.BAD_REQUEST)
        return go_to_process(document.id_procedimento, document.id_protocolo)

    return create


def _asked_document(visit: Visit, kind: str) -> NewDocument:
    id_serie = visit.form.get("selSerie", "")
    if not id_serie.isdigit():
        raise InvalidInputError("Tipo do documento não informado", "documento", "Escolha o tipo do documento.")
    new = NewDocument(
        kind=kind,
        process=visit.query.get("id_procedimento", ""),
        id_serie=int(id_serie),
        numero=visit.form.get("txtNumero", "").strip(),
        descricao=visit.form.get("txtDescricao", "").strip(),
        nivel_acesso=visit.form.get("selNivelAcesso", "0"),
        id_hipotese_legal=legal_basis_of(visit),
    )
    if kind == GENERATED:
        return replace(new, html=_paragraphs(visit.form.get("txaTexto", "")))
    if "filArquivo" not in visit.files:
        raise InvalidInputError("Arquivo não informado", "documento", "Escolha o arquivo do documento.")
    return replace(new, data=_day(visit.form.get("txtDataElaboracao", "")), upload=visit.files["filArquivo"])


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), "%d/%m/%Y")  # noqa: DTZ007  # a day has no zone
    except ValueError:
        raise InvalidInputError("Data do documento inválida", "documento", "Escreva a data como dd/mm/aaaa.") from None


def _paragraphs(text: str) -> str:
    parts = (part.strip() for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")))
    return "\n".join(f"<p>{html.escape(part)}</p>" for part in parts if part)


def _find_document(sei: DictCursor, visit: Visit, session: Session) -> Row | None:
    """The document that the address names, if the unit may read its process."""
    reference = visit.query.get("id_documento", "")
    document = fetch_one(
        sei,
        "SELECT p.*, d.id_procedimento, s.nome AS serie FROM protocolo p JOIN documento d ON d.id_documento ="
        " p.id_protocolo JOIN serie s USING (id_serie) WHERE p.id_protocolo = %s",
        (int(reference) if reference.isdigit() else None,),
    )
    if document is None:
        return None
    process = find_process(sei, str(document["id_procedimento"]))
    return document if process and may_read(sei, process, session.workplace.id_unidade) else None


def _not_found() -> Response:
    text = "Não existe, ou esta unidade não tem acesso a ele."
    return render_message("Documento não encontrado", text, HTTPStatus.NOT_FOUND)


def read_document(visit: Visit, session: Session) -> Response:
    """A generated document, and who signed it; of an external one, its file."""
    with visit.environment.sei() as sei:
        document = _find_document(sei, visit, session)
        if document is None:
            return _not_found()
        if document["sta_protocolo"] == REGISTERED:
            file = fetch_one(sei, "SELECT * FROM anexo WHERE id_protocolo = %s", (document["id_protocolo"],))
            return render("arquivo", sessao=session, documento=document, arquivo=file)
        content = signed_content(sei, document["id_protocolo"])
    return HTMLResponse(
        f'<!doctype html><meta charset="utf-8"><title>{document["protocolo_formatado"]}</title>\n{content}',
        headers={"Cache-Control": "no-store", "Content-Security-Policy": _HARMLESS},
    )


def download_file(visit: Visit, session: Session) -> Response:
    """The file of an external document, as it was sent."""
    root = visit.environment.configuration.sei.repository
    with visit.environment.sei() as sei:
        document = _find_document(sei, visit, session)
        file = document and fetch_one(
            sei, "SELECT * FROM anexo WHERE id_protocolo = %s AND sin_ativo = 'S'", (document["id_protocolo"],)
        )
    if not file:
        return _not_found()
    path = root / attachment_path(file["id_anexo"], file["dth_inclusao"])
    if not path.is_file():
        return render_message("Arquivo não encontrado", "O arquivo não está no repositório.", HTTPStatus.NOT_FOUND)
    return FileResponse(
        path,
        media_type=mimetypes.guess_type(file["nome"])[0] or "application/octet-stream",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file['nome'])}",
            "X-Content-Type-Options": "nosniff",
        },
    )


def signature_form(visit: Visit, session: Session, notice: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
    """The form that asks for the password of who signs."""
    with visit.environment.sei() as sei:
        document = _find_document(sei, visit, session)
        if document is None:
            return _not_found()
        roles = list_roles(sei, session.workplace.id_unidade)
    return render("assinar", status, sessao=session, aviso=notice, documento=document, cargos=roles)


def sign(visit: Visit, session: Session) -> Response:
    """Sign a document, once the directory has taken the password again."""
    with visit.environment.sei() as sei:
        document = _find_document(sei, visit, session)
        if document is None:
            return _not_found()
        try:
            require_signable(sei, document, session.author)
        except InvalidInputError as e:
            return signature_form(visit, session, f"{e.what}. {e.fix}", HTTPStatus.BAD_REQUEST)
    if not confirms_password(visit.environment, session.person, visit.form.get("pwdSenha", "")):
        return signature_form(visit, session, "Senha inválida. Digite a sua senha de novo.", HTTPStatus.FORBIDDEN)
    try:
        with visit.environment.sei() as sei:
            role = visit.form.get("selCargoFuncao", "")
            sign_document(sei, session.author, session.person, document, role, visit.now)
    except InvalidInputError as e:
        return signature_form(visit, session, f"{e.what}. {e.fix}", HTTPStatus.BAD_REQUEST)
    return go_to_process(document["id_procedimento"], document["id_protocolo"])


def remove_document(visit: Visit, session: Session) -> Response:
    """Exclude a document; its file goes once the database has let it go."""
    root = visit.environment.configuration.sei.repository
    with visit.environment.sei() as sei:
        document = _find_document(sei, visit, session)
        if document is None:
            return _not_found()
        files = exclude_document(sei, session.author, document, visit.now)
    for file in files:
        (root / file).unlink(missing_ok=True)
    return go_to_process(document["id_procedimento"])


DOCUMENT_ACTIONS: Actions = {
    ("GET", "documento_gerar"): _form_of(GENERATED),
    ("POST", "documento_gerar"): _creation_of(GENERATED),
    ("GET", "documento_receber"): _form_of(REGISTERED),
    ("POST", "documento_receber"): _creation_of(REGISTERED),
    ("GET", "documento_visualizar"): read_document,
    ("GET", "documento_download_anexo"): download_file,
    ("GET", "documento_assinar"): signature_form,
    ("POST", "documento_assinar"): sign,
    ("POST", "documento_excluir"): remove_document,
}
