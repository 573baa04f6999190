"""In which units a person may work in a system: SIP's grants spread over the hierarchy (`sei.md` 2.4, 2.7)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from pymysql.cursors import DictCursor

from domain.errors import IntegrityError
from lab.sei_standin.database import Value, fetch_all


@dataclass(frozen=True)
class Grant:
    """One valid permission of a person in a system."""

    id_usuario: int
    id_perfil: int
    id_unidade: int
    with_subunits: bool


@dataclass(frozen=True)
class Unit:
    """One unit of SIP."""

    id_unidade: int
    id_orgao: int
    active: bool
    stands_for_all: bool


@dataclass(frozen=True)
class Organization:
    """SIP's units, and the hierarchy that a system uses, as both are valid at one moment."""

    units: dict[int, Unit]
    in_hierarchy: frozenset[int]
    children: dict[int, list[int]]

    def workplaces(self, grants: Iterable[Grant]) -> set[int]:
        """The units that grants reach; whether one can work there now is for the caller to judge."""
        reached: set[int] = set()
        for grant in grants:
            unit = self.units[grant.id_unidade]
            if unit.stands_for_all:
                if unit.active:
                    reached |= {
                        other.id_unidade
                        for other in self.units.values()
                        if other.id_orgao == unit.id_orgao and not other.stands_for_all
                    }
                continue
            reached.add(unit.id_unidade)
            if grant.with_subunits:
                reached |= self._below(unit.id_unidade)
        return reached

    def profiles_in(self, id_unidade: int, grants: Iterable[Grant]) -> frozenset[int]:
        """The profiles with which grants let one work in a unit."""
        return frozenset(grant.id_perfil for grant in grants if id_unidade in self.workplaces([grant]))

    def _below(self, id_unidade: int) -> set[int]:
        found: set[int] = set()
        waiting = [id_unidade]
        while waiting:
            for child in self.children.get(waiting.pop(), []):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return found

    def require_grants_inside(self, grants: Iterable[Grant]) -> None:
        """Refuse a grant over sub-units that starts outside the hierarchy.

        SIP's own `carregarUsuarios` fails on it (`sei.md` 2.7, from the notes of anpdgovbr).

        Raises:
            IntegrityError: there is such a grant.
        """
        for grant in grants:
            if grant.with_subunits and grant.id_unidade not in self.in_hierarchy:
                raise IntegrityError(
                    f"Permissão com subunidades na unidade {grant.id_unidade}, que está fora da hierarquia",
                    "permissao",
                    "Inclua a unidade na hierarquia do sistema ou retire a permissão.",
                )


def load_organization(sip: DictCursor, id_hierarquia: int, now: datetime) -> Organization:
    """Read the units and the part of the hierarchy that is valid now."""
    units = {
        row["id_unidade"]: Unit(row["id_unidade"], row["id_orgao"], row["sin_ativo"] == "S", row["sin_global"] == "S")
        for row in fetch_all(sip, "SELECT id_unidade, id_orgao, sin_ativo, sin_global FROM unidade")
    }
    links = fetch_all(
        sip,
        "SELECT id_unidade, id_unidade_pai FROM rel_hierarquia_unidade WHERE id_hierarquia = %s AND sin_ativo = 'S'"
        " AND dta_inicio <= %s AND (dta_fim IS NULL OR dta_fim >= %s)",
        (id_hierarquia, now, midnight(now)),
    )
    children: dict[int, list[int]] = defaultdict(list)
    for link in links:
        if link["id_unidade_pai"] is not None:
            children[link["id_unidade_pai"]].append(link["id_unidade"])
    return Organization(units, frozenset(link["id_unidade"] for link in links), dict(children))


def list_grants(sip: DictCursor, id_sistema: int, now: datetime, id_usuario: int | None = None) -> list[Grant]:
    """The permissions in a system that are valid today and of an active profile; of one person, or of all."""
    query = (
        "SELECT p.id_usuario, p.id_perfil, p.id_unidade, p.sin_subunidades FROM permissao p"
        " JOIN perfil f ON f.id_perfil = p.id_perfil AND f.id_sistema = p.id_sistema"
        " WHERE p.id_sistema = %s AND f.sin_ativo = 'S' AND p.dta_inicio <= %s"
        " AND (p.dta_fim IS NULL OR p.dta_fim >= %s)"
    )
    values: list[Value] = [id_sistema, now, midnight(now)]
    if id_usuario is not None:
        query += " AND p.id_usuario = %s"
        values.append(id_usuario)
    return [
        Grant(row["id_usuario"], row["id_perfil"], row["id_unidade"], row["sin_subunidades"] == "S")
        for row in fetch_all(sip, query, values)
    ]


def list_rights(sip: DictCursor, id_sistema: int, profiles: Collection[int]) -> frozenset[str]:
    """What profiles allow: the names of their active `recurso`s, which in SEI are those of its pages' actions."""
    if not profiles:
        return frozenset()
    rows = fetch_all(
        sip,
        "SELECT DISTINCT r.nome FROM rel_perfil_recurso p JOIN recurso r"
        " ON r.id_sistema = p.id_sistema AND r.id_recurso = p.id_recurso"
        " WHERE p.id_sistema = %s AND r.sin_ativo = 'S' AND p.id_perfil IN %s",
        (id_sistema, tuple(profiles)),
    )
    return frozenset(row["nome"] for row in rows)


def midnight(moment: datetime) -> datetime:
    """The day of a moment as `dta_…` columns hold it; a last day is valid until its end."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
