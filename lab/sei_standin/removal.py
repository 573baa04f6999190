"""Excluding a document, and a process that has none: only what the unit made itself and nobody else has used.

SEI's own rules are stricter in cases that the stand-in does not know, such as publications. [INF]
"""

from datetime import datetime

from pymysql.cursors import DictCursor

from domain.archive import attachment_path
from domain.errors import InvalidInputError
from lab.sei_standin.database import Argument, Row, fetch_all, fetch_one
from lab.sei_standin.documents import is_open, lock_protocol, settle_access_level
from lab.sei_standin.protocols import TASK_DOCUMENT_EXCLUDED, Author, add_history

_WHERE = "exclusão"


def exclude_document(sei: DictCursor, author: Author, document: Row, now: datetime) -> list[str]:
    """Remove a document from its process, whose history says so; returns the files that are then nobody's.

    The files are paths below the repository, for the caller to remove once the transaction has ended.

    Raises:
        InvalidInputError: another unit made it, the process is not open here, or somebody else signed it.
    """
    id_documento, id_procedimento = document["id_protocolo"], document["id_procedimento"]
    lock_protocol(sei, id_documento)
    if document["id_unidade_geradora"] != author.id_unidade:
        raise _refusal(f"O documento {document['protocolo_formatado']} é de outra unidade")
    if not is_open(sei, id_procedimento, author.id_unidade):
        raise _refusal("O processo não está aberto nesta unidade")
    if _has(sei, "assinatura", "id_documento = %s AND id_usuario <> %s", id_documento, author.id_usuario):
        raise _refusal(f"O documento {document['protocolo_formatado']} tem assinatura de outra pessoa")
    files = fetch_all(sei, "SELECT id_anexo, dth_inclusao FROM anexo WHERE id_protocolo = %s", (id_documento,))
    sei.execute("DELETE FROM assinatura WHERE id_documento = %s", (id_documento,))
    sei.execute("DELETE FROM anexo WHERE id_protocolo = %s", (id_documento,))
    sei.execute("DELETE FROM documento_conteudo WHERE id_documento = %s", (id_documento,))
    sei.execute("DELETE FROM rel_protocolo_protocolo WHERE id_protocolo_2 = %s", (id_documento,))
    sei.execute("DELETE FROM documento WHERE id_documento = %s", (id_documento,))
    _delete_protocol(sei, id_documento)
    settle_access_level(sei, id_procedimento)
    attributes = {"DOCUMENTO": (document["protocolo_formatado"], str(id_documento))}
    add_history(sei, author, id_procedimento, TASK_DOCUMENT_EXCLUDED, attributes, now)
    return [attachment_path(file["id_anexo"], file["dth_inclusao"]) for file in files]


def exclude_process(sei: DictCursor, author: Author, process: Row) -> None:
    """Remove a process as if it had never been; its number is not given again.

    Raises:
        InvalidInputError: it has documents, another unit made it, it was in another unit, or another names it.
    """
    id_protocolo = process["id_protocolo"]
    lock_protocol(sei, id_protocolo)
    if process["id_unidade_geradora"] != author.id_unidade:
        raise _refusal("O processo é de outra unidade")
    if _has(sei, "documento", "id_procedimento = %s", id_protocolo):
        raise _refusal("O processo tem documentos; exclua-os primeiro")
    if _has(sei, "atividade", "id_protocolo = %s AND id_unidade <> %s", id_protocolo, author.id_unidade):
        raise _refusal("O processo já tramitou")
    if _has(sei, "rel_protocolo_protocolo", "%s IN (id_protocolo_1, id_protocolo_2)", id_protocolo):
        raise _refusal("O processo está ligado a outro")
    sei.execute(
        "DELETE x FROM atributo_andamento x JOIN atividade a USING (id_atividade) WHERE a.id_protocolo = %s",
        (id_protocolo,),
    )
    sei.execute("DELETE FROM atividade WHERE id_protocolo = %s", (id_protocolo,))
    sei.execute("DELETE FROM procedimento WHERE id_procedimento = %s", (id_protocolo,))
    _delete_protocol(sei, id_protocolo)


def _delete_protocol(sei: DictCursor, id_protocolo: int) -> None:
    for table in ("participante", "observacao", "rel_protocolo_assunto", "protocolo"):
        sei.execute(f"DELETE FROM {table} WHERE id_protocolo = %s", (id_protocolo,))  # noqa: S608  # literals of ours


def _has(sei: DictCursor, table: str, condition: str, *values: Argument) -> bool:
    # A locking read sees what others have committed since this transaction began.
    query = f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1 FOR UPDATE"  # noqa: S608  # literals of ours
    return fetch_one(sei, query, values) is not None


def _refusal(why: str) -> InvalidInputError:
    return InvalidInputError(why, _WHERE, "Nada foi excluído.")
