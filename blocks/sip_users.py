"""Users and permissions in SIP, where every one of them is born (`sei.md` 2.7), as they are now."""

from collections.abc import Collection
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from blocks.counters import next_sequence_ids
from blocks.infra_rows import first_number, updated
from blocks.mariadb import MariaDBServer
from blocks.sip import ORGAO_ID, SEI_SYSTEM_ID, TEST_UNIT_ID
from domain.change import Change
from domain.environment import EnvironmentName
from domain.person import cpf_from_number
from domain.sip_user import Grant, Place, SipUser, UserState

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# Profiles that SEI has in every version; module scripts look them up by these names (`sei.md` 2.4).
BASIC_PROFILE = "Básico"
ADMINISTRATOR_PROFILE = "Administrador"
SIGN = "documento_assinar"  # the recurso that lets somebody sign
NOT_DELEGABLE = 1  # permissao.id_tipo_permissao: who receives the grant may not pass it on


class SipUsers:
    """The users' side of one environment's SIP."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._sip = environment.database_sip
        self._sei = environment.database_sei

    def list_users(self) -> list[SipUser]:
        """Every user of the prefeitura's órgão, active or not, with every permission in any system."""
        with self._server.transaction(self._sip) as cursor:
            return fetch_users(cursor)

    def profile_ids(self) -> dict[str, int]:
        """SEI's active profiles by exact name: ids differ between versions, names do not (`sei.md` 2.4)."""
        with self._server.transaction(self._sip) as cursor:
            cursor.execute(
                "SELECT nome, id_perfil FROM perfil WHERE id_sistema = %s AND sin_ativo = 'S'", (SEI_SYSTEM_ID,)
            )
            return {str(name): int(profile_id) for name, profile_id in cursor.fetchall()}

    def administrator_profiles(self) -> frozenset[int]:
        """The perfil of SEI's administrators, by id."""
        with self._server.transaction(self._sip) as cursor:
            cursor.execute(
                "SELECT id_perfil FROM perfil WHERE id_sistema = %s AND nome = %s",
                (SEI_SYSTEM_ID, ADMINISTRATOR_PROFILE),
            )
            return frozenset(int(row[0]) for row in cursor.fetchall())

    def signing_profiles(self) -> frozenset[int]:
        """The ids of SEI's active profiles with which one may sign."""
        with self._server.transaction(self._sip) as cursor:
            cursor.execute(
                "SELECT p.id_perfil FROM perfil p JOIN rel_perfil_recurso USING (id_perfil, id_sistema)"
                " JOIN recurso r USING (id_recurso, id_sistema)"
                " WHERE id_sistema = %s AND p.sin_ativo = 'S' AND r.sin_ativo = 'S' AND r.nome = %s",
                (SEI_SYSTEM_ID, SIGN),
            )
            return frozenset(int(row[0]) for row in cursor.fetchall())

    def ensure_technical_user(self, login: str, name: str, today: date) -> Change:
        """A user that is nobody: signs in to prove that signing in works, in the reference's own test unit only.

        It has the profile of everybody and no CPF, and belongs to no spreadsheet (`domain.person.RESERVED_LOGINS`).
        """
        profile = self.profile_ids()[BASIC_PROFILE]
        with self._server.transaction(self._sip) as cursor:
            cursor.execute(
                "SELECT id_usuario, sin_ativo = 'S' AND sin_bloqueado = 'N' FROM usuario WHERE sigla = %s"
                " ORDER BY sin_ativo DESC FOR UPDATE",
                (login,),
            )
            row = cursor.fetchone()
            if row is None:
                (user_id,) = next_sequence_ids(cursor, "usuario", 1)
                cursor.execute(
                    "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, nome_registro_civil, id_origem, sin_ativo,"
                    " sin_bloqueado) VALUES (%s, %s, %s, %s, %s, %s, 'S', 'N')",
                    (user_id, ORGAO_ID, login, name, name, login),
                )
                change = Change(created=1, details=(f"usuário técnico {login} no SIP",))
            else:
                user_id = int(row[0])
                cursor.execute(
                    "UPDATE usuario SET sin_ativo = 'S', sin_bloqueado = 'N' WHERE id_usuario = %s", (user_id,)
                )
                change = updated(cursor, f"usuário técnico {login} reativado no SIP")
            # It may do nothing more than this one grant, whatever somebody gave it meanwhile.
            cursor.execute(
                "DELETE FROM permissao WHERE id_usuario = %s AND NOT (id_sistema = %s AND id_perfil = %s"
                " AND id_unidade = %s AND dta_fim IS NULL AND sin_subunidades = 'N')",
                (user_id, SEI_SYSTEM_ID, profile, TEST_UNIT_ID),
            )
            if cursor.rowcount:
                change += Change(removed=cursor.rowcount, details=(f"permissões a mais do usuário técnico {login}",))
            cursor.execute(
                "INSERT IGNORE INTO permissao (id_perfil, id_sistema, id_usuario, id_unidade, id_tipo_permissao,"
                " dta_inicio, sin_subunidades) VALUES (%s, %s, %s, %s, %s, %s, 'N')",
                (profile, SEI_SYSTEM_ID, user_id, TEST_UNIT_ID, NOT_DELEGABLE, today),
            )
            if cursor.rowcount:
                change += Change(created=1, details=(f"permissão do usuário técnico {login}",))
        return change

    def is_replicated(self, login: str) -> bool:
        """Whether SEI has the active SIP user of this login."""
        with self._server.transaction(self._sip) as cursor:
            cursor.execute(
                f"SELECT COUNT(*) FROM {self._sip}.usuario u JOIN {self._sei}.usuario e USING (id_usuario)"
                " WHERE u.sigla = %s AND u.sin_ativo = 'S' AND e.sin_ativo = 'S'",
                (login,),
            )
            return first_number(cursor) > 0

    def count_replication_gaps(self) -> dict[str, int]:
        """The three checks after an import (`sei.md` 2.7), and one each for what changed; each must be 0."""
        queries = {
            "usuários com permissão no SIP e sem usuário ativo no SEI": (
                f"SELECT COUNT(DISTINCT u.id_usuario) FROM {self._sip}.usuario u"
                f" JOIN {self._sip}.permissao p ON p.id_usuario = u.id_usuario AND p.id_sistema = %s"
                "   AND p.dta_inicio <= NOW() AND (p.dta_fim IS NULL OR p.dta_fim >= CURDATE())"
                f" LEFT JOIN {self._sei}.usuario e ON e.id_usuario = u.id_usuario AND e.sin_ativo = 'S'"
                " WHERE u.sin_ativo = 'S' AND u.sin_bloqueado = 'N' AND e.id_usuario IS NULL"
            ),
            "unidades da hierarquia que faltam no SEI": (
                f"SELECT COUNT(*) FROM {self._sip}.rel_hierarquia_unidade h"
                f" JOIN {self._sip}.sistema s ON s.id_sistema = %s AND s.id_hierarquia = h.id_hierarquia"
                f" LEFT JOIN {self._sei}.unidade e ON e.id_unidade = h.id_unidade"
                " WHERE h.sin_ativo = 'S' AND e.id_unidade IS NULL"
            ),
            "unidades com outra sigla, descrição ou situação no SEI": (
                f"SELECT COUNT(*) FROM {self._sip}.unidade u"
                f" JOIN {self._sei}.unidade e ON e.id_unidade = u.id_unidade"
                " WHERE %s IS NOT NULL AND (BINARY e.sigla <> u.sigla OR BINARY e.descricao <> u.descricao"
                "   OR e.sin_ativo <> u.sin_ativo)"
            ),
            "usuários com outro login, nome ou situação no SEI": (
                f"SELECT COUNT(*) FROM {self._sip}.usuario u"
                f" JOIN {self._sei}.usuario e ON e.id_usuario = u.id_usuario AND e.sta_tipo = '0'"
                " WHERE %s IS NOT NULL AND u.id_origem <> '' AND (BINARY e.sigla <> u.sigla OR BINARY e.nome <> u.nome"
                "   OR e.sin_ativo <> u.sin_ativo)"
            ),
            "usuários internos do SEI que faltam no SIP": (
                f"SELECT COUNT(*) FROM {self._sei}.usuario e"
                f" LEFT JOIN {self._sip}.usuario u USING (id_usuario)"
                " WHERE e.sta_tipo = '0' AND u.id_usuario IS NULL AND %s IS NOT NULL"
            ),
        }
        gaps = {}
        with self._server.transaction(self._sip) as cursor:
            for label, query in queries.items():
                cursor.execute(query, (SEI_SYSTEM_ID,))
                gaps[label] = first_number(cursor)
        return gaps

    def list_ready_logins(self) -> set[str]:
        """The logins for which every condition of both databases holds to sign in and work in a unit.

        Source: the table in `sei.md` 2.7. The password is the directory's matter.
        """
        with self._server.transaction(self._sip) as cursor:
            cursor.execute(
                f"SELECT DISTINCT u.sigla FROM {self._sip}.usuario u"
                f" JOIN {self._sip}.orgao o ON o.id_orgao = u.id_orgao AND o.sin_ativo = 'S' AND o.sin_autenticar = 'S'"
                f" JOIN {self._sip}.rel_orgao_autenticacao a ON a.id_orgao = o.id_orgao"
                f" JOIN {self._sip}.permissao p ON p.id_usuario = u.id_usuario AND p.id_sistema = %s"
                "   AND p.dta_inicio <= NOW() AND (p.dta_fim IS NULL OR p.dta_fim >= CURDATE())"
                f" JOIN {self._sip}.sistema s ON s.id_sistema = p.id_sistema"
                f" JOIN {self._sip}.unidade un ON un.id_unidade = p.id_unidade AND un.sin_ativo = 'S'"
                f" JOIN {self._sip}.rel_hierarquia_unidade h ON h.id_unidade = un.id_unidade"
                "   AND h.id_hierarquia = s.id_hierarquia AND h.sin_ativo = 'S' AND h.dta_inicio <= NOW()"
                "   AND (h.dta_fim IS NULL OR h.dta_fim >= CURDATE())"
                f" JOIN {self._sei}.usuario e ON e.id_usuario = u.id_usuario AND e.sin_ativo = 'S' AND e.sta_tipo = '0'"
                f" JOIN {self._sei}.contato c ON c.id_contato = e.id_contato"
                f" JOIN {self._sei}.unidade eu ON eu.id_unidade = un.id_unidade AND eu.sin_ativo = 'S'"
                f" JOIN {self._sei}.unidade_historico uh ON uh.id_unidade = eu.id_unidade AND uh.dta_fim IS NULL"
                " WHERE u.sin_ativo = 'S' AND u.sin_bloqueado = 'N'",
                (SEI_SYSTEM_ID,),
            )
            return {str(row[0]) for row in cursor.fetchall()}


def fetch_users(cursor: "Cursor", only: Collection[int] | None = None) -> list[SipUser]:
    """Users of the prefeitura's órgão with their permissions, inside the caller's transaction.

    With `only`, those of these ids, whom nobody else may change until the transaction ends.
    """
    if only is not None and not only:
        return []
    chosen, lock = ("", "") if only is None else (" AND id_usuario IN %s", " FOR UPDATE")
    ids = () if only is None else (tuple(only),)
    cursor.execute(
        "SELECT id_usuario, sigla, nome, nome_registro_civil, nome_social, cpf, email, id_origem, sin_ativo,"
        f" sin_bloqueado FROM usuario WHERE id_orgao = %s{chosen} ORDER BY id_usuario{lock}",
        (ORGAO_ID, *ids),
    )
    users = cursor.fetchall()
    cursor.execute(
        "SELECT id_usuario, id_sistema, id_perfil, id_unidade, dta_inicio, dta_fim, sin_subunidades FROM permissao"
        f" WHERE 1{chosen} ORDER BY id_sistema, id_perfil, id_unidade{lock}",
        ids,
    )
    grants: dict[int, list[Grant]] = {}
    known: dict[tuple[Any, ...], Grant] = {}  # thousands of people share a few hundred
    for user, *columns in cursor.fetchall():
        key = tuple(columns)
        if key not in known:
            known[key] = _grant(*columns)
        grants.setdefault(user, []).append(known[key])
    return [_user(row, tuple(grants.get(row[0], ()))) for row in users]


def _grant(system: int, profile: int, unit: int, start: datetime, end: datetime | None, below: str) -> Grant:
    return Grant(
        place=Place(id_sistema=system, id_perfil=profile, id_unidade=unit),
        inicio=start.date(),
        fim=end.date() if end else None,
        subunidades=below == "S",
    )


def _user(row: tuple[Any, ...], grants: tuple[Grant, ...]) -> SipUser:
    id_usuario, sigla, shown, civil, social, cpf, email, origin, active, blocked = row
    return SipUser(
        id_usuario=id_usuario,
        state=UserState(
            sigla=sigla,
            nome=civil,
            nome_social=_social_name(shown, civil, social),
            cpf=cpf_from_number(cpf),
            email=email or None,
            id_origem=origin or None,
            ativo=active == "S",
            grants=grants,
        ),
        bloqueado=blocked == "S",
    )


def _social_name(shown: str, civil: str, social: str | None) -> str | None:
    """What is shown instead of the civil name, so that a `nome` that is neither name differs from any spreadsheet's."""
    return None if shown == civil and social != shown else shown
