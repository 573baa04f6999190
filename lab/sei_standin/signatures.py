"""Signing a generated document with one's password, and showing who signed."""

import html
import re
import zlib
from collections.abc import Mapping
from datetime import datetime

from pymysql.cursors import DictCursor

from domain.errors import IntegrityError, InvalidInputError
from lab.sei_standin.database import Row, fetch_all, fetch_one, insert, next_id
from lab.sei_standin.documents import GENERATED, lock_protocol, require_open_process
from lab.sei_standin.protocols import TASK_DOCUMENT_SIGNED, Author, add_history
from lab.sei_standin.sign_in import SignedIn

_SENHA = "S"  # both assinatura.sta_forma_autenticacao and tarja_assinatura.sta_tarja_assinatura
_VARIABLE = re.compile(r"@([a-z_]+)@")


def list_roles(sei: DictCursor, id_unidade: int) -> list[Row]:
    """The roles in which one may sign in a unit: those linked to it, and those of its órgão linked to none."""
    return fetch_all(
        sei,
        "SELECT a.id_assinante, a.cargo_funcao FROM assinante a JOIN unidade u USING (id_orgao)"
        " LEFT JOIN rel_assinante_unidade r USING (id_assinante)"
        " WHERE u.id_unidade = %s AND (r.id_unidade IS NULL OR r.id_unidade = u.id_unidade) ORDER BY a.cargo_funcao",
        (id_unidade,),
    )


def list_signed(sei: DictCursor, id_procedimento: int, id_usuario: int) -> set[int]:
    """The documents of a process that a person has signed."""
    rows = fetch_all(
        sei,
        "SELECT s.id_documento FROM assinatura s JOIN documento d USING (id_documento)"
        " WHERE d.id_procedimento = %s AND s.id_usuario = %s",
        (id_procedimento, id_usuario),
    )
    return {int(row["id_documento"]) for row in rows}


def require_signable(sei: DictCursor, document: Row, author: Author) -> None:
    """Refuse a document that this person cannot sign here.

    Raises:
        InvalidInputError: it was not generated here, its process is not open here, or the person signed it already.
    """
    number = document["protocolo_formatado"]
    if document["sta_protocolo"] != GENERATED:
        raise InvalidInputError(
            f"O documento {number} é externo", "assinatura", "Só se assinam documentos escritos no SEI."
        )
    if document["id_unidade_geradora"] != author.id_unidade:
        raise InvalidInputError(
            f"O documento {number} é de outra unidade", "assinatura", "Peça-o em um bloco de assinatura."
        )
    require_open_process(sei, str(document["id_procedimento"]), author.id_unidade)
    signed = fetch_one(
        sei,
        "SELECT 1 FROM assinatura WHERE id_documento = %s AND id_usuario = %s",
        (document["id_protocolo"], author.id_usuario),
    )
    if signed is not None:
        raise InvalidInputError(f"Você já assinou o documento {number}", "assinatura", "Nada mais há a fazer.")


def sign_document(
    sei: DictCursor, author: Author, person: SignedIn, document: Row, id_assinante: str, now: datetime
) -> None:
    """Write the signature of a person whose password was just checked; from the first one on the content stays.

    The QR code that SEI draws beside the signature is left out.

    Raises:
        InvalidInputError: the document cannot be signed here, or the role is not one of the unit's.
        IntegrityError: the database has no text for signatures by password.
    """
    lock_protocol(sei, document["id_protocolo"])
    require_signable(sei, document, author)
    role = next((r for r in list_roles(sei, author.id_unidade) if str(r["id_assinante"]) == id_assinante), None)
    if role is None:
        raise InvalidInputError("Cargo ou função não informado", "assinatura", "Escolha um dos cargos da unidade.")
    stamp = fetch_one(
        sei,
        "SELECT MIN(id_tarja_assinatura) AS id FROM tarja_assinatura"
        " WHERE sta_tarja_assinatura = %s AND sin_ativo = 'S'",
        (_SENHA,),
    )
    if stamp is None or stamp["id"] is None:
        raise IntegrityError("Não há tarja de assinatura com senha", "tarja_assinatura", "Ative uma tarja no SEI.")
    id_documento = document["id_protocolo"]
    _freeze(sei, id_documento)
    attributes = {
        "DOCUMENTO": (document["protocolo_formatado"], str(id_documento)),
        "USUARIO": (person.sigla, str(person.id_usuario)),
    }
    id_atividade = add_history(sei, author, document["id_procedimento"], TASK_DOCUMENT_SIGNED, attributes, now)
    insert(
        sei,
        "assinatura",
        [
            {
                "id_assinatura": next_id(sei, "assinatura"),
                "id_documento": id_documento,
                "id_usuario": author.id_usuario,
                "id_unidade": author.id_unidade,
                "nome": person.nome,
                "tratamento": role["cargo_funcao"],
                "id_atividade": id_atividade,
                "sta_forma_autenticacao": _SENHA,
                "sin_ativo": "S",
                "id_tarja_assinatura": stamp["id"],
            }
        ],
    )


def _freeze(sei: DictCursor, id_documento: int) -> None:
    row = fetch_one(
        sei,
        "SELECT conteudo, conteudo_assinatura FROM documento_conteudo WHERE id_documento = %s FOR UPDATE",
        (id_documento,),
    )
    if row is None or not row["conteudo"]:
        raise InvalidInputError("O documento está em branco", "assinatura", "Escreva o documento antes de assinar.")
    if row["conteudo_assinatura"] is None:
        content = row["conteudo"]
        sei.execute(
            "UPDATE documento_conteudo SET conteudo_assinatura = %s, crc_assinatura = %s WHERE id_documento = %s",
            (content, f"{zlib.crc32(content.encode('cp1252')):08X}", id_documento),
        )


def signed_content(sei: DictCursor, id_documento: int) -> str:
    """A generated document as its readers see it: the text, as it was signed, and a stamp for each signature."""
    row = fetch_one(
        sei,
        "SELECT COALESCE(conteudo_assinatura, conteudo, '') AS texto FROM documento_conteudo WHERE id_documento = %s",
        (id_documento,),
    )
    signatures = fetch_all(
        sei,
        "SELECT s.nome, s.tratamento, t.texto, a.dth_abertura FROM assinatura s"
        " JOIN tarja_assinatura t USING (id_tarja_assinatura) JOIN atividade a USING (id_atividade)"
        " WHERE s.id_documento = %s AND s.sin_ativo = 'S' ORDER BY s.id_assinatura",
        (id_documento,),
    )
    return "\n".join([row["texto"] if row else "", *(_stamp(signature) for signature in signatures)])


def _stamp(signature: Row) -> str:
    values: Mapping[str, str] = {
        "nome_assinante": signature["nome"],
        "tratamento_assinante": signature["tratamento"],
        "data_assinatura": f"{signature['dth_abertura']:%d/%m/%Y}",
        "hora_assinatura": f"{signature['dth_abertura']:%H:%M}",
    }
    return _VARIABLE.sub(lambda match: html.escape(values.get(match[1], "")), signature["texto"])
