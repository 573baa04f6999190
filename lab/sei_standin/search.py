"""Finding processes and documents by number or by words. SEI asks Solr, the stand-in MariaDB."""

from itertools import islice

from pymysql.cursors import DictCursor

from lab.sei_standin.database import Argument, Row, fetch_all
from lab.sei_standin.process_view import may_read

_MAX_FOUND = 50
_QUERY = (
    "SELECT p.id_protocolo, p.protocolo_formatado, p.sta_nivel_acesso_global, p.descricao,"
    " COALESCE(d.id_procedimento, p.id_protocolo) AS id_procedimento, COALESCE(s.nome, t.nome) AS tipo"
    " FROM protocolo p LEFT JOIN documento d ON d.id_documento = p.id_protocolo LEFT JOIN serie s USING (id_serie)"
    " LEFT JOIN procedimento q ON q.id_procedimento = p.id_protocolo"
    " LEFT JOIN tipo_procedimento t USING (id_tipo_procedimento)"
    " WHERE {} ORDER BY p.id_protocolo DESC"
)


def search_protocols(sei: DictCursor, asked: str, id_unidade: int) -> list[Row]:
    """The newest processes and documents that a unit may read: those of a number, else those with every word."""
    words = asked.split()
    if not words:
        return []
    digits = "".join(filter(str.isdigit, asked))
    found: list[Row] = []
    if digits and not any(map(str.isalpha, asked)):
        found = _find(sei, "p.protocolo_formatado_pesquisa = %s", (digits,))
    if not found:
        condition = " AND ".join(["p.descricao LIKE %s"] * len(words))
        found = _find(sei, condition, tuple(f"%{_literal(word)}%" for word in words))
    readable = (row for row in found if may_read(sei, {**row, "id_protocolo": row["id_procedimento"]}, id_unidade))
    return list(islice(readable, _MAX_FOUND))


def _find(sei: DictCursor, condition: str, values: tuple[Argument, ...]) -> list[Row]:
    return fetch_all(sei, _QUERY.format(condition), values)


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
