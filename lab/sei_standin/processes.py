"""Starting a process: its number, its subjects, its people and its first history entry, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pymysql.cursors import DictCursor

from domain.errors import IntegrityError, InvalidInputError
from domain.process_number import Codes, NumberMask
from domain.text import fits, search_text
from lab.sei_standin.availability import PROCESS_TYPES, find_type
from lab.sei_standin.database import fetch_all, fetch_one, insert, next_id, next_yearly_number
from lab.sei_standin.permissions import midnight
from lab.sei_standin.protocols import (
    ACCESS_LEVELS,
    TASK_PROCESS_STARTED,
    Author,
    Interested,
    NewProtocol,
    Protocol,
    add_history,
    insert_participants,
    insert_protocol,
    require_access_level,
)

_MAX_DESCRIPTION_LENGTH = 250


@dataclass(frozen=True)
class NewProcess:
    """What a person or a system asks for."""

    id_tipo_procedimento: int
    especificacao: str
    nivel_acesso: str
    id_hipotese_legal: int | None = None
    assuntos: Sequence[str] = ()
    interessados: Sequence[Interested] = ()
    observacao: str = ""
    autuado_em: datetime | None = None


def create_process(sei: DictCursor, author: Author, new: NewProcess, now: datetime) -> Protocol:
    """Write a process with the next number of the unit's órgão.

    Raises:
        InvalidInputError: the type, access level, subjects or number codes do not allow it.
    """
    if find_type(sei, PROCESS_TYPES, new.id_tipo_procedimento, author.id_unidade) is None:
        raise InvalidInputError(
            f"Tipo de processo {new.id_tipo_procedimento} não está disponível na unidade {author.id_unidade}",
            "tipo do processo",
            "Escolha um dos tipos que listarTiposProcedimento devolve para a unidade.",
        )
    require_access_level(sei, new.nivel_acesso, new.id_hipotese_legal, new.id_tipo_procedimento)
    proxies = _find_subjects(sei, new.id_tipo_procedimento, new.assuntos)
    generated_at = midnight(new.autuado_em or now)
    number = _next_number(sei, author.id_unidade, now.year)
    id_protocolo = insert_protocol(
        sei,
        author,
        NewProtocol(
            number=number,
            kind="P",
            description=fits(new.especificacao, _MAX_DESCRIPTION_LENGTH, "especificação", "novo processo"),
            nivel_acesso=new.nivel_acesso,
            id_hipotese_legal=new.id_hipotese_legal,
            generated_at=generated_at,
        ),
        now,
    )
    insert(
        sei,
        "procedimento",
        [
            {
                "id_procedimento": id_protocolo,
                "id_tipo_procedimento": new.id_tipo_procedimento,
                "sta_ouvidoria": "N",
                "sin_ciencia": "N",
            }
        ],
    )
    insert(
        sei,
        "rel_protocolo_assunto",
        [
            {
                "id_protocolo": id_protocolo,
                "id_unidade": author.id_unidade,
                "sequencia": sequence,
                "id_assunto_proxy": proxy,
                "id_protocolo_procedimento": id_protocolo,
            }
            for sequence, proxy in enumerate(proxies)
        ],
    )
    insert_participants(sei, author, id_protocolo, new.interessados, now)
    if new.observacao:
        insert(
            sei,
            "observacao",
            [
                {
                    "id_observacao": next_id(sei, "observacao"),
                    "id_protocolo": id_protocolo,
                    "id_unidade": author.id_unidade,
                    "descricao": new.observacao,
                    "idx_observacao": search_text(new.observacao),
                }
            ],
        )
    attributes = {"NIVEL_ACESSO": (ACCESS_LEVELS[new.nivel_acesso], new.nivel_acesso)}
    add_history(sei, author, id_protocolo, TASK_PROCESS_STARTED, attributes, now, first=True)
    return Protocol(id_protocolo, id_protocolo, number)


def _find_subjects(sei: DictCursor, id_tipo: int, codes: Sequence[str]) -> list[int]:
    if not codes:
        rows = fetch_all(
            sei,
            "SELECT id_assunto_proxy FROM rel_tipo_procedimento_assunto WHERE id_tipo_procedimento = %s"
            " ORDER BY sequencia",
            (id_tipo,),
        )
        if not rows:
            raise InvalidInputError(
                f"O tipo de processo {id_tipo} não sugere assunto e nenhum foi informado",
                "assuntos",
                "Informe ao menos um assunto.",
            )
        return [int(row["id_assunto_proxy"]) for row in rows]
    proxies = []
    for code in codes:
        row = fetch_one(
            sei,
            "SELECT MIN(x.id_assunto_proxy) AS proxy FROM assunto a JOIN assunto_proxy x USING (id_assunto)"
            " JOIN tabela_assuntos t USING (id_tabela_assuntos)"
            " WHERE a.codigo_estruturado = %s AND a.sin_ativo = 'S' AND t.sin_atual = 'S'",
            (code,),
        )
        if row is None or row["proxy"] is None:
            raise InvalidInputError(
                f"Assunto {code} não existe na tabela de assuntos em uso", "assuntos", "Confira o código do assunto."
            )
        proxies.append(int(row["proxy"]))
    return list(dict.fromkeys(proxies))


def _next_number(sei: DictCursor, id_unidade: int, year: int) -> str:
    row = fetch_one(
        sei,
        "SELECT o.id_orgao, o.numeracao, o.codigo_sei AS org_sei, u.codigo_sei AS uni_sei FROM unidade u"
        " JOIN orgao o USING (id_orgao) WHERE u.id_unidade = %s",
        (id_unidade,),
    )
    if row is None or not row["numeracao"]:
        raise IntegrityError(
            f"O órgão da unidade {id_unidade} não tem numeração",
            "numeração do processo",
            "Preencha a máscara do órgão.",
        )
    mask = NumberMask(row["numeracao"])
    codes = Codes(row["org_sei"], row["uni_sei"], org_sip=str(row["id_orgao"]), uni_sip=str(id_unidade))
    return mask.fill(codes, year, next_yearly_number(sei, mask.counter(codes, year)))
