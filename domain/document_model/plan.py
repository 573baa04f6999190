"""What applying a model to an instance would change: a three-way comparison of last applied, wanted and current."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import NonNegativeInt

from domain.change import Change
from domain.document_model.entries import EVERYWHERE, Posse
from domain.document_model.kinds import KINDS, Kind, Retirement
from domain.document_model.model import Item, Key, Model, Value, label_of
from domain.drift import difference, shown
from domain.model import Frozen

Fields = Mapping[str, Value]
Applied = Mapping[str, Mapping[Key, Fields]]
"""What was last applied, by kind and key, long values as `remembered` keeps them; empty before the first time."""

_REMEMBERED_WHOLE = 100
_TWIN = "já há outro com este nome, desativado"


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the instance has it: its id there and its fields.

    It may have a twin of the same name that is switched off: `serie` refuses a second one (UNIQUE nome, sin_ativo).
    """

    id: int
    fields: Fields
    has_inactive_twin: bool = False


Current = Mapping[str, Mapping[Key, Row]]
"""What the instance has, by kind and key."""


class Action(StrEnum):
    """What happens to one entry."""

    CREATE = "criar"
    CHANGE = "alterar"
    SWITCH_OFF = "desativar"
    REMOVE = "excluir"
    LEAVE = "manter"
    """It differs, and stays: the prefeitura changed what is its own, or nothing here can be created by us."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry that is not as declared. `item` is None for one that the catalog no longer has."""

    action: Action
    kind: Kind
    key: Key
    label: str
    item: Item | None = None
    row: Row | None = None
    changed: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    """Field → (current, wanted)."""
    reason: str = ""


@dataclass(frozen=True)
class ModelPlan:
    """Every entry that is not as declared, in the order of application, and how many already are."""

    steps: tuple[Step, ...]
    unchanged: int
    local: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By kind, the entries that the instance has beyond the catalog."""

    @property
    def pending(self) -> tuple[Step, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if step.action is not Action.LEAVE)

    @property
    def digest(self) -> str:
        """A code that is equal for two plans that would do the same."""
        told = [
            [step.action, step.kind.name, *step.key, {name: list(pair) for name, pair in step.changed.items()}]
            for step in self.steps
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=list).encode()).hexdigest()

    @property
    def change(self) -> Change:
        """What applying it counts as, each entry told by kind and key."""
        counts = {action: [step for step in self.steps if step.action is action] for action in Action}
        return Change(
            created=len(counts[Action.CREATE]),
            updated=len(counts[Action.CHANGE]) + len(counts[Action.SWITCH_OFF]),
            removed=len(counts[Action.REMOVE]),
            unchanged=self.unchanged + len(counts[Action.LEAVE]),
            details=tuple(tell(step) for step in self.pending),
        )


def tell(step: Step) -> str:
    """One step in a line: `alterar tipo de processo 'Pessoal: Férias', nivel_acesso: publico → restrito`."""
    what = f"{step.action} {step.kind} {shown(step.label)!r}"
    if step.action is not Action.CHANGE and step.action is not Action.LEAVE:
        return what
    told = [difference(name, as_text(old), as_text(new)) for name, (old, new) in step.changed.items()]
    return ", ".join([what, *told, *([step.reason] if step.reason else [])])


def as_text(value: Value) -> str | None:
    """A value as people read it: sim, não, a list with commas."""
    if isinstance(value, bool):
        return "sim" if value else "não"
    if isinstance(value, tuple):
        return ", ".join(value) if value else None
    return None if value is None else str(value)


def plan_model(
    wanted: Model, current: Current, applied: Applied, known_before: Mapping[str, frozenset[Key]]
) -> ModelPlan:
    """Compare what the catalog declares with what the instance has and with what was applied last.

    `known_before` holds the keys that the instance had before the model was first applied: what came with its release
    is no local entry. A field that the last application left different from what is there now was changed locally: the
    programme's entries are put back, the prefeitura's own stay.
    """
    steps: list[Step] = []
    unchanged = 0
    local: dict[str, tuple[str, ...]] = {}
    retired = retired_keys(wanted, applied, known_before)
    for kind in KINDS:
        rows, last, before = current.get(kind.name, {}), applied.get(kind.name, {}), known_before.get(kind.name)
        for key, item in wanted[kind.name].items():
            step = _step(item, rows.get(key), last.get(key))
            if step is None:
                unchanged += 1
            else:
                steps.append(step)
        steps += _retired(kind, retired[kind.name], rows, last)
        beyond = [
            label_of(kind, row.fields)
            for key, row in rows.items()
            if key not in wanted[kind.name] and key not in last and key not in (before or ())
        ]
        if beyond and before is not None:
            local[kind.name] = tuple(sorted(beyond))
    return ModelPlan(tuple(steps), unchanged, local)


def remembered(value: Value) -> Value:
    """The value, or the digest of a long text: enough to see later whether somebody changed it."""
    if isinstance(value, str) and len(value) > _REMEMBERED_WHOLE:
        return "sha256:" + hashlib.sha256(value.encode()).hexdigest()
    return value


OWNER, COMPLETE = "posse", "completo"
"""What is remembered of an entry beside its fields, under names that no kind's field has."""


def applied_now(wanted: Model, current: Current) -> dict[str, dict[Key, Fields]]:
    """What an application leaves to be remembered: of each entry that is there, the fields that the catalog decides."""
    return {
        kind.name: {
            key: {name: remembered(value) for name, value in item.fields.items()}
            | {OWNER: item.posse.value, COMPLETE: item.complete}
            for key, item in wanted.get(kind.name, {}).items()
            if key in current.get(kind.name, {}) or item.complete
        }
        for kind in KINDS
    }


def retired_keys(
    model: Model, applied: Applied, known_before: Mapping[str, frozenset[Key]]
) -> dict[str, frozenset[Key]]:
    """By kind, the entries that an earlier catalog made and this one no longer has.

    What was only patched, and what came with the release, was never ours to take away.
    """
    return {
        kind.name: frozenset(
            key
            for key, fields in applied.get(kind.name, {}).items()
            if key not in model[kind.name] and fields.get(COMPLETE) and key not in known_before.get(kind.name, ())
        )
        for kind in KINDS
    }


def _step(item: Item, row: Row | None, last: Fields | None) -> Step | None:
    kind = item.kind
    if row is None:
        return _absent(item, last)
    differs = {
        name: (row.fields[name], value)
        for name, value in item.fields.items()
        if name in row.fields and row.fields[name] != value
    }
    if not differs:
        return None
    if item.posse is Posse.PREFEITURA:
        theirs = {name: pair for name, pair in differs.items() if not _is_ours(name, pair, last)}
        differs = {name: pair for name, pair in differs.items() if name not in theirs}
        if not differs:
            return Step(Action.LEAVE, kind, item.key, item.label, item, row, theirs, "decisão da prefeitura")
    if differs.get("ativo") == (True, False) and row.has_inactive_twin:
        del differs["ativo"]
        if not differs:
            return Step(Action.LEAVE, kind, item.key, item.label, item, row, {}, _TWIN)
    action = Action.SWITCH_OFF if set(differs) == {"ativo"} and not item.fields["ativo"] else Action.CHANGE
    return Step(action, kind, item.key, item.label, item, row, differs, _why(differs, last))


def _absent(item: Item, last: Fields | None) -> Step | None:
    kind = item.kind
    if item.complete:
        if last is not None and item.posse is Posse.PREFEITURA:
            return Step(Action.LEAVE, kind, item.key, item.label, item, reason="excluído pela prefeitura")
        changed = {name: (None, value) for name, value in item.fields.items()}
        return Step(Action.CREATE, kind, item.key, item.label, item, None, changed)
    if kind.creatable or item.fields.get("ativo") is False:
        return None  # switching off what is not there; that a patch has something to patch was judged before
    return Step(Action.LEAVE, kind, item.key, item.label, item, reason="esta versão do SEI não tem este item")


def _is_ours(name: str, pair: tuple[Value, Value], last: Fields | None) -> bool:
    """Whether a field still is as we left it: then the catalog changed, and not the prefeitura."""
    now, wanted = pair
    # A unit that came later makes a list of all units stale without anybody's doing.
    return wanted == (EVERYWHERE,) or bool(last and last.get(name, ...) == remembered(now))


def _why(differs: Mapping[str, tuple[Value, Value]], last: Fields | None) -> str:
    changed_here = [name for name, pair in differs.items() if last and name in last and not _is_ours(name, pair, last)]
    return "alterado nesta instância" if changed_here else ""


def _retired(kind: Kind, keys: frozenset[Key], rows: Mapping[Key, Row], last: Mapping[Key, Fields]) -> Iterator[Step]:
    for key in sorted(keys & rows.keys()):
        row, fields = rows[key], last[key]
        label = label_of(kind, row.fields)
        rewritten = any(
            remembered(row.fields[name]) != value
            for name, value in fields.items()
            if name in row.fields and value != (EVERYWHERE,)
        )
        theirs = rewritten and (kind.retirement is Retirement.REMOVED or fields.get(OWNER) == Posse.PREFEITURA)
        if kind.retirement is Retirement.KEPT or row.fields.get("ativo") is False:
            continue
        if theirs:
            yield Step(Action.LEAVE, kind, key, label, None, row, reason="saiu do catálogo, mas foi mudado aqui")
        elif kind.retirement is Retirement.REMOVED:
            yield Step(Action.REMOVE, kind, key, label, None, row)
        elif row.has_inactive_twin:
            yield Step(Action.LEAVE, kind, key, label, None, row, reason=_TWIN)
        else:
            yield Step(Action.SWITCH_OFF, kind, key, label, None, row, {"ativo": (True, False)})


class PlannedStep(Frozen):
    """One step as reports and scripts show it."""

    action: Action
    kind: str
    label: str
    told: str
    source: str | None


class PlanReport(Frozen):
    """A plan in the shape that the Prefect UI, the command line and scripts show."""

    environment: str
    digest: str
    steps: tuple[PlannedStep, ...]
    unchanged: NonNegativeInt
    local: dict[str, tuple[str, ...]]

    @property
    def changes(self) -> tuple[PlannedStep, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if step.action is not Action.LEAVE)


def report_plan(environment: str, plan: ModelPlan) -> PlanReport:
    """The plan without its ids and texts; long values are cut, personal data is not shown."""
    return PlanReport(
        environment=environment,
        digest=plan.digest,
        steps=tuple(
            PlannedStep(
                action=step.action,
                kind=step.kind.label,
                label=shown(step.label),
                told=tell(step),
                source=str(step.item.source_of(next(iter(step.changed), ""))) if step.item else None,
            )
            for step in plan.steps
        ),
        unchanged=plan.unchanged,
        local={name: tuple(shown(label) for label in labels) for name, labels in plan.local.items()},
    )
