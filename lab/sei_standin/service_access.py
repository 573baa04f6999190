"""Who may call SEI's web service, and for what (`sei.md` 4.1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from pymysql.cursors import DictCursor

from domain.errors import InvalidInputError
from lab.sei_standin.database import Row, fetch_all, fetch_one, insert, next_id
from lab.sei_standin.keys import matches, parse_key

# operacao_servico.sta_operacao_servico; 1000 and above need no grant.
OPERATION_CODES: Mapping[str, int] = {
    "gerarProcedimento": 0,
    "incluirDocumento": 1,
    "consultarProcedimento": 2,
    "consultarDocumento": 3,
    "adicionarArquivo": 22,
    "listarUnidades": 1000,
    "listarTiposProcedimento": 1001,
    "listarSeries": 1002,
}
_FIRST_FREE_CODE = 1000


@dataclass(frozen=True)
class Service:
    """A web-service account that was recognised."""

    id_servico: int
    id_usuario: int
    name: str


def recognise(sei: DictCursor, sigla_sistema: str, identification: str, address: str) -> Service:
    """The account of a caller: by key, or by address where the account still allows that.

    Raises:
        InvalidInputError: no such system or account, wrong key, or an address that is not listed.
    """
    user = fetch_one(
        sei,
        "SELECT id_usuario FROM usuario WHERE sta_tipo = '1' AND sin_ativo = 'S' AND sigla = %s",
        (sigla_sistema,),
    )
    if user is None:
        raise InvalidInputError(
            f"Sistema {sigla_sistema!r} não encontrado", "SiglaSistema", "Confira o cadastro de sistemas do SEI."
        )
    services = fetch_all(sei, "SELECT * FROM servico WHERE id_usuario = %s AND sin_ativo = 'S'", (user["id_usuario"],))
    key = parse_key(identification)
    for row in services:
        if key and row["sin_chave_acesso"] == "S" and row["crc"] == key.crc and matches(key, row["chave_acesso"] or ""):
            return _service(row)
    named = next((row for row in services if row["identificacao"] == identification), None)
    if key or named is None:
        # The text is not quoted: it may be a key with a typing error.
        raise InvalidInputError(
            f"Serviço do sistema {sigla_sistema} não encontrado ou chave de acesso inválida",
            "IdentificacaoServico",
            "Envie a chave de acesso do serviço.",
        )
    if named["sin_servidor"] != "S":
        raise InvalidInputError(
            f"O serviço {identification} só aceita chave de acesso", "IdentificacaoServico", "Envie a chave de acesso."
        )
    if not _is_listed(address, named["servidor"] or ""):
        raise InvalidInputError(
            f"Acesso negado ao endereço {address}", f"serviço {identification}", "Inclua o endereço no serviço."
        )
    return _service(named)


def _service(row: Row) -> Service:
    return Service(row["id_servico"], row["id_usuario"], row["identificacao"])


def _is_listed(address: str, listed: str) -> bool:
    return any(fnmatchcase(address, pattern) for pattern in re.split(r"[\s,;]+", listed.strip()) if pattern)


def require_grant(
    sei: DictCursor,
    service: Service,
    operation: str,
    *,
    id_unidade: int,
    id_serie: int | None = None,
    id_tipo_procedimento: int | None = None,
) -> None:
    """Check that the account may do an operation in a unit; in a grant, null means any.

    Raises:
        InvalidInputError: the unit does not exist, or no grant covers this.
    """
    _require_unit(sei, id_unidade)
    code = OPERATION_CODES[operation]
    if code >= _FIRST_FREE_CODE:
        return
    row = fetch_one(
        sei,
        "SELECT 1 FROM operacao_servico WHERE id_servico = %s AND sta_operacao_servico = %s"
        " AND (id_unidade IS NULL OR id_unidade = %s)"
        " AND (%s IS NULL OR id_serie IS NULL OR id_serie = %s)"
        " AND (%s IS NULL OR id_tipo_procedimento IS NULL OR id_tipo_procedimento = %s) LIMIT 1",
        (service.id_servico, code, id_unidade, id_serie, id_serie, id_tipo_procedimento, id_tipo_procedimento),
    )
    if row is None:
        raise InvalidInputError(
            f"O serviço {service.name} não tem a operação {operation} na unidade {id_unidade}",
            "operações do serviço",
            "Conceda a operação no cadastro do serviço.",
        )


def _require_unit(sei: DictCursor, id_unidade: int) -> None:
    if fetch_one(sei, "SELECT 1 FROM unidade WHERE id_unidade = %s AND sin_ativo = 'S'", (id_unidade,)) is None:
        raise InvalidInputError(f"Unidade {id_unidade} não encontrada", "IdUnidade", "Confira com listarUnidades.")


@dataclass(frozen=True)
class CallRecord:
    """One call, for `monitoramento_servico`."""

    operation: str
    duration_ms: int
    address: str
    host: str
    user_agent: str


def record_call(sei: DictCursor, service: Service, call: CallRecord, now: datetime) -> None:
    """Log a call as SEI does."""
    insert(
        sei,
        "monitoramento_servico",
        [
            {
                "id_monitoramento_servico": next_id(sei, "monitoramento_servico"),
                "id_servico": service.id_servico,
                "operacao": call.operation,
                "tempo_execucao": call.duration_ms,
                "ip_acesso": call.address[:39],
                "dth_acesso": now,
                "servidor": call.host[:250],
                "user_agent": call.user_agent[:250],
            }
        ],
    )
