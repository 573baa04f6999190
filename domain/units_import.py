"""What importing a prefeitura's units into SIP would change."""

from collections.abc import Iterable

from pydantic import PositiveInt

from domain.model import Frozen
from domain.spreadsheet_units import Unit, UnitTree
from domain.text import collation_key


class ExistingUnit(Frozen):
    """A row of `sip.unidade` with its parent's sigla in the SEI hierarchy. E-mails are SEI's, not SIP's."""

    id_unidade: PositiveInt
    sigla: str
    descricao: str | None
    superior: str | None = None
    ativo: bool = True
    in_hierarchy: bool = True


class MatchedUnit(Frozen):
    """A wanted unit that SIP already has; `changed` names the fields that differ."""

    wanted: Unit
    existing: ExistingUnit
    changed: tuple[str, ...] = ()


class UnitsPlan(Frozen):
    """What to do with each wanted unit. Units that nobody mentions stay as they are."""

    missing: tuple[Unit, ...]
    """Parents first."""
    changed: tuple[MatchedUnit, ...]
    """Parents first."""
    present: tuple[MatchedUnit, ...]


def plan_units(wanted: UnitTree, existing: Iterable[ExistingUnit]) -> UnitsPlan:
    """Compare the wanted tree with SIP, by sigla as its UNIQUE key compares; an active unit wins over an inactive one.

    A superior that changed only in case or accents is the same superior.
    """
    by_key = {collation_key(unit.sigla): unit for unit in sorted(existing, key=lambda unit: unit.ativo)}
    missing: list[Unit] = []
    matched: list[MatchedUnit] = []
    for unit in wanted.units:
        found = by_key.get(collation_key(unit.sigla))
        if found is None:
            missing.append(unit)
        else:
            matched.append(MatchedUnit(wanted=unit, existing=found, changed=_changed(unit, found)))
    return UnitsPlan(
        missing=tuple(missing),
        changed=tuple(match for match in matched if match.changed),
        present=tuple(match for match in matched if not match.changed),
    )


def _changed(unit: Unit, found: ExistingUnit) -> tuple[str, ...]:
    same_superior = collation_key(unit.superior or "") == collation_key(found.superior or "")
    differs = {
        "sigla": unit.sigla != found.sigla,
        "descricao": unit.descricao != found.descricao,
        "superior": not same_superior or not found.in_hierarchy,
        "ativo": not found.ativo,
    }
    return tuple(field for field, different in differs.items() if different)
