"""SEI's web service: what each operation does once the caller is known."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pymysql.cursors import DictCursor

from domain.errors import InvalidInputError
from lab.sei_standin.availability import DOCUMENT_TYPES, PROCESS_TYPES, Catalog, list_types, list_units
from lab.sei_standin.database import Row, fetch_all, read_parameter
from lab.sei_standin.documents import NewDocument, Upload, create_document
from lab.sei_standin.environments import Environment
from lab.sei_standin.process_view import consult_document, consult_process, public_link
from lab.sei_standin.processes import NewProcess, create_process
from lab.sei_standin.protocols import Author, Interested
from lab.sei_standin.repository import Door, FileWriter, md5, repository, store_file
from lab.sei_standin.service_access import Service, recognise, require_grant
from lab.sei_standin.soap import Call, Content, optional_date, optional_int, require_int, structures_of, text_of

_DEFAULT_MAX_DOCUMENTS = 5


@dataclass(frozen=True)
class _Context:
    environment: Environment
    sei: DictCursor
    files: FileWriter
    service: Service
    call: Call
    now: datetime

    def author(self) -> Author:
        return Author(self.service.id_usuario, require_int(self.call.arguments, "IdUnidade"))


def answer(environment: Environment, call: Call, address: str, now: datetime) -> tuple[Service, Content]:
    """Do what a call asks; returns who called, and the content of the answer.

    Raises:
        InvalidInputError: the caller is not allowed, or what it sent is wrong.
    """
    settings = environment.configuration
    with repository(settings.sei.repository, settings.implanta, Door.SERVICE) as files, environment.sei() as sei:
        service = recognise(sei, call.text("SiglaSistema"), call.text("IdentificacaoServico"), address)
        context = _Context(environment, sei, files, service, call, now)
        return service, _OPERATIONS[call.operation.name](context)


def _list_units(context: _Context) -> Content:
    sei = context.sei
    rows = fetch_all(sei, "SELECT id_unidade, sigla, descricao FROM unidade WHERE sin_ativo = 'S' ORDER BY sigla")
    for part, catalog in (("IdTipoProcedimento", PROCESS_TYPES), ("IdSerie", DOCUMENT_TYPES)):
        if id_type := optional_int(context.call.arguments, part):
            allowed = list_units(sei, catalog, id_type)
            rows = [row for row in rows if row["id_unidade"] in allowed]
    return [{"IdUnidade": str(row["id_unidade"]), "Sigla": row["sigla"], "Descricao": row["descricao"]} for row in rows]


def _list_process_types(context: _Context) -> Content:
    rows = _list_for_unit(context, PROCESS_TYPES)
    return [{"IdTipoProcedimento": str(row["id"]), "Nome": row["nome"]} for row in rows]


def _list_series(context: _Context) -> Content:
    return [
        {"IdSerie": str(row["id"]), "Nome": row["nome"], "Aplicabilidade": row["sta_aplicabilidade"]}
        for row in _list_for_unit(context, DOCUMENT_TYPES)
    ]


def _list_for_unit(context: _Context, catalog: Catalog) -> list[Row]:
    # The other filter of these two operations (IdSerie, IdTipoProcedimento) narrows nothing: which pairs SEI would
    # leave out is not documented.
    id_unidade = optional_int(context.call.arguments, "IdUnidade")
    if id_unidade is not None:
        require_grant(context.sei, context.service, context.call.operation.name, id_unidade=id_unidade)
    return list_types(context.sei, catalog, id_unidade)


def _start_process(context: _Context) -> Content:
    call = context.call
    for part in ("ProcedimentosRelacionados", "UnidadesEnvio"):
        if call.arguments.get(part):
            raise _not_served(part)
    asked = call.structure("Procedimento")
    if text_of(asked, "NumeroProtocolo"):
        raise _not_served("NumeroProtocolo")
    author = context.author()
    id_tipo = require_int(asked, "IdTipoProcedimento")
    require_grant(
        context.sei, context.service, "gerarProcedimento", id_unidade=author.id_unidade, id_tipo_procedimento=id_tipo
    )
    documents = call.structures("Documentos")
    limit = int(read_parameter(context.sei, "SEI_WS_NUM_MAX_DOCS") or _DEFAULT_MAX_DOCUMENTS)
    if len(documents) > limit:
        raise InvalidInputError(
            f"{len(documents)} documentos numa só chamada", "Documentos", f"Envie no máximo {limit} por chamada."
        )
    process = create_process(
        context.sei,
        author,
        NewProcess(
            id_tipo_procedimento=id_tipo,
            especificacao=text_of(asked, "Especificacao"),
            nivel_acesso=text_of(asked, "NivelAcesso") or "0",
            id_hipotese_legal=optional_int(asked, "IdHipoteseLegal"),
            assuntos=[text_of(item, "CodigoEstruturado") for item in structures_of(asked, "Assuntos")],
            interessados=_people(asked),
            observacao=text_of(asked, "Observacao"),
            autuado_em=optional_date(asked, "DataAutuacao"),
        ),
        context.now,
    )
    included: list[Content] = [
        _include(context, author, {**item, "IdProcedimento": str(process.id_protocolo)}) for item in documents
    ]
    return {
        "IdProcedimento": str(process.id_protocolo),
        "ProcedimentoFormatado": process.number,
        "LinkAcesso": public_link(context.environment, process.id_protocolo),
        "RetornoInclusaoDocumentos": included,
    }


def _include_document(context: _Context) -> Content:
    return _include(context, context.author(), context.call.structure("Documento"))


def _include(context: _Context, author: Author, asked: Mapping[str, Content]) -> Mapping[str, Content]:
    for part in ("Destinatarios", "Campos", "Remetente"):
        if asked.get(part):
            raise _not_served(part)
    kind = text_of(asked, "Tipo")
    id_serie = require_int(asked, "IdSerie")
    require_grant(context.sei, context.service, "incluirDocumento", id_unidade=author.id_unidade, id_serie=id_serie)
    content = _decode(text_of(asked, "Conteudo"))
    id_anexo = optional_int(asked, "IdArquivo")
    upload = Upload(text_of(asked, "NomeArquivo"), content, id_anexo) if content or id_anexo else None
    document = create_document(
        context.sei,
        context.files,
        author,
        NewDocument(
            kind=kind,
            process=text_of(asked, "IdProcedimento") or text_of(asked, "ProtocoloProcedimento"),
            id_serie=id_serie,
            numero=text_of(asked, "Numero"),
            data=optional_date(asked, "Data"),
            descricao=text_of(asked, "Descricao"),
            nivel_acesso=text_of(asked, "NivelAcesso") or "0",
            id_hipotese_legal=optional_int(asked, "IdHipoteseLegal"),
            id_tipo_conferencia=optional_int(asked, "IdTipoConferencia"),
            interessados=_people(asked),
            html=_html(content) if kind == "G" else "",
            upload=upload if kind == "R" else None,
        ),
        context.now,
        context.environment.configuration.sei.document_digits,
    )
    return {
        "IdDocumento": str(document.id_protocolo),
        "DocumentoFormatado": document.number,
        "LinkAcesso": public_link(context.environment, document.id_procedimento, document.id_protocolo),
    }


def _consult_process(context: _Context) -> Content:
    author = context.author()
    require_grant(context.sei, context.service, "consultarProcedimento", id_unidade=author.id_unidade)
    return consult_process(context.environment, context.sei, context.call)


def _consult_document(context: _Context) -> Content:
    author = context.author()
    require_grant(context.sei, context.service, "consultarDocumento", id_unidade=author.id_unidade)
    return consult_document(context.environment, context.sei, context.call)


def _add_file(context: _Context) -> Content:
    author = context.author()
    require_grant(context.sei, context.service, "adicionarArquivo", id_unidade=author.id_unidade)
    content = _decode(context.call.text("Conteudo"))
    size = require_int(context.call.arguments, "Tamanho")
    if len(content) != size:
        raise InvalidInputError(
            f"Tamanho informado {size}, recebido {len(content)}", "Tamanho", "Envie o conteúdo inteiro numa chamada."
        )
    if md5(content) != context.call.text("Hash").lower():
        raise InvalidInputError("O hash informado não é o do conteúdo", "Hash", "Envie o MD5 do conteúdo.")
    id_anexo = store_file(
        context.sei, context.files, author, name=context.call.text("Nome"), content=content, now=context.now
    )
    return str(id_anexo)


_OPERATIONS: Mapping[str, Callable[[_Context], Content]] = {
    "listarUnidades": _list_units,
    "listarTiposProcedimento": _list_process_types,
    "listarSeries": _list_series,
    "gerarProcedimento": _start_process,
    "incluirDocumento": _include_document,
    "consultarProcedimento": _consult_process,
    "consultarDocumento": _consult_document,
    "adicionarArquivo": _add_file,
}


def _people(fields: Mapping[str, Content]) -> list[Interested]:
    return [Interested(text_of(item, "Sigla"), text_of(item, "Nome")) for item in structures_of(fields, "Interessados")]


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as e:  # binascii.Error is one; letters outside ASCII raise it plain
        raise InvalidInputError("O conteúdo não é base64", "Conteudo", "Codifique o conteúdo em base64.") from e


def _html(content: bytes) -> str:
    # Clients send the body in the service's own character set (`sei.md` 4.1).
    return content.decode("cp1252", errors="replace")


def _not_served(name: str) -> InvalidInputError:
    return InvalidInputError(f"O substituto do SEI no laboratório não atende {name}", name, "Deixe o parâmetro vazio.")
