"""The rows that suites judge, read from an instance's SEI and SIP by queries that share nothing with what wrote them.

Entries that are switched off are left out: SEI offers them to nobody, and they may name others that are off as well.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from blocks.counters import read_counters
from blocks.model_tables import TABLES
from blocks.sip import SEI_SYSTEM_ID
from domain.document_model.model import key_of, label_of, name_key
from domain.document_model.suites import KEY, SUITES, key_text

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

Rows = list[dict[str, object]]
ITEM = "item"
"""Beside the columns of its query each row has the label of its entry, and its key under `KEY`."""

_UNIT_CODE = "cod_unidade_sei"

_SEI: Mapping[str, str] = {
    "orgao": """
        SELECT sigla, NULLIF(numeracao, '') AS mascara_processo, NULLIF(codigo_sei, '') AS codigo
        FROM orgao
        WHERE id_orgao = 0 AND sin_ativo = 'S'
    """,
    "tratamentos": """
        SELECT expressao
        FROM tratamento
        WHERE sin_ativo = 'S'
    """,
    "vocativos": """
        SELECT expressao
        FROM vocativo
        WHERE sin_ativo = 'S'
    """,
    "titulos": """
        SELECT expressao
        FROM titulo
        WHERE sin_ativo = 'S'
    """,
    "cargos": """
        SELECT
            c.expressao,
            CASE c.sta_genero WHEN 'M' THEN 'masculino' WHEN 'F' THEN 'feminino' END AS genero,
            (c.id_tratamento IS NOT NULL AND COALESCE(tr.sin_ativo, 'N') <> 'S')
                + (c.id_vocativo IS NOT NULL AND COALESCE(v.sin_ativo, 'N') <> 'S')
                + (c.id_titulo IS NOT NULL AND COALESCE(ti.sin_ativo, 'N') <> 'S') AS quebrados
        FROM cargo c
        LEFT JOIN tratamento tr USING (id_tratamento)
        LEFT JOIN vocativo v USING (id_vocativo)
        LEFT JOIN titulo ti USING (id_titulo)
        WHERE c.sin_ativo = 'S'
    """,
    "assinantes": """
        SELECT a.cargo_funcao, COUNT(u.id_unidade) AS unidades
        FROM assinante a
        LEFT JOIN rel_assinante_unidade r USING (id_assinante)
        LEFT JOIN unidade u ON u.id_unidade = r.id_unidade AND u.sin_ativo = 'S'
        GROUP BY a.id_assinante, a.cargo_funcao
    """,
    "hipoteses_legais": """
        SELECT nome, NULLIF(base_legal, '') AS base_legal, sta_nivel_acesso AS nivel
        FROM hipotese_legal
        WHERE sin_ativo = 'S'
    """,
    "tabela_assuntos": """
        SELECT nome
        FROM tabela_assuntos
        WHERE sin_atual = 'S'
    """,
    "assuntos": """
        SELECT
            a.codigo_estruturado AS codigo,
            NULLIF(a.descricao, '') AS descricao,
            a.sin_estrutural AS estrutural,
            a.prazo_corrente,
            IF(a.sin_estrutural = 'S', '-', COALESCE(a.sta_destinacao, '')) AS destinacao,
            NULLIF(a.idx_assunto, '') AS indice,
            COUNT(p.id_assunto_proxy) AS representantes
        FROM assunto a
        LEFT JOIN assunto_proxy p USING (id_assunto)
        WHERE a.id_tabela_assuntos IN (SELECT id_tabela_assuntos FROM tabela_assuntos WHERE sin_atual = 'S') AND
            a.sin_ativo = 'S'
        GROUP BY a.id_assunto
    """,
    "estilos": """
        SELECT nome, NULLIF(formatacao, '') AS formatacao
        FROM estilo
    """,
    "conjunto_estilos": """
        SELECT
            c.id_conjunto_estilos AS nome,
            (SELECT COUNT(*) FROM estilo) AS estilos,
            COUNT(i.id_conjunto_estilos_item) AS itens
        FROM conjunto_estilos c
        LEFT JOIN conjunto_estilos_item i USING (id_conjunto_estilos)
        WHERE c.sin_ultimo = 'S'
        GROUP BY 1
    """,
    "modelos": """
        SELECT
            m.nome,
            COUNT(s.id_secao_modelo) AS secoes,
            IF(EXISTS (SELECT 1 FROM serie d WHERE d.id_modelo = m.id_modelo AND d.sin_ativo = 'S'), 'S', 'N') AS
                em_uso
        FROM modelo m
        LEFT JOIN secao_modelo s ON s.id_modelo = m.id_modelo AND s.sin_ativo = 'S'
        WHERE m.sin_ativo = 'S'
        GROUP BY m.id_modelo, m.nome
    """,
    "secoes": """
        SELECT
            m.nome AS modelo,
            s.nome,
            COUNT(r.id_estilo) AS estilos,
            COUNT(IF(r.sin_padrao = 'S', 1, NULL)) AS padroes,
            (SELECT COUNT(*) FROM rel_secao_mod_cj_estilos_item x JOIN conjunto_estilos_item i USING
                (id_conjunto_estilos_item) WHERE x.id_secao_modelo = s.id_secao_modelo AND i.id_conjunto_estilos IN
                (SELECT id_conjunto_estilos FROM conjunto_estilos WHERE sin_ultimo = 'S')) AS estilos_do_conjunto
        FROM secao_modelo s
        JOIN modelo m ON m.id_modelo = s.id_modelo AND m.sin_ativo = 'S'
        LEFT JOIN rel_secao_modelo_estilo r USING (id_secao_modelo)
        WHERE s.sin_ativo = 'S'
        GROUP BY s.id_secao_modelo, m.nome, s.nome
    """,
    "grupos_serie": """
        SELECT nome
        FROM grupo_serie
        WHERE sin_ativo = 'S'
    """,
    "series": """
        SELECT
            s.nome,
            s.sta_aplicabilidade AS aplicabilidade,
            s.sta_numeracao AS numeracao,
            IF(s.sta_aplicabilidade IN ('I', 'T'), 'S', 'N') AS escrita_no_editor,
            COALESCE(m.sin_ativo = 'S', 0) AS modelo_em_uso,
            s.id_grupo_serie IS NOT NULL AND COALESCE(g.sin_ativo, 'N') <> 'S' AS grupo_quebrado
        FROM serie s
        LEFT JOIN modelo m USING (id_modelo)
        LEFT JOIN grupo_serie g USING (id_grupo_serie)
        WHERE s.sin_ativo = 'S' AND s.sta_aplicabilidade <> 'F'
    """,
    "tipos_procedimento": """
        SELECT
            t.nome,
            COALESCE(x.bons, 0) AS assuntos,
            COALESCE(x.maus, 0) AS assuntos_quebrados,
            COALESCE(n.niveis, 0) AS niveis,
            t.sta_nivel_acesso_sugestao IS NOT NULL AND NOT FIND_IN_SET(t.sta_nivel_acesso_sugestao,
                COALESCE(n.quais, '')) AS sugestao_proibida,
            t.id_hipotese_legal_sugestao IS NOT NULL AND (COALESCE(h.sin_ativo, 'N') <> 'S' OR h.sta_nivel_acesso <>
                COALESCE(t.sta_nivel_acesso_sugestao, '')) AS hipotese_quebrada
        FROM tipo_procedimento t
        LEFT JOIN hipotese_legal h ON h.id_hipotese_legal = t.id_hipotese_legal_sugestao
        LEFT JOIN (
            SELECT id_tipo_procedimento, COUNT(*) AS niveis, GROUP_CONCAT(sta_nivel_acesso) AS quais
            FROM nivel_acesso_permitido
            GROUP BY id_tipo_procedimento
        ) n USING (id_tipo_procedimento)
        LEFT JOIN (
            SELECT r.id_tipo_procedimento, COUNT(a.id_assunto) AS bons, COUNT(*) - COUNT(a.id_assunto) AS maus
            FROM rel_tipo_procedimento_assunto r
            JOIN assunto_proxy p USING (id_assunto_proxy)
            LEFT JOIN assunto a ON a.id_assunto = p.id_assunto AND a.sin_ativo = 'S' AND a.sin_estrutural = 'N'
                AND a.id_tabela_assuntos IN (SELECT id_tabela_assuntos FROM tabela_assuntos WHERE sin_atual = 'S')
            GROUP BY r.id_tipo_procedimento
        ) x USING (id_tipo_procedimento)
        WHERE t.sin_ativo = 'S'
    """,
    "tarjas": """
        SELECT
            CASE sta_tarja_assinatura
                WHEN 'C' THEN 'assinatura_certificado' WHEN 'S' THEN 'assinatura_senha'
                WHEN 'A' THEN 'autenticacao_certificado' WHEN 'H' THEN 'autenticacao_senha'
                WHEN 'V' THEN 'validacao' END AS tipo,
            NULLIF(texto, '') AS texto
        FROM tarja_assinatura
        WHERE sin_ativo = 'S'
    """,
    "tipos_conferencia": """
        SELECT descricao
        FROM tipo_conferencia
        WHERE sin_ativo = 'S'
    """,
    "extensoes": """
        SELECT extensao
        FROM arquivo_extensao
        WHERE sin_ativo = 'S'
    """,
    "emails_sistema": """
        SELECT
            descricao,
            NULLIF(de, '') AS de,
            NULLIF(para, '') AS para,
            NULLIF(assunto, '') AS assunto,
            NULLIF(conteudo, '') AS conteudo
        FROM email_sistema
        WHERE sin_ativo = 'S' AND id_email_sistema_modulo IS NULL
    """,
    "textos_padrao": """
        SELECT u.sigla AS unidade, t.nome, NULLIF(t.conteudo, '') AS conteudo
        FROM texto_padrao_interno t
        JOIN unidade u ON u.id_unidade = t.id_unidade AND u.sin_ativo = 'S'
    """,
}
_SIP: Mapping[str, str] = {
    "perfis": """
        SELECT
            p.nome,
            (SELECT COUNT(*) FROM rel_perfil_recurso r WHERE r.id_perfil = p.id_perfil AND r.id_sistema =
                p.id_sistema) AS recursos,
            (SELECT COUNT(*) FROM rel_perfil_item_menu m LEFT JOIN rel_perfil_recurso r USING (id_perfil,
                id_sistema, id_recurso) WHERE m.id_perfil = p.id_perfil AND m.id_sistema = p.id_sistema AND
                r.id_perfil IS NULL) AS menus_sem_recurso
        FROM perfil p
        WHERE p.id_sistema = %(sei)s AND p.sin_ativo = 'S'
    """,
    "unidades": """
        SELECT
            u.id_unidade AS id,
            u.sigla,
            u.descricao,
            r.id_unidade_pai IS NOT NULL AND COALESCE(pu.sin_ativo = 'S' AND pr.sin_ativo = 'S', 0) = 0 AS
                acima_quebrada
        FROM unidade u
        JOIN rel_hierarquia_unidade r ON r.id_unidade = u.id_unidade AND r.sin_ativo = 'S'
        JOIN sistema s ON s.id_hierarquia = r.id_hierarquia AND s.id_sistema = %(sei)s
        LEFT JOIN unidade pu ON pu.id_unidade = r.id_unidade_pai
        LEFT JOIN rel_hierarquia_unidade pr ON pr.id_unidade = r.id_unidade_pai AND pr.id_hierarquia =
            r.id_hierarquia_pai
        WHERE u.sin_ativo = 'S' AND u.sin_global = 'N' AND r.dta_inicio <= NOW()
            AND (r.dta_fim IS NULL OR r.dta_fim >= CURDATE())
    """,
}
_UNITS_OF_SEI = """
    SELECT
        u.id_unidade AS id,
        u.sigla AS sigla_sei,
        u.descricao AS descricao_sei,
        NULLIF(u.codigo_sei, '') AS codigo,
        COUNT(DISTINCT c.id_contato) AS contatos,
        COUNT(DISTINCT h.id_unidade_historico) AS historicos_abertos
    FROM unidade u
    LEFT JOIN contato c USING (id_contato)
    LEFT JOIN unidade_historico h ON h.id_unidade = u.id_unidade AND h.dta_fim IS NULL
    WHERE u.sin_ativo = 'S'
    GROUP BY u.id_unidade
"""


def read_suite_rows(sei: "Cursor", sip: "Cursor") -> dict[str, Rows]:
    """The rows of every suite, by its name."""
    rows = {name: list(_rows(sei, query)) for name, query in _SEI.items()}
    rows |= {name: list(_rows(sip, query)) for name, query in _SIP.items()}
    sip.execute("SELECT sigla FROM orgao WHERE id_orgao = 0")
    found = sip.fetchone()
    rows["orgao"] = [row | {"sigla_sip": found[0] if found else None} for row in rows["orgao"]]
    in_sei = {row["id"]: row for row in _rows(sei, _UNITS_OF_SEI)}
    nothing = dict.fromkeys(("sigla_sei", "descricao_sei", "codigo", "contatos", "historicos_abertos"), None)
    rows["unidades"] = [row | in_sei.get(row["id"], nothing) for row in rows["unidades"]]
    if not any(_UNIT_CODE in str(row["mascara_processo"]) for row in rows["orgao"]):
        rows["unidades"] = [row | {"codigo": "-"} for row in rows["unidades"]]  # the numbers do without
    rows["contadores"] = list(_counters(sei))
    for suite in SUITES:
        for row in rows[suite.name]:
            kind = suite.kind
            label = label_of(kind, row) if kind else str(row.get("sigla") or row.get("nome"))
            row |= {ITEM: label, KEY: key_text(key_of(kind, row) if kind else (name_key(label),))}
    return rows


def _rows(cursor: "Cursor", query: str) -> Iterator[dict[str, object]]:
    cursor.execute(query, {"sei": SEI_SYSTEM_ID})
    names = [column[0] for column in cursor.description]
    for values in cursor.fetchall():
        yield dict(zip(names, values, strict=True))


def _counters(cursor: "Cursor") -> Iterator[dict[str, object]]:
    """How far each of SEI's counters is ahead of the ids in its table: behind, SEI could write no new entry."""
    tables = [table.name for table in TABLES if table.kind.creatable]
    tables += [child.table for table in TABLES for child in table.children if child.counted]
    ahead = {counter.name: counter.slack for counter in read_counters(cursor, tables)}
    for name in tables:
        yield {"nome": name, "folga": ahead.get(name, 0)}
