"""Signing a document with the password: the history's entry, and the signature that hangs on it."""

from datetime import datetime

from pymysql.cursors import DictCursor

from domain.errors import IntegrityError, InvalidInputError
from lab.sei_standin.database import fetch_one, insert, next_id
from lab.sei_standin.protocols import Author, add_history

TASK_DOCUMENT_SIGNED = 5
_BY_PASSWORD = "S"  # noqa: S105  # assinatura.sta_forma_autenticacao and tarja_assinatura.sta_tarja_assinatura
_GENERATED = "G"


def sign_document(sei: DictCursor, author: Author, id_documento: int, role: str, now: datetime) -> int:
    """Sign a generated document of the author's unit as somebody of a role; returns the id of the signature.

    The password was checked before. A first signature is all there is here: SEI also counts versions and blocks them.

    Raises:
        InvalidInputError: there is no such document in the unit, or the person has signed it already.
    """
    document = fetch_one(
        sei,
        "SELECT p.protocolo_formatado, d.id_procedimento FROM protocolo p"
        " JOIN documento d ON d.id_documento = p.id_protocolo"
        " WHERE p.id_protocolo = %s AND p.sta_protocolo = %s AND d.id_unidade_responsavel = %s",
        (id_documento, _GENERATED, author.id_unidade),
    )
    person = fetch_one(
        sei,
        "SELECT u.nome, c.cpf FROM usuario u JOIN contato c USING (id_contato) WHERE u.id_usuario = %s",
        (author.id_usuario,),
    )
    if document is None or person is None:
        raise InvalidInputError(
            f"O documento {id_documento} não é desta unidade", "assinatura", "Assine um documento gerado na unidade."
        )
    if fetch_one(
        sei,
        "SELECT 1 FROM assinatura WHERE id_documento = %s AND id_usuario = %s",
        (id_documento, author.id_usuario),
    ):
        raise InvalidInputError("O documento já foi assinado por esta pessoa", "assinatura", "Nada falta fazer.")
    mark = fetch_one(
        sei,
        "SELECT MIN(id_tarja_assinatura) AS id FROM tarja_assinatura"
        " WHERE sta_tarja_assinatura = %s AND sin_ativo = 'S'",
        (_BY_PASSWORD,),
    )
    if mark is None or mark["id"] is None:
        raise IntegrityError("Não há tarja de assinatura com senha", "tarja_assinatura", "Compare com a referência.")
    id_atividade = add_history(
        sei,
        author,
        document["id_procedimento"],
        TASK_DOCUMENT_SIGNED,
        {
            "DOCUMENTO": (document["protocolo_formatado"], str(id_documento)),
            "USUARIO": (person["nome"], str(author.id_usuario)),
        },
        now,
    )
    id_assinatura = next_id(sei, "assinatura")
    insert(
        sei,
        "assinatura",
        [
            {
                "id_assinatura": id_assinatura,
                "id_documento": id_documento,
                "id_usuario": author.id_usuario,
                "id_unidade": author.id_unidade,
                "nome": person["nome"],
                "tratamento": role,
                "cpf": person["cpf"],
                "id_atividade": id_atividade,
                "sta_forma_autenticacao": _BY_PASSWORD,
                "sin_ativo": "S",
                "id_tarja_assinatura": mark["id"],
            }
        ],
    )
    return id_assinatura
