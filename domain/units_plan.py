"""What a prefeitura's spreadsheet of units would change in one environment: in SIP, where units are born, and in SEI.

A unit that an earlier spreadsheet brought, and this one no longer has, is deactivated, if nobody works in it. What the
prefeitura made by hand, and the reference's own units, are never touched.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import NonNegativeInt, PositiveInt

from domain.change import Change
from domain.drift import difference
from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.process_number import NumberMask
from domain.spreadsheet_units import RESERVED_SIGLAS, Unit, UnitTree, same_setting
from domain.text import collation_key
from domain.units_import import ExistingUnit, UnitsPlan, plan_units

IN_SEI = "no SEI"
NEXT_FREE = "o próximo livre"
_RESERVED = frozenset(map(collation_key, RESERVED_SIGLAS))
_OF_SIP = ("sigla", "descricao", "ativo")
"""The fields that replication carries into SEI."""


class SeiUnit(Frozen):
    """A unit as SEI has it; `settings` go by the spreadsheet's columns, and hold every one of them."""

    id_unidade: PositiveInt
    sigla: str
    descricao: str
    ativo: bool = True
    settings: dict[str, str | None]
    emails: tuple[str, ...] = ()
    in_history: bool = True
    """Whether its row of `unidade_historico` is open."""
    open_processes: NonNegativeInt = 0
    numbered_processes: bool = False
    """Whether a process carries its code in the number."""


class SeiContents(Frozen):
    """Every unit of SEI, and what their settings hang on."""

    units: tuple[SeiUnit, ...]
    cities: frozenset[tuple[str, str]] = frozenset()
    """Of the cities that were asked for, those that SEI has, as (city, state)."""
    orgao_city: tuple[str, str] | None = None
    mask: str | None = None
    """How processes are numbered (`orgao.numeracao`)."""


class Action(StrEnum):
    """What happens to one unit."""

    CREATE = "criar"
    CHANGE = "alterar"
    MOVE = "mover"
    DEACTIVATE = "desativar"
    KEEP = "manter"
    """It should go, and stays, for a reason."""


@dataclass(frozen=True, slots=True)
class UnitStep:
    """One unit that is not as the spreadsheet says: field → (current, wanted)."""

    action: Action
    sigla: str
    changes: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    reason: str = ""

    def tell(self) -> str:
        """`mover PROT, superior: SEMAD → GAB`; of an e-mail only its domain."""
        told = [difference(name, old, new) for name, (old, new) in self.changes.items()]
        return ", ".join([f"{self.action} {self.sigla}", *told, *([self.reason] if self.reason else [])])


@dataclass(frozen=True)
class TreePlan:
    """Every unit that is not as the spreadsheet says, and what each half of the work does about it."""

    steps: tuple[UnitStep, ...]
    unchanged: int
    sip: UnitsPlan
    units: tuple[Unit, ...]
    """What the rows say to SEI, with what follows from it; parents first."""
    retired: tuple[ExistingUnit, ...]
    """Deactivated in both; some of them in SIP already, by a run that was cut off."""
    brought: frozenset[str]
    """The siglas that this application brings in, or back."""
    left: frozenset[str]
    """Those that an earlier one brought, and that are gone once this one is done."""

    @property
    def pending(self) -> tuple[UnitStep, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if step.action is not Action.KEEP)

    @property
    def digest(self) -> str:
        """A code that is equal for two plans that would do the same."""
        told = [
            [step.action, step.sigla, {name: list(pair) for name, pair in step.changes.items()}] for step in self.steps
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @property
    def change(self) -> Change:
        """What applying it counts as, each unit told."""
        counts = {action: sum(step.action is action for step in self.steps) for action in Action}
        return Change(
            created=counts[Action.CREATE],
            updated=counts[Action.CHANGE] + counts[Action.MOVE],
            removed=counts[Action.DEACTIVATE],
            unchanged=self.unchanged + counts[Action.KEEP],
            details=tuple(step.tell() for step in self.pending),
        )


def plan_tree(
    wanted: UnitTree,
    sip: Sequence[ExistingUnit],
    sei: SeiContents,
    *,
    brought: AbstractSet[str] = frozenset(),
    people: Mapping[int, int] | None = None,
    where: str = "planilha de unidades",
) -> TreePlan:
    """Compare the wanted tree with both databases.

    `brought` are the siglas that earlier spreadsheets brought; `people` counts the active users who have a permission
    in a unit, by its id.

    Raises:
        InvalidInputError: a code is taken, does not fit or is in use, or a city is not known; every problem is told.
    """
    in_sei = {unit.id_unidade: unit for unit in sei.units}
    units = tuple(_completed(unit, sei.orgao_city) for unit in wanted.units)
    plan = plan_units(wanted, sip)
    found = {collation_key(match.wanted.sigla): match for match in (*plan.changed, *plan.present)}
    existing = {key: in_sei.get(match.existing.id_unidade) for key, match in found.items()}
    _refuse(_problems(units, existing, sei), where)
    steps = []
    for unit in units:
        match = found.get(collation_key(unit.sigla))
        changes = _sip_changes(unit, match.existing if match else None, match.changed if match else ())
        changes |= _sei_changes(unit, existing.get(collation_key(unit.sigla)), changes)
        if changes:
            action = Action.MOVE if match and match.existing.in_hierarchy and "superior" in changes else Action.CHANGE
            steps.append(UnitStep(action if match else Action.CREATE, unit.sigla, changes))
    unchanged = len(units) - len(steps)
    ours = {match.existing.id_unidade for match in found.values()}
    steps += [
        UnitStep(Action.CHANGE, unit.sigla, {"codigo": (None, NEXT_FREE)})
        for unit in sei.units
        if unit.id_unidade not in ours and not unit.settings.get("codigo")
    ]
    leaving = _leaving(wanted, sip, in_sei, brought, people or {})
    steps += [UnitStep(Action.DEACTIVATE, unit.sigla, _ending(unit)) for unit in leaving.retired]
    steps += [UnitStep(Action.KEEP, sigla, reason=reason) for sigla, reason in leaving.kept.items()]
    back = (match.wanted for match in plan.changed if "ativo" in match.changed)
    return TreePlan(
        steps=tuple(steps),
        unchanged=unchanged,
        sip=plan,
        units=units,
        retired=leaving.retired,
        brought=frozenset(unit.sigla for unit in (*plan.missing, *back)),
        left=leaving.gone,
    )


def _completed(unit: Unit, orgao_city: tuple[str, str] | None) -> Unit:
    """The unit with the órgão's city, where its own address names none: it lies in the same município."""
    if "endereco" not in unit.settings or "cidade" in unit.settings or orgao_city is None:
        return unit
    city, state = orgao_city
    return unit.model_copy(update={"settings": unit.settings | {"cidade": city, "uf": state}})


def _problems(units: Sequence[Unit], existing: Mapping[str, SeiUnit | None], sei: SeiContents) -> list[str]:
    cities = {(collation_key(city), collation_key(state)) for city, state in sei.cities}
    taken = _codes_of_others(units, existing, sei)
    width = NumberMask(sei.mask).digits_of("cod_unidade_sei") if sei.mask else None
    problems = []
    for unit in units:
        if "cidade" in unit.settings:
            city, state = unit.settings["cidade"], unit.settings["uf"]
            if (collation_key(city), collation_key(state)) not in cities:
                problems.append(f"{unit.sigla}: a cidade {city}/{state} não existe no SEI")
        found, code = existing.get(collation_key(unit.sigla)), unit.settings.get("codigo")
        now = found.settings.get("codigo") if found else None
        if code is None or same_setting("codigo", code, now):
            continue
        if int(code) in taken:
            problems.append(f"{unit.sigla}: o código {code} já é da unidade {taken[int(code)]}")
        if width is not None and len(code.lstrip("0")) > width:
            problems.append(f"{unit.sigla}: o código {code} não cabe na numeração, que lhe dá {width} algarismos")
        if found and found.numbered_processes:
            told = f"o código {now} já numera processos" if now else "já há processos numerados sem código"
            problems.append(f"{unit.sigla}: {told} e não muda para {code}")
    return problems


def _codes_of_others(units: Sequence[Unit], existing: Mapping[str, SeiUnit | None], sei: SeiContents) -> dict[int, str]:
    """The codes that stay in SEI as they are, with the siglas of their units."""
    given = {collation_key(unit.sigla) for unit in units if "codigo" in unit.settings}
    changing = {found.id_unidade for key, found in existing.items() if found and key in given}
    return {
        int(code): unit.sigla
        for unit in sei.units
        if unit.id_unidade not in changing and (code := unit.settings.get("codigo") or "").isdigit()
    }


def _refuse(problems: Sequence[str], where: str) -> None:
    if problems:
        raise InvalidInputError(
            f"A planilha não serve a este ambiente: {' | '.join(problems)}",
            where,
            "Corrija e envie a planilha de novo. Nada foi gravado.",
        )


Changes = dict[str, tuple[str | None, str | None]]


def _sip_changes(unit: Unit, found: ExistingUnit | None, changed: Sequence[str]) -> Changes:
    if found is None:
        return {"descricao": (None, unit.descricao), "superior": (None, unit.superior or "raiz")}
    told: Changes = {
        "sigla": (found.sigla, unit.sigla),
        "descricao": (found.descricao, unit.descricao),
        "superior": (found.superior or ("raiz" if found.in_hierarchy else None), unit.superior or "raiz"),
        "ativo": ("não", "sim"),
    }
    return {name: told[name] for name in changed}


def _sei_changes(unit: Unit, found: SeiUnit | None, in_sip: Changes) -> Changes:
    known: Mapping[str, str | None] = found.settings if found else {}
    changes: Changes = {
        column: (known.get(column), value)
        for column, value in unit.settings.items()
        if not same_setting(column, known.get(column), value)
    }
    if "codigo" not in unit.settings and not known.get("codigo"):
        changes["codigo"] = (None, NEXT_FREE)
    if unit.email and (found is None or unit.email not in found.emails):
        changes["email"] = (found.emails[0] if found and found.emails else None, unit.email)
    if not in_sip.keys() & set(_OF_SIP):
        if found is None:
            changes[IN_SEI] = (None, "replicada")
        elif (found.sigla, found.descricao, found.ativo) != (unit.sigla, unit.descricao, True):
            changes[IN_SEI] = ("desatualizada", "replicada")
        elif not found.in_history:
            changes[IN_SEI] = ("com histórico encerrado", "com histórico aberto")
    return changes


@dataclass(frozen=True)
class _Leaving:
    retired: tuple[ExistingUnit, ...]
    kept: Mapping[str, str]
    gone: frozenset[str]


def _leaving(
    wanted: UnitTree,
    sip: Sequence[ExistingUnit],
    in_sei: Mapping[int, SeiUnit],
    brought: AbstractSet[str],
    people: Mapping[int, int],
) -> _Leaving:
    placed = {collation_key(sigla) for sigla in wanted.siglas}
    staying = placed | _RESERVED
    keys = {collation_key(sigla): sigla for sigla in sorted(brought)}
    existing = {collation_key(unit.sigla): unit for unit in sorted(sip, key=lambda unit: unit.ativo)}
    inactive = {collation_key(unit.sigla) for unit in sip if not unit.ativo}
    candidates = {key: existing[key] for key in keys if key in existing and key not in staying}
    reasons = {
        key: reason
        for key, unit in candidates.items()
        if (reason := _why_kept(unit, in_sei.get(unit.id_unidade), people, has_twin=unit.ativo and key in inactive))
    }
    while True:
        stuck = {
            collation_key(child.superior)
            for child in sip
            if child.ativo
            and child.in_hierarchy
            and child.superior
            and (key := collation_key(child.sigla)) not in placed  # what the spreadsheet has goes where it says
            and (key not in candidates or key in reasons)
        }
        fresh = {key for key in stuck & candidates.keys() if key not in reasons and candidates[key].ativo}
        if not fresh:
            break
        reasons |= dict.fromkeys(sorted(fresh), "tem unidades subordinadas que ficam")
    going = {key: unit for key, unit in candidates.items() if key not in reasons}
    return _Leaving(
        retired=tuple(unit for unit in going.values() if unit.ativo or _lingers(in_sei.get(unit.id_unidade))),
        kept={candidates[key].sigla: reason for key, reason in reasons.items()},
        gone=frozenset(sigla for key, sigla in keys.items() if key not in staying and key not in reasons),
    )


def _why_kept(unit: ExistingUnit, found: SeiUnit | None, people: Mapping[int, int], *, has_twin: bool) -> str:
    if not unit.ativo:
        return ""  # deactivated by somebody, or by a run that was cut off: SEI follows SIP
    reasons = []
    if found and found.open_processes:
        reasons.append(f"tem processos abertos ({found.open_processes})")
    if count := people.get(unit.id_unidade):
        reasons.append(f"tem usuários ativos com permissão ({count})")
    if has_twin:
        reasons.append("já há outra desativada com esta sigla")
    return ", ".join(reasons)


def _lingers(found: SeiUnit | None) -> bool:
    return found is not None and (found.ativo or found.in_history)


def _ending(unit: ExistingUnit) -> Changes:
    return {"ativo": ("sim", "não")} if unit.ativo else {IN_SEI: ("ativa", "inativa")}


class PlannedUnit(Frozen):
    """One step as reports and scripts show it."""

    action: Action
    sigla: str
    told: str


class TreeReport(Frozen):
    """A plan in the shape that the Prefect UI, the command line and scripts show."""

    environment: str
    digest: str
    steps: tuple[PlannedUnit, ...]
    unchanged: NonNegativeInt

    @property
    def changes(self) -> tuple[PlannedUnit, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if step.action is not Action.KEEP)

    @property
    def kept(self) -> tuple[PlannedUnit, ...]:
        """The units that should go and stay."""
        return tuple(step for step in self.steps if step.action is Action.KEEP)


def report_tree(environment: str, plan: TreePlan) -> TreeReport:
    """The plan without ids and addresses of mail."""
    return TreeReport(
        environment=environment,
        digest=plan.digest,
        steps=tuple(PlannedUnit(action=step.action, sigla=step.sigla, told=step.tell()) for step in plan.steps),
        unchanged=plan.unchanged,
    )
