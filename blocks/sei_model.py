"""The document model in one environment's SEI: process types and legal grounds (`sei.md` 2.5)."""

from typing import TYPE_CHECKING

from blocks.counters import next_table_id
from blocks.mariadb import MariaDBServer
from domain.change import Change
from domain.document_model import (
    AccessLevel,
    ExistingHipoteseLegal,
    ExistingTipoProcedimento,
    HipotesesPlan,
    TipoProcedimento,
    TiposPlan,
)
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from domain.text import collation_key

if TYPE_CHECKING:
    from pymysql.cursors import Cursor


class SeiModel:
    """What an environment's SEI offers people to work with."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._database = environment.database_sei

    def list_legal_grounds(self) -> list[ExistingHipoteseLegal]:
        """Every legal ground, active or not."""
        with self._server.transaction(self._database) as cursor:
            cursor.execute("SELECT id_hipotese_legal, nome, base_legal, descricao, sin_ativo = 'S' FROM hipotese_legal")
            return [
                ExistingHipoteseLegal(
                    id_hipotese_legal=row_id, nome=nome, base_legal=base, descricao=descricao, ativo=bool(active)
                )
                for row_id, nome, base, descricao, active in cursor.fetchall()
            ]

    def apply_legal_grounds(self, plan: HipotesesPlan) -> Change:
        """Create and correct legal grounds, all of them or none."""
        with self._server.transaction(self._database) as cursor:
            for ground in plan.missing:
                cursor.execute(
                    "INSERT INTO hipotese_legal (id_hipotese_legal, nome, base_legal, descricao, sta_nivel_acesso,"
                    " sin_ativo) VALUES (%s, %s, %s, %s, %s, 'S')",
                    (
                        next_table_id(cursor, "hipotese_legal"),
                        ground.nome,
                        ground.base_legal,
                        ground.descricao,
                        AccessLevel.RESTRITO.code,
                    ),
                )
            for match in plan.changed:
                cursor.execute(
                    "UPDATE hipotese_legal SET nome = %s, base_legal = %s, sin_ativo = 'S'"
                    " WHERE id_hipotese_legal = %s",
                    (match.wanted.nome, match.wanted.base_legal, match.existing.id_hipotese_legal),
                )
        return Change(created=len(plan.missing), updated=len(plan.changed), unchanged=len(plan.present))

    def list_process_types(self) -> list[ExistingTipoProcedimento]:
        """Every process type, active or not, with the name of its suggested legal ground."""
        with self._server.transaction(self._database) as cursor:
            cursor.execute(
                "SELECT t.id_tipo_procedimento, t.nome, t.sta_nivel_acesso_sugestao, h.nome, t.sin_ativo = 'S'"
                " FROM tipo_procedimento t"
                " LEFT JOIN hipotese_legal h ON h.id_hipotese_legal = t.id_hipotese_legal_sugestao"
            )
            return [
                ExistingTipoProcedimento(
                    id_tipo_procedimento=row_id,
                    nome=nome,
                    nivel_acesso_sugestao=level,
                    hipotese_legal=ground,
                    ativo=bool(active),
                )
                for row_id, nome, level, ground, active in cursor.fetchall()
            ]

    def apply_process_types(self, plan: TiposPlan) -> Change:
        """Create and correct process types with the access levels that they allow, all of them or none.

        Raises:
            InvalidInputError: a new type names a subject that the plan in force does not have.
        """
        with self._server.transaction(self._database) as cursor:
            cursor.execute("SELECT nome, id_hipotese_legal FROM hipotese_legal WHERE sin_ativo = 'S'")
            grounds = {collation_key(str(nome)): int(ground_id) for nome, ground_id in cursor.fetchall()}
            for wanted in plan.missing:
                type_id = next_table_id(cursor, "tipo_procedimento")
                cursor.execute(
                    "INSERT INTO tipo_procedimento (id_tipo_procedimento, nome, descricao, sin_ativo,"
                    " sta_nivel_acesso_sugestao, sin_interno, sin_ouvidoria, sin_individual,"
                    " id_hipotese_legal_sugestao) VALUES (%s, %s, %s, 'S', %s, 'N', 'N', 'N', %s)",
                    (
                        type_id,
                        wanted.nome,
                        wanted.descricao,
                        wanted.nivel_acesso.code,
                        _ground_id(wanted, grounds),
                    ),
                )
                _allow_levels(cursor, type_id)
                _link_subject(cursor, type_id, wanted.assunto, self._database)
            for match in plan.changed:
                cursor.execute(
                    "UPDATE tipo_procedimento SET nome = %s, sta_nivel_acesso_sugestao = %s,"
                    " id_hipotese_legal_sugestao = %s, sin_ativo = 'S' WHERE id_tipo_procedimento = %s",
                    (
                        match.wanted.nome,
                        match.wanted.nivel_acesso.code,
                        _ground_id(match.wanted, grounds),
                        match.existing.id_tipo_procedimento,
                    ),
                )
                _allow_levels(cursor, match.existing.id_tipo_procedimento)
        return Change(created=len(plan.missing), updated=len(plan.changed), unchanged=len(plan.present))


def _ground_id(wanted: TipoProcedimento, grounds: dict[str, int]) -> int | None:
    return grounds[collation_key(wanted.hipotese_legal)] if wanted.hipotese_legal else None


def _allow_levels(cursor: "Cursor", type_id: int) -> None:
    """Public and restricted, as every type of the reference allows; nobody gives secrecy (2) by default."""
    cursor.execute("SELECT sta_nivel_acesso FROM nivel_acesso_permitido WHERE id_tipo_procedimento = %s", (type_id,))
    allowed = {str(row[0]) for row in cursor.fetchall()}
    for level in AccessLevel:
        if level.code not in allowed:
            cursor.execute(
                "INSERT INTO nivel_acesso_permitido (id_nivel_acesso_permitido, id_tipo_procedimento,"
                " sta_nivel_acesso) VALUES (%s, %s, %s)",
                (next_table_id(cursor, "nivel_acesso_permitido"), type_id, level.code),
            )


def _link_subject(cursor: "Cursor", type_id: int, code: str, where: str) -> None:
    """Suggest the subject of this code; types point to the proxy, never to the subject itself.

    Raises:
        InvalidInputError: the plan in force lacks the code; a type without a subject starts no process.
    """
    cursor.execute(
        "SELECT MIN(p.id_assunto_proxy) FROM assunto a JOIN assunto_proxy p USING (id_assunto)"
        " JOIN tabela_assuntos t USING (id_tabela_assuntos)"
        " WHERE a.codigo_estruturado = %s AND t.sin_atual = 'S' AND a.sin_ativo = 'S'",
        (code,),
    )
    row = cursor.fetchone()
    if row is None or row[0] is None:
        raise InvalidInputError(
            f"O assunto {code} não existe na tabela de assuntos em uso",
            where,
            "Corrija o código em catalog/document_model/tipos_procedimento.yaml. Nada foi gravado.",
        )
    cursor.execute(
        "INSERT INTO rel_tipo_procedimento_assunto (id_tipo_procedimento, sequencia, id_assunto_proxy)"
        " VALUES (%s, 0, %s)",
        (type_id, int(row[0])),
    )
