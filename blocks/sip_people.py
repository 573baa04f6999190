"""Units in SIP, where every one of them is born (`sei.md` 2.7), and how many people may use each."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from blocks.counters import next_sequence_ids
from blocks.infra_rows import first_number
from blocks.mariadb import MariaDBServer
from blocks.sip import ORGAO_ID, SEI_SYSTEM_ID
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import IntegrityError
from domain.text import collation_key
from domain.units_import import ExistingUnit, UnitsPlan

if TYPE_CHECKING:
    from pymysql.cursors import Cursor


class SipPeople:
    """The units' side of one environment's SIP."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._sip = environment.database_sip

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
