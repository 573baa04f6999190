"""What one may read of a process or document: for SEI's web service and for the pages."""

import re
from collections.abc import Mapping
from datetime import datetime

from pymysql.cursors import DictCursor

from domain.errors import InvalidInputError
from lab.sei_standin.database import Row, Value, fetch_all, fetch_one
from lab.sei_standin.documents import find_process
from lab.sei_standin.environments import Environment
from lab.sei_standin.soap import Call, Content

_SIGILOSO = "2"
_VARIABLE = re.compile(r"@([A-Z_]+)@")
_ENTRY = (
    "SELECT a.id_atividade, a.id_tarefa, a.dth_abertura, t.nome AS texto, t.id_tarefa_modulo,"
    " n.id_unidade, n.sigla AS unidade, n.descricao, u.id_usuario, u.sigla AS usuario, u.nome"
    " FROM atividade a JOIN tarefa t USING (id_tarefa) JOIN unidade n ON n.id_unidade = a.id_unidade"
    " JOIN usuario u ON u.id_usuario = a.id_usuario_origem"
)


def public_link(environment: Environment, id_procedimento: int, id_documento: int | None = None) -> str:
    """The public address of a process, or of a document in it."""
    base = environment.configuration.sei.base_url
    address = f"{base}/sei/controlador.php?acao=procedimento_trabalhar&id_procedimento={id_procedimento}"
    return address if id_documento is None else f"{address}&id_documento={id_documento}"


def consult_process(environment: Environment, sei: DictCursor, call: Call) -> Content:
    """The record that `consultarProcedimento` returns.

    Raises:
        InvalidInputError: the process does not exist or is secret.
    """
    process = find_process(sei, call.text("ProtocoloProcedimento"))
    if process is None or process["sta_nivel_acesso_global"] == _SIGILOSO:
        raise InvalidInputError(
            f"Processo {call.text('ProtocoloProcedimento')} não encontrado",
            "ProtocoloProcedimento",
            "Confira o número.",
        )
    id_protocolo = process["id_protocolo"]
    history = list_history(sei, id_protocolo)

    def asked(part: str) -> bool:
        return call.text(part) == "S"

    return {
        "IdProcedimento": str(id_protocolo),
        "ProcedimentoFormatado": process["protocolo_formatado"],
        "Especificacao": process["descricao"],
        "DataAutuacao": _day(process["dta_geracao"]),
        "LinkAcesso": public_link(environment, id_protocolo),
        "TipoProcedimento": {
            "IdTipoProcedimento": str(process["id_tipo_procedimento"]),
            "Nome": process["tipo"],
        },
        "AndamentoGeracao": _entry(history[0]) if history and asked("SinRetornarAndamentoGeracao") else None,
        "UltimoAndamento": _entry(history[-1]) if history and asked("SinRetornarUltimoAndamento") else None,
        "UnidadesProcedimentoAberto": (
            _open_units(sei, id_protocolo) if asked("SinRetornarUnidadesProcedimentoAberto") else []
        ),
        "Assuntos": _subjects(sei, id_protocolo) if asked("SinRetornarAssuntos") else [],
        "Interessados": _people(sei, id_protocolo) if asked("SinRetornarInteressados") else [],
        "Observacoes": _remarks(sei, id_protocolo) if asked("SinRetornarObservacoes") else [],
    }


def consult_document(environment: Environment, sei: DictCursor, call: Call) -> Content:
    """The record that `consultarDocumento` returns.

    Raises:
        InvalidInputError: the document does not exist or its process is secret.
    """
    number = call.text("ProtocoloDocumento")
    document = fetch_one(
        sei,
        "SELECT p.*, d.numero, d.id_serie, d.id_procedimento, s.nome AS serie, s.sta_aplicabilidade,"
        " q.protocolo_formatado AS processo, n.id_unidade, n.sigla AS unidade, n.descricao AS nome_unidade"
        " FROM protocolo p JOIN documento d ON d.id_documento = p.id_protocolo JOIN serie s USING (id_serie)"
        " JOIN protocolo q ON q.id_protocolo = d.id_procedimento"
        " JOIN unidade n ON n.id_unidade = d.id_unidade_responsavel WHERE p.protocolo_formatado_pesquisa = %s",
        ("".join(filter(str.isalnum, number)),),
    )
    if document is None or document["sta_nivel_acesso_global"] == _SIGILOSO:
        raise InvalidInputError(f"Documento {number} não encontrado", "ProtocoloDocumento", "Confira o número.")
    entry = None
    if call.text("SinRetornarAndamentoGeracao") == "S":
        entry = _generation_entry(sei, document)
    return {
        "IdProcedimento": str(document["id_procedimento"]),
        "ProcedimentoFormatado": document["processo"],
        "IdDocumento": str(document["id_protocolo"]),
        "DocumentoFormatado": document["protocolo_formatado"],
        "LinkAcesso": public_link(environment, document["id_procedimento"], document["id_protocolo"]),
        "Serie": {
            "IdSerie": str(document["id_serie"]),
            "Nome": document["serie"],
            "Aplicabilidade": document["sta_aplicabilidade"],
        },
        "Numero": document["numero"],
        "Data": _day(document["dta_geracao"]),
        "UnidadeElaboradora": _unit(document["id_unidade"], document["unidade"], document["nome_unidade"]),
        "AndamentoGeracao": _entry(entry) if entry else None,
    }


def _generation_entry(sei: DictCursor, document: Row) -> Row | None:
    row = fetch_one(
        sei,
        "SELECT MIN(x.id_atividade) AS id_atividade FROM atributo_andamento x JOIN atividade a USING (id_atividade)"
        " WHERE a.id_protocolo = %s AND x.nome = 'DOCUMENTO' AND x.id_origem = %s",
        (document["id_procedimento"], str(document["id_protocolo"])),
    )
    history = list_history(sei, document["id_procedimento"])
    return next((entry for entry in history if row and entry["id_atividade"] == row["id_atividade"]), None)


def list_history(sei: DictCursor, id_protocolo: int) -> list[Row]:
    """The entries of a process's history, oldest first, their texts filled in."""
    rows = _rows(sei, f"{_ENTRY} WHERE a.id_protocolo = %s ORDER BY a.id_atividade", id_protocolo)
    attributes = _rows(
        sei,
        "SELECT x.id_atividade, x.nome, x.valor FROM atributo_andamento x JOIN atividade a USING (id_atividade)"
        " WHERE a.id_protocolo = %s",
        id_protocolo,
    )
    values = {(row["id_atividade"], row["nome"]): row["valor"] or "" for row in attributes}
    return [{**row, "texto": _fill(row["texto"], row["id_atividade"], values)} for row in rows]


def _fill(text: str, id_atividade: int, values: Mapping[tuple[int, str], str]) -> str:
    return _VARIABLE.sub(lambda match: values.get((id_atividade, match[1]), ""), text).strip()


def list_documents(sei: DictCursor, id_procedimento: int) -> list[Row]:
    """The documents of a process, in their order there."""
    return _rows(
        sei,
        "SELECT p.id_protocolo, p.protocolo_formatado, p.sta_protocolo, s.nome AS serie, d.numero, p.dta_geracao"
        " FROM rel_protocolo_protocolo r JOIN documento d ON d.id_documento = r.id_protocolo_2"
        " JOIN protocolo p ON p.id_protocolo = d.id_documento JOIN serie s USING (id_serie)"
        " WHERE r.id_protocolo_1 = %s AND r.sta_associacao = '1' ORDER BY r.sequencia",
        id_procedimento,
    )


def list_open_processes(sei: DictCursor, id_unidade: int) -> list[Row]:
    """The processes that are open in a unit, newest first."""
    return _rows(
        sei,
        "SELECT DISTINCT p.id_protocolo, p.protocolo_formatado, p.descricao, t.nome AS tipo FROM atividade a"
        " JOIN protocolo p USING (id_protocolo) JOIN procedimento q ON q.id_procedimento = p.id_protocolo"
        " JOIN tipo_procedimento t USING (id_tipo_procedimento)"
        " WHERE a.id_unidade = %s AND a.dth_conclusao IS NULL ORDER BY p.id_protocolo DESC LIMIT 100",
        id_unidade,
    )


def may_read(sei: DictCursor, process: Row, id_unidade: int) -> bool:
    """Whether a unit may read a process: a public one always, another only where it passed."""
    if process["sta_nivel_acesso_global"] == "0":
        return True
    passed = fetch_one(
        sei,
        "SELECT 1 FROM atividade WHERE id_protocolo = %s AND id_unidade = %s LIMIT 1",
        (process["id_protocolo"], id_unidade),
    )
    return passed is not None


def _open_units(sei: DictCursor, id_protocolo: int) -> Content:
    rows = _rows(
        sei,
        "SELECT DISTINCT n.id_unidade, n.sigla, n.descricao FROM atividade a JOIN unidade n USING (id_unidade)"
        " WHERE a.id_protocolo = %s AND a.dth_conclusao IS NULL ORDER BY n.sigla",
        id_protocolo,
    )
    return [{"Unidade": _unit(row["id_unidade"], row["sigla"], row["descricao"])} for row in rows]


def _subjects(sei: DictCursor, id_protocolo: int) -> Content:
    rows = _rows(
        sei,
        "SELECT a.codigo_estruturado, a.descricao FROM rel_protocolo_assunto r JOIN assunto_proxy x"
        " USING (id_assunto_proxy) JOIN assunto a USING (id_assunto) WHERE r.id_protocolo = %s ORDER BY r.sequencia",
        id_protocolo,
    )
    return [{"CodigoEstruturado": row["codigo_estruturado"], "Descricao": row["descricao"]} for row in rows]


def _people(sei: DictCursor, id_protocolo: int) -> Content:
    rows = _rows(
        sei,
        "SELECT c.sigla, c.nome FROM participante p JOIN contato c USING (id_contato)"
        " WHERE p.id_protocolo = %s AND p.sta_participacao = 'I' ORDER BY p.sequencia",
        id_protocolo,
    )
    return [{"Sigla": row["sigla"], "Nome": row["nome"]} for row in rows]


def _remarks(sei: DictCursor, id_protocolo: int) -> Content:
    rows = _rows(
        sei,
        "SELECT o.descricao AS texto, n.id_unidade, n.sigla, n.descricao FROM observacao o"
        " JOIN unidade n USING (id_unidade) WHERE o.id_protocolo = %s",
        id_protocolo,
    )
    return [
        {"Descricao": row["texto"], "Unidade": _unit(row["id_unidade"], row["sigla"], row["descricao"])} for row in rows
    ]


def _entry(row: Row) -> Content:
    return {
        "IdAndamento": str(row["id_atividade"]),
        "IdTarefa": str(row["id_tarefa"]),
        "IdTarefaModulo": row["id_tarefa_modulo"],
        "Descricao": row["texto"],
        "DataHora": f"{row['dth_abertura']:%d/%m/%Y %H:%M:%S}",
        "Unidade": _unit(row["id_unidade"], row["unidade"], row["descricao"]),
        "Usuario": {"IdUsuario": str(row["id_usuario"]), "Sigla": row["usuario"], "Nome": row["nome"]},
    }


def _unit(id_unidade: int, sigla: str, descricao: str) -> Content:
    return {"IdUnidade": str(id_unidade), "Sigla": sigla, "Descricao": descricao}


def _day(moment: datetime) -> str:
    return f"{moment:%d/%m/%Y}"


def _rows(sei: DictCursor, query: str, value: Value) -> list[Row]:
    return fetch_all(sei, query, (value,))
