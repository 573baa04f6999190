"""Putting a document into a process: generated in the system (G) or registered from a file (R)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pymysql.cursors import DictCursor

from domain.errors import InvalidInputError
from domain.text import fits
from lab.sei_standin.availability import DOCUMENT_TYPES, find_type
from lab.sei_standin.database import Row, fetch_all, fetch_one, insert, next_id
from lab.sei_standin.permissions import midnight
from lab.sei_standin.protocols import (
    ACCESS_LEVELS,
    TASK_DOCUMENT_GENERATED,
    TASK_DOCUMENT_REGISTERED,
    Author,
    Interested,
    NewProtocol,
    Protocol,
    add_history,
    insert_participants,
    insert_protocol,
    require_access_level,
)
from lab.sei_standin.repository import FileWriter, store_file

GENERATED = "G"
REGISTERED = "R"
# serie.sta_aplicabilidade: T serves both kinds (`sei.md` 2.5).
SERVES = {GENERATED: ("I", "T"), REGISTERED: ("E", "T")}
_NUMBERED_BY_HAND = "I"  # serie.sta_numeracao
_NOT_NUMBERED = "S"
_PER_UNIT = {"1", "3"}
_PER_YEAR = {"3", "4"}
_NORMAL_DOCUMENT = "1"  # rel_protocolo_protocolo.sta_associacao
_MAX_NUMBER_LENGTH = 50
_MAX_DESCRIPTION_LENGTH = 250


@dataclass(frozen=True)
class Upload:
    """A file sent with the document, or one that was sent before (`id_anexo`)."""

    name: str
    content: bytes
    id_anexo: int | None = None


@dataclass(frozen=True)
class NewDocument:
    """What a person or a system asks for; `html` for a generated document, `upload` for a registered one."""

    kind: str
    process: str
    id_serie: int
    numero: str = ""
    data: datetime | None = None
    descricao: str = ""
    nivel_acesso: str = "0"
    id_hipotese_legal: int | None = None
    id_tipo_conferencia: int | None = None
    interessados: Sequence[Interested] = ()
    html: str = ""
    upload: Upload | None = None


def find_process(sei: DictCursor, reference: str) -> Row | None:
    """A process by its id or by its number, formatted or bare."""
    return fetch_one(
        sei,
        "SELECT p.*, q.id_tipo_procedimento, t.nome AS tipo FROM protocolo p"
        " JOIN procedimento q ON q.id_procedimento = p.id_protocolo"
        " JOIN tipo_procedimento t USING (id_tipo_procedimento)"
        " WHERE p.id_protocolo = %s OR p.protocolo_formatado_pesquisa = %s",
        (
            int(reference) if reference.isdigit() and len(reference) < len("18446744073709551615") else None,
            "".join(filter(str.isalnum, reference)),
        ),
    )


def create_document(
    sei: DictCursor, writer: FileWriter, author: Author, new: NewDocument, now: datetime, number_digits: int
) -> Protocol:
    """Write a document into a process that is open in the author's unit.

    Raises:
        InvalidInputError: the process, document type, access level or file does not allow it.
    """
    process = require_open_process(sei, new.process, author.id_unidade)
    serie = _require_serie(sei, new, author.id_unidade)
    require_access_level(sei, new.nivel_acesso, new.id_hipotese_legal, process["id_tipo_procedimento"])
    if new.kind == REGISTERED and new.data is None:
        raise InvalidInputError("Data do documento externo não informada", "documento", "Informe a data (dd/mm/aaaa).")
    number = str(next_id(sei, "documento")).zfill(number_digits)
    id_documento = insert_protocol(
        sei,
        author,
        NewProtocol(
            number=number,
            kind=new.kind,
            description=fits(new.descricao, _MAX_DESCRIPTION_LENGTH, "descrição", "novo documento"),
            nivel_acesso=new.nivel_acesso,
            id_hipotese_legal=new.id_hipotese_legal,
            generated_at=midnight(new.data or now),
            id_procedimento=process["id_protocolo"],
        ),
        now,
    )
    insert(
        sei,
        "documento",
        [
            {
                "id_documento": id_documento,
                "numero": _next_document_number(sei, serie, new.numero, author, now.year),
                "id_unidade_responsavel": author.id_unidade,
                "id_serie": new.id_serie,
                "id_procedimento": process["id_protocolo"],
                "sin_bloqueado": "N",
                "id_conjunto_estilos": _current_styles(sei) if new.kind == GENERATED else None,
                "id_tipo_conferencia": new.id_tipo_conferencia,
                "sta_documento": "I" if new.kind == GENERATED else "X",
                "sin_arquivamento": "N",
                "sin_versoes": "S" if new.kind == GENERATED else "N",
                "sta_editor": "1" if new.kind == GENERATED else "0",
            }
        ],
    )
    insert(sei, "documento_conteudo", [{"id_documento": id_documento, "conteudo": new.html or None}])
    _link(sei, author, process["id_protocolo"], id_documento, now)
    if new.kind == REGISTERED:
        _attach(sei, writer, author, new.upload, id_documento, now)
    insert_participants(sei, author, id_documento, new.interessados, now)
    settle_access_level(sei, process["id_protocolo"])
    add_history(
        sei,
        author,
        process["id_protocolo"],
        TASK_DOCUMENT_GENERATED if new.kind == GENERATED else TASK_DOCUMENT_REGISTERED,
        {
            "DOCUMENTO": (number, str(id_documento)),
            "NIVEL_ACESSO": (ACCESS_LEVELS[new.nivel_acesso], new.nivel_acesso),
        },
        now,
    )
    return Protocol(id_documento, process["id_protocolo"], number)


def lock_protocol(sei: DictCursor, id_protocolo: int) -> None:
    """Let nobody else change a process or document until this transaction ends.

    Raises:
        InvalidInputError: it is gone.
    """
    if fetch_one(sei, "SELECT 1 FROM protocolo WHERE id_protocolo = %s FOR UPDATE", (id_protocolo,)) is None:
        raise InvalidInputError("Já não existe", f"protocolo {id_protocolo}", "Abra o processo de novo.")


def is_open(sei: DictCursor, id_procedimento: int, id_unidade: int) -> bool:
    """Whether a process is open in a unit."""
    row = fetch_one(
        sei,
        "SELECT 1 FROM atividade WHERE id_protocolo = %s AND id_unidade = %s AND dth_conclusao IS NULL LIMIT 1",
        (id_procedimento, id_unidade),
    )
    return row is not None


def require_open_process(sei: DictCursor, reference: str, id_unidade: int) -> Row:
    """A process that is open in a unit.

    Raises:
        InvalidInputError: there is none, or it is not open there.
    """
    process = find_process(sei, reference)
    if process is None:
        raise InvalidInputError(f"Processo {reference} não encontrado", "documento", "Confira o número do processo.")
    if not is_open(sei, process["id_protocolo"], id_unidade):
        raise InvalidInputError(
            f"O processo {process['protocolo_formatado']} não está aberto na unidade {id_unidade}",
            "documento",
            "Receba ou reabra o processo na unidade.",
        )
    return process


def _require_serie(sei: DictCursor, new: NewDocument, id_unidade: int) -> Row:
    if new.kind not in SERVES:
        raise InvalidInputError(f"Tipo de documento {new.kind!r} inválido", "Tipo", "Use G (gerado) ou R (recebido).")
    row = find_type(sei, DOCUMENT_TYPES, new.id_serie, id_unidade)
    if row is None or row["sta_aplicabilidade"] not in SERVES[new.kind]:
        raise InvalidInputError(
            f"O tipo de documento {new.id_serie} não serve a documentos {new.kind} da unidade {id_unidade}",
            "IdSerie",
            "Escolha um dos tipos que listarSeries devolve para a unidade.",
        )
    return row


def _next_document_number(sei: DictCursor, serie: Row, informed: str, author: Author, year: int) -> str | None:
    rule = serie["sta_numeracao"]
    if rule == _NUMBERED_BY_HAND:
        return fits(informed, _MAX_NUMBER_LENGTH, "número", "novo documento") or None
    if rule == _NOT_NUMBERED:
        return None
    unit = fetch_one(sei, "SELECT id_orgao FROM unidade WHERE id_unidade = %s", (author.id_unidade,))
    id_unidade = author.id_unidade if rule in _PER_UNIT else None
    id_orgao = unit["id_orgao"] if unit and id_unidade is None else None
    ano = year if rule in _PER_YEAR else None
    row = fetch_one(
        sei,
        "SELECT id_numeracao, sequencial FROM numeracao WHERE id_serie = %s AND ano <=> %s AND id_orgao <=> %s"
        " AND id_unidade <=> %s FOR UPDATE",
        (serie["id"], ano, id_orgao, id_unidade),
    )
    sequence = int(row["sequencial"]) + 1 if row else 1
    if row:
        sei.execute("UPDATE numeracao SET sequencial = %s WHERE id_numeracao = %s", (sequence, row["id_numeracao"]))
    else:
        insert(
            sei,
            "numeracao",
            [
                {
                    "id_numeracao": next_id(sei, "numeracao"),
                    "sequencial": sequence,
                    "ano": ano,
                    "id_serie": serie["id"],
                    "id_orgao": id_orgao,
                    "id_unidade": id_unidade,
                }
            ],
        )
    return f"{sequence}/{ano}" if ano else str(sequence)


def _current_styles(sei: DictCursor) -> int | None:
    row = fetch_one(sei, "SELECT id_conjunto_estilos FROM conjunto_estilos WHERE sin_ultimo = 'S' LIMIT 1")
    return int(row["id_conjunto_estilos"]) if row else None


def _link(sei: DictCursor, author: Author, id_procedimento: int, id_documento: int, now: datetime) -> None:
    row = fetch_one(
        sei,
        "SELECT COALESCE(MAX(sequencia) + 1, 0) AS proxima FROM rel_protocolo_protocolo WHERE id_protocolo_1 = %s",
        (id_procedimento,),
    )
    insert(
        sei,
        "rel_protocolo_protocolo",
        [
            {
                "id_rel_protocolo_protocolo": next_id(sei, "rel_protocolo_protocolo"),
                "id_protocolo_1": id_procedimento,
                "id_protocolo_2": id_documento,
                "id_usuario": author.id_usuario,
                "id_unidade": author.id_unidade,
                "sta_associacao": _NORMAL_DOCUMENT,
                "dth_associacao": now,
                "sequencia": row["proxima"] if row else 0,
                "sin_ciencia": "N",
            }
        ],
    )


def _attach(
    sei: DictCursor, writer: FileWriter, author: Author, upload: Upload | None, id_documento: int, now: datetime
) -> None:
    if upload is None:
        raise InvalidInputError(
            "Documento externo sem arquivo", "documento", "Envie NomeArquivo e Conteudo, ou IdArquivo."
        )
    if upload.id_anexo is None:
        store_file(sei, writer, author, name=upload.name, content=upload.content, now=now, id_protocolo=id_documento)
        return
    sei.execute(
        "UPDATE anexo SET id_protocolo = %s WHERE id_anexo = %s AND id_protocolo IS NULL AND id_unidade = %s"
        " AND id_base_conhecimento IS NULL AND id_projeto IS NULL",
        (id_documento, upload.id_anexo, author.id_unidade),
    )
    if sei.rowcount != 1:
        raise InvalidInputError(
            f"O arquivo {upload.id_anexo} não existe, é de outra unidade ou já foi usado",
            "IdArquivo",
            "Envie o arquivo de novo com adicionarArquivo.",
        )


def settle_access_level(sei: DictCursor, id_procedimento: int) -> None:
    """Give a process and its documents their common level: that of the most closed among them."""
    documents = fetch_all(sei, "SELECT id_documento FROM documento WHERE id_procedimento = %s", (id_procedimento,))
    ids = (id_procedimento, *(int(row["id_documento"]) for row in documents))
    row = fetch_one(sei, "SELECT MAX(sta_nivel_acesso_local) AS nivel FROM protocolo WHERE id_protocolo IN %s", (ids,))
    level = row["nivel"] if row else "0"
    sei.execute("UPDATE protocolo SET sta_nivel_acesso_global = %s WHERE id_protocolo IN %s", (level, ids))
