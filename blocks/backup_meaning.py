"""What restored databases mean: counted by SQL, judged by Great Expectations, and the counters beside.

The queries count violations, so that a database of any size gives one row; each reads a table once.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from blocks.counters import read_counters
from blocks.mariadb import MariaDBServer, identifier
from blocks.table_facts import read_versions
from domain.backup.findings import Cause
from domain.backup.meaning import CATALOGUES, EXPECTATION, SUBJECTS, VERSIONS, Rule, Subject, Violation, count_versions
from domain.calendar import BRASILIA
from domain.errors import IntegrityError
from domain.reference import Database

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

_CLOCK_TOLERANCE = timedelta(days=1)
_MD5 = "^[0-9a-f]{32}$"
_ATTACHMENTS = """
    SUM(a.sin_ativo = 'S' AND a.tamanho <= 0) AS vazio,
    SUM(a.sin_ativo = 'S' AND COALESCE(a.hash, '') NOT REGEXP %(md5)s) AS sem_hash,
    SUM(a.dth_inclusao > %(latest)s) AS futuro
"""
# One query a subject: `{sei}` and `{sip}` are the schemas, and each column is a rule's count.
_QUERIES: Mapping[str, str] = {
    "orgao": """
        SELECT
            SUM(c.id_contato IS NULL) AS sem_contato,
            SUM(o.sin_ativo = 'S' AND COALESCE(s.sigla, '') <> o.sigla) AS sem_sip
        FROM {sei}.orgao o
        LEFT JOIN {sei}.contato c ON c.id_contato = o.id_contato
        LEFT JOIN {sip}.orgao s ON s.id_orgao = o.id_orgao
    """,
    "unidade": """
        SELECT
            SUM(o.id_orgao IS NULL) AS sem_orgao,
            SUM(c.id_contato IS NULL) AS sem_contato,
            SUM(TRIM(u.sigla) = '') AS sem_sigla,
            SUM(u.sin_ativo = 'S' AND COALESCE(h.abertos, 0) <> 1) AS sem_historico,
            SUM(u.sin_ativo = 'S' AND s.id_unidade IS NULL) AS sem_sip
        FROM {sei}.unidade u
        LEFT JOIN {sei}.orgao o ON o.id_orgao = u.id_orgao
        LEFT JOIN {sei}.contato c ON c.id_contato = u.id_contato
        LEFT JOIN (
            SELECT id_unidade, COUNT(*) AS abertos FROM {sei}.unidade_historico WHERE dta_fim IS NULL GROUP BY 1
        ) h ON h.id_unidade = u.id_unidade
        LEFT JOIN {sip}.unidade s ON s.id_unidade = u.id_unidade
    """,
    "usuario": """
        SELECT
            SUM(o.id_orgao IS NULL) AS sem_orgao,
            SUM(c.id_contato IS NULL) AS sem_contato,
            SUM(TRIM(u.sigla) = '') AS sem_sigla,
            COUNT(IF(u.sta_tipo = '0' AND u.sin_ativo = 'S', 1, NULL))
                - COUNT(DISTINCT IF(u.sta_tipo = '0' AND u.sin_ativo = 'S', u.sigla, NULL), u.id_orgao)
                AS sigla_repetida,
            SUM(u.sta_tipo = '0' AND u.sin_ativo = 'S' AND s.id_usuario IS NULL) AS sem_sip
        FROM {sei}.usuario u
        LEFT JOIN {sei}.orgao o ON o.id_orgao = u.id_orgao
        LEFT JOIN {sei}.contato c ON c.id_contato = u.id_contato
        LEFT JOIN {sip}.usuario s ON s.id_usuario = u.id_usuario
    """,
    "protocolo": """
        SELECT
            SUM(u.id_unidade IS NULL) AS sem_unidade,
            SUM(u.id_unidade IS NOT NULL AND o.id_orgao IS NULL) AS sem_orgao,
            SUM(g.id_usuario IS NULL) AS sem_gerador,
            SUM(p.sta_protocolo NOT IN ('P', 'G', 'R')) AS tipo,
            SUM(p.sta_protocolo = 'P' AND q.id_procedimento IS NULL) AS sem_procedimento,
            SUM(p.sta_protocolo IN ('G', 'R') AND d.id_documento IS NULL) AS sem_documento,
            COUNT(*) - COUNT(DISTINCT p.protocolo_formatado) AS numero_repetido,
            SUM(p.protocolo_formatado NOT REGEXP IF(p.sta_protocolo = 'P', '[0-9]', '^[0-9]+$')) AS numero_sem_forma,
            SUM(REGEXP_REPLACE(p.protocolo_formatado, '[^0-9A-Za-z]', '') <> p.protocolo_formatado_pesquisa)
                AS numero_pesquisa,
            SUM(REVERSE(p.protocolo_formatado_pesquisa) <> p.protocolo_formatado_pesq_inv) AS numero_invertido,
            SUM(p.dta_inclusao > %(latest)s) AS futuro
        FROM {sei}.protocolo p
        LEFT JOIN {sei}.unidade u ON u.id_unidade = p.id_unidade_geradora
        LEFT JOIN {sei}.orgao o ON o.id_orgao = u.id_orgao
        LEFT JOIN {sei}.usuario g ON g.id_usuario = p.id_usuario_gerador
        LEFT JOIN {sei}.procedimento q ON q.id_procedimento = p.id_protocolo
        LEFT JOIN {sei}.documento d ON d.id_documento = p.id_protocolo
    """,
    "procedimento": """
        SELECT
            SUM(p.id_protocolo IS NULL) AS sem_protocolo,
            SUM(t.id_tipo_procedimento IS NULL) AS sem_tipo
        FROM {sei}.procedimento q
        LEFT JOIN {sei}.protocolo p ON p.id_protocolo = q.id_procedimento AND p.sta_protocolo = 'P'
        LEFT JOIN {sei}.tipo_procedimento t ON t.id_tipo_procedimento = q.id_tipo_procedimento
    """,
    "documento": """
        SELECT
            SUM(p.id_protocolo IS NULL) AS sem_protocolo,
            SUM(q.id_procedimento IS NULL) AS sem_procedimento,
            SUM(s.id_serie IS NULL) AS sem_serie,
            SUM(u.id_unidade IS NULL) AS sem_unidade,
            SUM(d.sta_documento = 'I' AND p.sta_estado <> '2' AND {kept} AND c.id_documento IS NULL) AS sem_conteudo
        FROM {sei}.documento d
        LEFT JOIN {sei}.protocolo p ON p.id_protocolo = d.id_documento AND p.sta_protocolo IN ('G', 'R')
        LEFT JOIN {sei}.procedimento q ON q.id_procedimento = d.id_procedimento
        LEFT JOIN {sei}.serie s ON s.id_serie = d.id_serie
        LEFT JOIN {sei}.unidade u ON u.id_unidade = d.id_unidade_responsavel
        LEFT JOIN {sei}.documento_conteudo c ON c.id_documento = d.id_documento
    """,
    "documento_conteudo": """
        SELECT SUM(d.id_documento IS NULL) AS sem_documento
        FROM {sei}.documento_conteudo c
        LEFT JOIN {sei}.documento d ON d.id_documento = c.id_documento
    """,
    "assinatura": """
        SELECT
            SUM(d.id_documento IS NULL) AS sem_documento,
            SUM(u.id_usuario IS NULL) AS sem_usuario,
            SUM(n.id_unidade IS NULL) AS sem_unidade,
            SUM(t.id_tarja_assinatura IS NULL) AS sem_tarja,
            SUM(a.sta_forma_autenticacao NOT IN ('S', 'C')) AS forma
        FROM {sei}.assinatura a
        LEFT JOIN {sei}.documento d ON d.id_documento = a.id_documento
        LEFT JOIN {sei}.usuario u ON u.id_usuario = a.id_usuario
        LEFT JOIN {sei}.unidade n ON n.id_unidade = a.id_unidade
        LEFT JOIN {sei}.tarja_assinatura t ON t.id_tarja_assinatura = a.id_tarja_assinatura
    """,
    "atividade": """
        SELECT
            SUM(p.id_protocolo IS NULL) AS sem_protocolo,
            SUM(n.id_unidade IS NULL) AS sem_unidade,
            SUM(a.id_tarefa IS NOT NULL AND t.id_tarefa IS NULL) AS sem_tarefa,
            SUM(u.id_usuario IS NULL) AS sem_usuario,
            SUM(a.dth_conclusao < a.dth_abertura - INTERVAL 2 HOUR) AS conclui_antes,
            SUM(a.dth_abertura > %(latest)s) AS futuro,
            SUM(a.dth_abertura < '1990-01-01') AS antigo
        FROM {sei}.atividade a
        LEFT JOIN {sei}.protocolo p ON p.id_protocolo = a.id_protocolo
        LEFT JOIN {sei}.unidade n ON n.id_unidade = a.id_unidade
        LEFT JOIN {sei}.tarefa t ON t.id_tarefa = a.id_tarefa
        LEFT JOIN {sei}.usuario u ON u.id_usuario = a.id_usuario_origem
    """,
    "anexo": f"""
        SELECT
            {_ATTACHMENTS},
            SUM(a.dth_inclusao < '1990-01-01') AS antigo,
            SUM(a.id_protocolo IS NOT NULL AND p.id_protocolo IS NULL) AS sem_protocolo,
            SUM(n.id_unidade IS NULL) AS sem_unidade,
            SUM(u.id_usuario IS NULL) AS sem_usuario
        FROM {{sei}}.anexo a
        LEFT JOIN {{sei}}.protocolo p ON p.id_protocolo = a.id_protocolo
        LEFT JOIN {{sei}}.unidade n ON n.id_unidade = a.id_unidade
        LEFT JOIN {{sei}}.usuario u ON u.id_usuario = a.id_usuario
    """,
    "anexo_pen": f"SELECT {_ATTACHMENTS} FROM {{sei}}.md_pen_anexo_documento a",
    "participante": """
        SELECT
            SUM(p.id_protocolo IS NULL) AS sem_protocolo,
            SUM(c.id_contato IS NULL) AS sem_contato
        FROM {sei}.participante a
        LEFT JOIN {sei}.protocolo p ON p.id_protocolo = a.id_protocolo
        LEFT JOIN {sei}.contato c ON c.id_contato = a.id_contato
    """,
    "permissao": """
        SELECT
            SUM(u.id_usuario IS NULL) AS sem_usuario,
            SUM(n.id_unidade IS NULL) AS sem_unidade,
            SUM(f.id_perfil IS NULL) AS sem_perfil,
            SUM(s.id_sistema IS NULL) AS sem_sistema,
            SUM(t.id_tipo_permissao IS NULL) AS sem_tipo
        FROM {sip}.permissao p
        LEFT JOIN {sip}.usuario u ON u.id_usuario = p.id_usuario
        LEFT JOIN {sip}.unidade n ON n.id_unidade = p.id_unidade
        LEFT JOIN {sip}.perfil f ON f.id_perfil = p.id_perfil AND f.id_sistema = p.id_sistema
        LEFT JOIN {sip}.sistema s ON s.id_sistema = p.id_sistema
        LEFT JOIN {sip}.tipo_permissao t ON t.id_tipo_permissao = p.id_tipo_permissao
    """,
    "usuario_sip": """
        SELECT
            SUM(o.id_orgao IS NULL) AS sem_orgao,
            SUM(TRIM(u.sigla) = '') AS sem_sigla,
            COUNT(IF(u.sin_ativo = 'S', 1, NULL)) - COUNT(DISTINCT IF(u.sin_ativo = 'S', u.sigla, NULL), u.id_orgao)
                AS sigla_repetida
        FROM {sip}.usuario u
        LEFT JOIN {sip}.orgao o ON o.id_orgao = u.id_orgao
    """,
    "hierarquia": """
        SELECT
            SUM(u.id_unidade IS NULL) AS sem_unidade,
            SUM(h.id_hierarquia IS NULL) AS sem_hierarquia,
            SUM(r.id_unidade_pai IS NOT NULL AND a.id_unidade IS NULL) AS sem_acima,
            (SELECT COUNT(*) FROM {sip}.unidade n LEFT JOIN {sip}.orgao o ON o.id_orgao = n.id_orgao
                WHERE o.id_orgao IS NULL) AS sem_orgao
        FROM {sip}.rel_hierarquia_unidade r
        LEFT JOIN {sip}.unidade u ON u.id_unidade = r.id_unidade
        LEFT JOIN {sip}.hierarquia h ON h.id_hierarquia = r.id_hierarquia
        LEFT JOIN {sip}.rel_hierarquia_unidade a
            ON a.id_unidade = r.id_unidade_pai AND a.id_hierarquia = r.id_hierarquia_pai
    """,
    "sistema": "SELECT SUM(sigla = 'SEI') AS sei, SUM(sigla = 'SIP') AS sip FROM {sip}.sistema",
}


class Meaning(NamedTuple):
    """What was judged and what is wrong; `unread` are the tables that lack something which a query reads."""

    violations: tuple[Violation, ...]
    rules: int
    counters: int
    unread: tuple[str, ...]


def judge_meaning(
    server: MariaDBServer, schemas: Mapping[Database, str], *, taken_at: datetime, versions: Mapping[str, str]
) -> Meaning:
    """Judge restored databases by every rule that they can be asked about.

    `taken_at` is the moment that they show, and `versions` are the version parameters that they must have.

    Raises:
        RetryableError: the server does not answer.
        IntegrityError: a rule could not be judged, which is a defect of the rule or of its query.
    """
    reader = _Reader(server, schemas, taken_at)
    counted = reader.count(versions)
    counters = list(reader.counter_violations())
    return Meaning(
        violations=(*_broken(counted, schemas), *filter(None, counters)),
        rules=len(counted),
        counters=len(counters),
        unread=tuple(dict.fromkeys(reader.unread)),
    )


class _Counted(NamedTuple):
    """A rule, its subject, and what was counted."""

    subject: Subject
    rule: Rule
    found: int


class _Reader:
    """The queries on one pair of restored databases."""

    def __init__(self, server: MariaDBServer, schemas: Mapping[Database, str], taken_at: datetime) -> None:
        self._server = server
        self._schemas = schemas
        self._values = {
            "latest": taken_at.astimezone(BRASILIA).replace(tzinfo=None) + _CLOCK_TOLERANCE,
            "md5": _MD5,
        }
        self._there = self._list_tables()
        self.unread: list[str] = []

    def count(self, versions: Mapping[str, str]) -> list[_Counted]:
        """What each rule counts, of all subjects whose tables are there as the queries know them."""
        found = {subject.name: self._read(subject) for subject in SUBJECTS}
        found |= {subject.name: self._read_catalogue(subject) for subject in CATALOGUES}
        readable = [(kind, self._schemas[kind]) for kind in self._schemas if f"{kind}.infra_parametro" in self._there]
        found[VERSIONS.name] = count_versions(versions, read_versions(self._server, readable))
        return [
            _Counted(subject, rule, found[subject.name][rule.name])
            for subject in (*SUBJECTS, *CATALOGUES, VERSIONS)
            for rule in subject.rules
            if rule.name in found[subject.name]
        ]

    def counter_violations(self) -> Iterator[Violation | None]:
        """For each counter what is wrong with it, or None."""
        for schema in self._schemas.values():
            with self._server.transaction(schema) as cursor:
                for counter in read_counters(cursor):
                    if counter.slack > 0:
                        yield None
                        continue
                    detail = (
                        f"o contador {counter.name} dará {counter.following} e {counter.used} já está em uso:"
                        f" {1 - counter.slack} atrás"
                    )
                    tables = tuple(f"{schema}.{table}" for table in (counter.table, counter.kept_in))
                    yield Violation(Cause.SEQUENCE, tables[0], detail, tables)

    def _list_tables(self) -> frozenset[str]:
        kinds = {schema: kind for kind, schema in self._schemas.items()}
        with self._server.transaction() as cursor:
            cursor.execute(
                "SELECT table_schema, table_name FROM information_schema.tables"
                f" WHERE table_schema IN ({', '.join(['%s'] * len(kinds))})",
                list(kinds),
            )
            return frozenset(f"{kinds[schema]}.{table}" for schema, table in cursor.fetchall())

    def _read(self, subject: Subject) -> dict[str, int]:
        missing = [table for table in subject.tables if table not in self._there]
        if missing and subject.optional:
            return {}
        try:
            if not missing:
                with self._server.transaction() as cursor:
                    return self._query(cursor, _QUERIES[subject.name])
        except IntegrityError:  # a column is not there, or has another type
            missing = [subject.tables[0]]
        self.unread += missing
        return {}

    def _read_catalogue(self, subject: Subject) -> dict[str, int]:
        there = [rule.name for rule in subject.rules if rule.table in self._there]
        tables = {rule.name: rule.table.partition(".") for rule in subject.rules}
        columns = ", ".join(
            f"EXISTS (SELECT 1 FROM {{{tables[name][0]}}}.{identifier(name)}) AS {identifier(name)}" for name in there
        )
        if not there:
            return {rule.name: 0 for rule in subject.rules}
        with self._server.transaction() as cursor:
            return {rule.name: 0 for rule in subject.rules} | self._query(cursor, f"SELECT {columns}")

    def _query(self, cursor: "Cursor", query: str) -> dict[str, int]:
        kept = "p.sin_eliminado = 'N'" if self._eliminates(cursor) else "TRUE"
        names = {kind: identifier(schema) for kind, schema in self._schemas.items()}
        cursor.execute(query.format(kept=kept, **names), self._values)
        row = cursor.fetchone() or ()
        return {str(column[0]): int(count or 0) for column, count in zip(cursor.description, row, strict=True)}

    def _eliminates(self, cursor: "Cursor") -> bool:
        """Whether this version of SEI eliminates documents, of which it keeps the rows (from 4.1 on)."""
        cursor.execute(
            "SELECT 1 FROM information_schema.columns WHERE table_schema = %s AND table_name = 'protocolo'"
            " AND column_name = 'sin_eliminado'",
            (self._schemas["sei"],),
        )
        return cursor.fetchone() is not None


def _broken(counted: list[_Counted], schemas: Mapping[Database, str]) -> Iterator[Violation]:
    import pandas as pd  # noqa: PLC0415

    from blocks.expectations import validate_frame  # noqa: PLC0415  # takes seconds

    names = [each.subject.column(each.rule) for each in counted]
    frame = pd.DataFrame([[each.found for each in counted]], columns=names)
    rules = [
        (EXPECTATION, {"column": name, **each.rule.arguments}, None) for each, name in zip(counted, names, strict=True)
    ]
    for each, result in zip(counted, validate_frame("significado", frame, rules), strict=True):
        if result.success:
            continue
        if "observed_value" not in result.result:
            raise IntegrityError(
                f"A regra '{each.rule.says}' não pôde ser julgada",
                each.subject.name,
                "É um defeito do Implanta: avise quem o mantém. A cópia continua guardada.",
            )
        told = f"; {each.found} não" if each.found else ""
        yield Violation(
            Cause.MEANING,
            _full(each.subject.table(each.rule), schemas),
            f"{each.subject.column(each.rule)}: {each.rule.says}{told}",
            tuple(_full(table, schemas) for table in each.subject.reads(each.rule)),
            each.rule.vital,
        )


def _full(table: str, schemas: Mapping[Database, str]) -> str:
    """`sei.anexo` as the schema calls itself: `cidade_producao_sei.anexo`."""
    for kind, schema in schemas.items():
        if table.startswith(f"{kind}."):
            return f"{schema}.{table.removeprefix(f'{kind}.')}"
    raise KeyError(table)
