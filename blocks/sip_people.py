"""Units, users and permissions in SIP, where every one of them is born (`sei.md` 2.7)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from blocks.counters import next_sequence_ids
from blocks.infra_rows import first_number, updated
from blocks.mariadb import MariaDBServer
from blocks.sip import ORGAO_ID, SEI_SYSTEM_ID, TEST_UNIT_ID
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import IntegrityError, RetryableError
from domain.person import Person, cpf_from_number
from domain.text import collation_key
from domain.units_import import ExistingUnit, UnitsPlan
from domain.user_import import ExistingUser, ImportPlan

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# The profile that every user of SEI has, in every version; module scripts look it up by this name (`sei.md` 2.4).
BASIC_PROFILE = "Básico"
NOT_DELEGABLE = 1  # permissao.id_tipo_permissao: who receives the grant may not pass it on


class SipPeople:
    """The people's side of one environment's SIP."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._sip = environment.database_sip
        self._sei = environment.database_sei

    def list_units(self) -> list[ExistingUnit]:
        """Every unit of the prefeitura's órgão but the global ones, with its place in the hierarchy that SEI uses.

        Another órgão of the instance may have units of the same siglas: they are not the prefeitura's to change.
        """
        with self._server.transaction(self._sip) as cursor:
            cursor.execute(
                "SELECT u.id_unidade, u.sigla, u.descricao, p.sigla, u.sin_ativo = 'S', h.id_unidade IS NOT NULL"
                " FROM unidade u"
                " JOIN sistema s ON s.id_sistema = %s"
                " LEFT JOIN rel_hierarquia_unidade h ON h.id_unidade = u.id_unidade"
                "   AND h.id_hierarquia = s.id_hierarquia AND h.sin_ativo = 'S'"
                " LEFT JOIN unidade p ON p.id_unidade = h.id_unidade_pai"
                " WHERE u.sin_global = 'N' AND u.id_orgao = %s",
                (SEI_SYSTEM_ID, ORGAO_ID),
            )
            return [
                ExistingUnit(
                    id_unidade=unit_id,
                    sigla=sigla,
                    descricao=descricao,
                    superior=superior,
                    ativo=bool(active),
                    in_hierarchy=bool(placed),
                )
                for unit_id, sigla, descricao, superior, active, placed in cursor.fetchall()
            ]

    def count_people_by_unit(self) -> dict[int, int]:
        """How many active users have a permission in force, in any system, by the id of the unit that they may use.

        A permission with `sin_subunidades` reaches the units below its own.
        """
        with self._server.transaction(self._sip) as cursor:
            cursor.execute(
                "SELECT p.id_unidade, p.id_usuario, MAX(p.sin_subunidades = 'S') FROM permissao p"
                " JOIN usuario u USING (id_usuario) WHERE u.sin_ativo = 'S'"
                " AND (p.dta_fim IS NULL OR p.dta_fim >= CURDATE()) GROUP BY p.id_unidade, p.id_usuario"
            )
            permissions = [(int(unit), int(user), bool(below)) for unit, user, below in cursor.fetchall()]
            cursor.execute(
                "SELECT id_unidade, id_unidade_pai FROM rel_hierarquia_unidade"
                " WHERE sin_ativo = 'S' AND id_hierarquia = %s",
                (self._sei_hierarchy(cursor),),
            )
            above = {int(unit): int(parent) if parent else None for unit, parent in cursor.fetchall()}
        return _count_people(permissions, above)

    def apply_units(self, plan: UnitsPlan, *, retired: Sequence[ExistingUnit] = (), today: date) -> Change:
        """Create, correct and deactivate units and their places in the hierarchy, all of them or none.

        SIP keeps one row for a unit's place in a hierarchy: a move changes it, a deactivation ends it.
        """
        with self._server.transaction(self._sip) as cursor:
            hierarchy = self._sei_hierarchy(cursor)
            cursor.execute(
                "SELECT sigla, id_unidade FROM unidade WHERE sin_global = 'N' AND sin_ativo = 'S' AND id_orgao = %s",
                (ORGAO_ID,),
            )
            ids = {collation_key(str(sigla)): int(unit_id) for sigla, unit_id in cursor.fetchall()}
            new_ids = next_sequence_ids(cursor, "unidade", len(plan.missing)) if plan.missing else []
            for unit, unit_id in zip(plan.missing, new_ids, strict=True):
                ids[collation_key(unit.sigla)] = unit_id
                cursor.execute(
                    "INSERT INTO unidade (id_unidade, id_orgao, sigla, descricao, sin_ativo, sin_global, id_origem)"
                    " VALUES (%s, %s, %s, %s, 'S', 'N', %s)",
                    (unit_id, ORGAO_ID, unit.sigla, unit.descricao, unit.sigla),
                )
            for match in plan.changed:
                ids[collation_key(match.wanted.sigla)] = match.existing.id_unidade
                cursor.execute(
                    "UPDATE unidade SET sigla = %s, descricao = %s, sin_ativo = 'S' WHERE id_unidade = %s",
                    (match.wanted.sigla, match.wanted.descricao, match.existing.id_unidade),
                )
            _place(cursor, _places(plan, ids), hierarchy, today)
            ending = [unit.id_unidade for unit in retired if unit.ativo]
            cursor.executemany(
                "UPDATE unidade SET sin_ativo = 'N' WHERE id_unidade = %s", [(unit_id,) for unit_id in ending]
            )
            cursor.executemany(
                "UPDATE rel_hierarquia_unidade SET sin_ativo = 'N', dta_fim = %s"
                " WHERE id_unidade = %s AND id_hierarquia = %s",
                [(today, unit_id, hierarchy) for unit_id in ending],
            )
        return Change(
            created=len(plan.missing), updated=len(plan.changed), removed=len(ending), unchanged=len(plan.present)
        )

    @staticmethod
    def _sei_hierarchy(cursor: "Cursor") -> int:
        cursor.execute("SELECT id_hierarquia FROM sistema WHERE id_sistema = %s", (SEI_SYSTEM_ID,))
        hierarchy = first_number(cursor)
        if not hierarchy:
            raise IntegrityError("O SEI não tem hierarquia no SIP", "sip.sistema", "Compare o banco com a referência.")
        return hierarchy

    def list_users(self) -> list[ExistingUser]:
        """Every user, active or not."""
        with self._server.transaction(self._sip) as cursor:
            cursor.execute("SELECT id_usuario, sigla, nome, cpf, email, id_origem, sin_ativo = 'S' FROM usuario")
            return [
                ExistingUser(
                    id_usuario=user_id,
                    sigla=sigla,
                    nome=nome,
                    cpf=cpf_from_number(cpf),
                    email=email,
                    id_origem=id_origem,
                    ativo=bool(active),
                )
                for user_id, sigla, nome, cpf, email, id_origem, active in cursor.fetchall()
            ]

    def profile_ids(self) -> dict[str, int]:
        """SEI's active profiles by exact name: ids differ between versions, names do not (`sei.md` 2.4)."""
        with self._server.transaction(self._sip) as cursor:
            cursor.execute(
                "SELECT nome, id_perfil FROM perfil WHERE id_sistema = %s AND sin_ativo = 'S'", (SEI_SYSTEM_ID,)
            )
            return {str(name): int(profile_id) for name, profile_id in cursor.fetchall()}

    def apply_users(self, plan: ImportPlan, *, today: date) -> Change:
        """Create and correct users, and give the permissions they lack, all of it or nothing.

        A permission that already exists is left as it is, also one that somebody ended on purpose.

        Raises:
            RetryableError: a unit or profile of the plan is gone from SIP since the plan was made.
        """
        profiles = self.profile_ids()
        units = {collation_key(unit.sigla): unit.id_unidade for unit in self.list_units() if unit.ativo}
        people_of_plan = (*plan.create, *(match.person for match in (*plan.update, *plan.unchanged)))
        self._refuse_gone(people_of_plan, units, profiles)
        with self._server.transaction(self._sip) as cursor:
            new_ids = next_sequence_ids(cursor, "usuario", len(plan.create)) if plan.create else []
            cursor.executemany(
                "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, nome_registro_civil, cpf, email, id_origem,"
                " sin_ativo, sin_bloqueado) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'S', 'N')",
                [
                    (user_id, ORGAO_ID, p.sigla, p.nome, p.nome, int(p.cpf), p.email, p.id_origem)
                    for user_id, p in zip(new_ids, plan.create, strict=True)
                ],
            )
            cursor.executemany(
                "UPDATE usuario SET sigla = %s, nome = %s, nome_registro_civil = %s, cpf = %s, email = %s,"
                " id_origem = %s, sin_ativo = 'S' WHERE id_usuario = %s",
                [
                    (m.person.sigla, m.person.nome, m.person.nome, int(m.person.cpf), m.person.email,
                     m.person.id_origem, m.existing.id_usuario)
                    for m in plan.update
                ],
            )  # fmt: skip
            people: list[tuple[int, Person]] = [
                *zip(new_ids, plan.create, strict=True),
                *((m.existing.id_usuario, m.person) for m in (*plan.update, *plan.unchanged)),
            ]
            granted = self._grant_missing(cursor, people, units, profiles, today)
        return Change(created=len(plan.create), updated=len(plan.update), unchanged=len(plan.unchanged)) + granted

    def _refuse_gone(self, people: Sequence[Person], units: dict[str, int], profiles: dict[str, int]) -> None:
        gone = {unidade for person in people for unidade in person.unidades if collation_key(unidade) not in units}
        gone |= {name for person in people for name in person.perfis if name not in profiles}
        if gone:
            raise RetryableError(
                f"Unidades ou perfis deixaram de existir durante a importação: {', '.join(sorted(gone))}",
                self._sip,
                "Execute de novo: o plano será refeito com o que o SIP tem agora.",
            )

    @staticmethod
    def _grant_missing(
        cursor: "Cursor",
        people: Sequence[tuple[int, Person]],
        units: dict[str, int],
        profiles: dict[str, int],
        today: date,
    ) -> Change:
        cursor.execute(
            "SELECT id_perfil, id_usuario, id_unidade FROM permissao WHERE id_sistema = %s", (SEI_SYSTEM_ID,)
        )
        existing = {(int(profile), int(user), int(unit)) for profile, user, unit in cursor.fetchall()}
        wanted = [
            (profiles[lotacao.perfil], user_id, units[collation_key(lotacao.unidade)])
            for user_id, person in people
            for lotacao in person.lotacoes
        ]
        missing = [grant for grant in wanted if grant not in existing]
        cursor.executemany(
            "INSERT INTO permissao (id_perfil, id_sistema, id_usuario, id_unidade, id_tipo_permissao, dta_inicio,"
            " sin_subunidades) VALUES (%s, %s, %s, %s, %s, %s, 'N')",
            [(profile, SEI_SYSTEM_ID, user, unit, NOT_DELEGABLE, today) for profile, user, unit in missing],
        )
        return Change(created=len(missing), unchanged=len(wanted) - len(missing))

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
        """The three checks after an import (`sei.md` 2.7), and one for units that changed; each must be 0."""
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


def _places(plan: UnitsPlan, ids: dict[str, int]) -> dict[int, int | None]:
    """The parent's id, or None for the root, of every unit that is new or has to move, by the unit's own id."""
    moved = [match.wanted for match in plan.changed if "superior" in match.changed]
    return {
        ids[collation_key(unit.sigla)]: ids[collation_key(unit.superior)] if unit.superior else None
        for unit in (*plan.missing, *moved)
    }


def _count_people(permissions: Iterable[tuple[int, int, bool]], above: Mapping[int, int | None]) -> dict[int, int]:
    people: dict[int, set[int]] = {}
    reaching: dict[int, set[int]] = {}
    for unit, user, below in permissions:
        people.setdefault(unit, set()).add(user)
        if below:
            reaching.setdefault(unit, set()).add(user)
    for unit in above:
        parent, seen = above[unit], {unit}
        while parent is not None and parent not in seen:
            people.setdefault(unit, set()).update(reaching.get(parent, ()))
            seen.add(parent)
            parent = above.get(parent)
    return {unit: len(users) for unit, users in people.items() if users}


def _place(cursor: "Cursor", places: dict[int, int | None], hierarchy: int, today: date) -> None:
    # First everybody in, then under the parents: a parent may itself only now come into the hierarchy.
    cursor.executemany(
        "INSERT INTO rel_hierarquia_unidade (id_unidade, id_hierarquia, dta_inicio, sin_ativo)"
        " VALUES (%s, %s, %s, 'S') ON DUPLICATE KEY UPDATE dta_fim = NULL, sin_ativo = 'S'",
        [(unit_id, hierarchy, today) for unit_id in places],
    )
    cursor.executemany(
        "UPDATE rel_hierarquia_unidade SET id_hierarquia_pai = %s, id_unidade_pai = %s"
        " WHERE id_unidade = %s AND id_hierarquia = %s",
        [
            (None if parent_id is None else hierarchy, parent_id, unit_id, hierarchy)
            for unit_id, parent_id in places.items()
        ],
    )
