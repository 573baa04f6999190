"""What processes and documents share: the protocol row, access levels, interested people and the history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pymysql.cursors import DictCursor

from domain.errors import IntegrityError, InvalidInputError
from domain.text import fits, search_text
from lab.sei_standin.database import Value, fetch_one, insert, next_id, read_parameter, require_parameter
from lab.sei_standin.permissions import midnight

# Rows of `tarefa` in every reference database.
TASK_PROCESS_STARTED = 1
TASK_DOCUMENT_GENERATED = 2
TASK_DOCUMENT_SIGNED = 5
TASK_DOCUMENT_REGISTERED = 13
TASK_DOCUMENT_EXCLUDED = 33

ACCESS_LEVELS: Mapping[str, str] = {"0": "público", "1": "restrito", "2": "sigiloso"}
_INTERESTED = "I"  # participante.sta_participacao [INF]
_MAX_NAME_LENGTH = 250  # contato.nome
_MAX_SIGLA_LENGTH = 100  # contato.sigla
_LEGAL_BASIS_MANDATORY = "2"  # SEI_HABILITAR_HIPOTESE_LEGAL


@dataclass(frozen=True)
class Author:
    """Who acts, and in which unit."""

    id_usuario: int
    id_unidade: int


@dataclass(frozen=True)
class Interested:
    """A person or body with an interest in the process."""

    sigla: str
    nome: str


@dataclass(frozen=True)
class Protocol:
    """A process, or a document in its process, that was just written."""

    id_protocolo: int
    id_procedimento: int
    number: str


@dataclass(frozen=True)
class NewProtocol:
    """The part that processes and documents share; `id_procedimento` is the process of a document."""

    number: str
    kind: str
    description: str
    nivel_acesso: str
    id_hipotese_legal: int | None
    generated_at: datetime
    id_procedimento: int | None = None


def require_access_level(sei: DictCursor, level: str, id_hipotese: int | None, id_tipo: int) -> None:
    """Check an access level, and the legal basis that a restricted one needs.

    Raises:
        InvalidInputError: the type does not allow the level, or the legal basis is missing or of another level.
    """
    if level not in ACCESS_LEVELS:
        raise InvalidInputError(f"Nível de acesso {level!r} inválido", "nível de acesso", "Use 0, 1 ou 2.")
    allowed = fetch_one(
        sei,
        "SELECT 1 FROM nivel_acesso_permitido WHERE id_tipo_procedimento = %s AND sta_nivel_acesso = %s",
        (id_tipo, level),
    )
    if allowed is None:
        raise InvalidInputError(
            f"O tipo de processo {id_tipo} não permite o nível {ACCESS_LEVELS[level]}",
            "nível de acesso",
            "Escolha outro nível ou permita este na administração do tipo.",
        )
    if level == "0":
        return
    if id_hipotese is None:
        if read_parameter(sei, "SEI_HABILITAR_HIPOTESE_LEGAL") == _LEGAL_BASIS_MANDATORY:
            raise InvalidInputError(
                "Hipótese legal não informada", "nível de acesso", "Informe a hipótese legal do sigilo."
            )
        return
    basis = fetch_one(
        sei,
        "SELECT 1 FROM hipotese_legal WHERE id_hipotese_legal = %s AND sta_nivel_acesso = %s AND sin_ativo = 'S'",
        (id_hipotese, level),
    )
    if basis is None:
        raise InvalidInputError(
            f"A hipótese legal {id_hipotese} não serve ao nível {ACCESS_LEVELS[level]}",
            "nível de acesso",
            "Escolha uma hipótese legal ativa desse nível.",
        )


def insert_protocol(sei: DictCursor, author: Author, new: NewProtocol, now: datetime) -> int:
    """Write the row that processes and documents share; returns its id."""
    id_protocolo = next_id(sei, "protocolo")
    digits = "".join(filter(str.isalnum, new.number))
    insert(
        sei,
        "protocolo",
        [
            {
                "id_protocolo": id_protocolo,
                "id_unidade_geradora": author.id_unidade,
                "id_usuario_gerador": author.id_usuario,
                "protocolo_formatado": new.number,
                "sta_protocolo": new.kind,
                "id_protocolo_agrupador": new.id_procedimento or id_protocolo,
                "dta_geracao": new.generated_at,
                "sta_estado": "0",
                "descricao": new.description or None,
                "sta_nivel_acesso_local": new.nivel_acesso,
                "sta_nivel_acesso_global": new.nivel_acesso,
                "protocolo_formatado_pesquisa": digits,
                "id_hipotese_legal": new.id_hipotese_legal,
                "protocolo_formatado_pesq_inv": digits[::-1],
                "dta_inclusao": midnight(now),
                "sin_eliminado": "N",
            }
        ],
    )
    return id_protocolo


def insert_participants(
    sei: DictCursor, author: Author, id_protocolo: int, people: Sequence[Interested], now: datetime
) -> None:
    """Link interested people, who become temporary contacts where the address book does not know them."""
    for sequence, person in enumerate(people):
        sigla = fits(person.sigla, _MAX_SIGLA_LENGTH, "sigla", "interessado")
        nome = fits(person.nome, _MAX_NAME_LENGTH, "nome", "interessado")
        known = fetch_one(
            sei,
            "SELECT MIN(id_contato) AS id_contato FROM contato WHERE nome = %s AND COALESCE(sigla, '') = %s"
            " AND sin_ativo = 'S'",
            (nome, sigla),
        )
        id_contato = known["id_contato"] if known else None
        if id_contato is None:
            id_contato = next_id(sei, "contato")
            insert(
                sei,
                "contato",
                [
                    {
                        "id_contato": id_contato,
                        "nome": nome,
                        "sigla": sigla or None,
                        "idx_contato": search_text(sigla, nome),
                        "sin_ativo": "S",
                        "id_unidade_cadastro": author.id_unidade,
                        "id_usuario_cadastro": author.id_usuario,
                        "dth_cadastro": now,
                        "sta_natureza": "F",
                        "sin_endereco_associado": "N",
                        "id_contato_associado": id_contato,
                        "id_tipo_contato": require_parameter(sei, "ID_TIPO_CONTATO_TEMPORARIO"),
                    }
                ],
            )
        insert(
            sei,
            "participante",
            [
                {
                    "id_participante": next_id(sei, "participante"),
                    "id_protocolo": id_protocolo,
                    "id_contato": id_contato,
                    "id_unidade": author.id_unidade,
                    "sta_participacao": _INTERESTED,
                    "sequencia": sequence,
                }
            ],
        )


def add_history(
    sei: DictCursor,
    author: Author,
    id_procedimento: int,
    id_tarefa: int,
    attributes: Mapping[str, tuple[str, str | None]],
    now: datetime,
    *,
    first: bool = False,
) -> int:
    """Write an entry of a process's history, as its `tarefa` row says; returns the id of the `atividade`.

    The open entry of a unit is what shows the process there, so `tarefa` decides whether the new one replaces it.
    `attributes` gives the values (text, id of what it names) that the task's text mentions.
    """
    task = fetch_one(
        sei,
        "SELECT sin_fechar_andamentos_abertos, sin_lancar_andamento_fechado FROM tarefa WHERE id_tarefa = %s",
        (id_tarefa,),
    )
    if task is None:
        raise IntegrityError(f"Tarefa {id_tarefa} não existe", "tarefa", "Compare o banco com a referência.")
    if task["sin_fechar_andamentos_abertos"] == "S":
        sei.execute(
            "UPDATE atividade SET dth_conclusao = %s, id_usuario_conclusao = %s"
            " WHERE id_protocolo = %s AND id_unidade = %s AND dth_conclusao IS NULL",
            (now, author.id_usuario, id_procedimento, author.id_unidade),
        )
    closed = task["sin_lancar_andamento_fechado"] == "S"
    id_atividade = next_id(sei, "atividade")
    entry: dict[str, Value] = {
        "id_atividade": id_atividade,
        "id_protocolo": id_procedimento,
        "id_unidade": author.id_unidade,
        "dth_abertura": now,
        "dth_conclusao": now if closed else None,
        "id_tarefa": id_tarefa,
        "id_unidade_origem": author.id_unidade,
        "id_usuario_conclusao": author.id_usuario if closed else None,
        "sin_inicial": "S" if first else "N",
        "tipo_visualizacao": 0,
        "id_usuario_origem": author.id_usuario,
    }
    insert(sei, "atividade", [entry])
    insert(
        sei,
        "atributo_andamento",
        [
            {
                "id_atributo_andamento": next_id(sei, "atributo_andamento"),
                "id_atividade": id_atividade,
                "nome": name,
                "valor": value,
                "id_origem": origin,
            }
            for name, (value, origin) in attributes.items()
        ],
    )
    return id_atividade
