"""What happened to one prefeitura, folded: nothing here is set by hand."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue

from domain.act import ACT_REGISTERED, Act
from domain.board import kinds
from domain.lifecycle import STAGE_FINISHED, STAGE_REOPENED, STAGE_WAITING, Stage, StageEvent, stages_done
from domain.party import Party
from domain.retirement import Milestone, Standing, standing_of
from domain.sla import Pause

_AT_ONCE = timedelta(minutes=1)
_COMMAND = re.compile(r"\s*\(\./implanta[^)]*\)")
_COMMUNICATION_PLAN = "plano-de-comunicacao"
_MILESTONES = frozenset(milestone.value for milestone in Milestone)
_UNITS = "unidades.csv"


class Told(NamedTuple):
    """One event of a municipality."""

    at: datetime
    kind: str
    environment: str | None
    details: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Wait:
    """While a stage could not go on: for whom, why, and since when the stage has waited without a break."""

    stage: Stage
    since: datetime
    held_since: datetime
    owed: tuple[tuple[Party, str], ...]
    until: datetime | None = None

    @property
    def party(self) -> Party:
        """Whose time it is: a debt of the prefeitura comes first, for it stops the clock."""
        parties = {party for party, _ in self.owed} or {Party.PREFEITURA}
        return next(party for party in (Party.PREFEITURA, Party.ESTADO, Party.TERCEIROS) if party in parties)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, without the commands that only operators can use."""
        return tuple(_COMMAND.sub("", text) for _, text in self.owed)


@dataclass
class History:
    """What is known of one municipality; of what never happened, None."""

    done: Mapping[Stage, datetime] = field(default_factory=dict)
    waits: list[Wait] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    planned: dict[str, tuple[date, date]] = field(default_factory=dict)
    decree_on: date | None = None
    contract_on: date | None = None
    units_at: datetime | None = None
    communication_at: datetime | None = None
    announced_for: date | None = None
    announced_at: datetime | None = None
    live_at: datetime | None = None
    delivered: dict[str, datetime] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)

    def open_wait(self, stage: Stage) -> Wait | None:
        """What a stage waits for now."""
        return next((wait for wait in self.waits if wait.stage is stage and wait.until is None), None)


def history_of(events: Iterable[Told]) -> History:
    """Fold the events of one municipality, oldest first."""
    history, folding = History(), _Folding()
    stages: list[StageEvent] = []
    milestones: dict[str, list[Milestone]] = {}
    for event in events:
        if event.kind in {STAGE_FINISHED, STAGE_REOPENED}:
            stage = Stage(str(event.details["stage"]))
            stages.append(StageEvent(event.kind, stage, event.at))
            folding.settle(stage, event.at)
        elif event.kind in {STAGE_WAITING, kinds.SLA_PAUSED, kinds.SLA_RESUMED}:
            folding.take(event)
        elif event.kind in _MILESTONES and event.environment:
            milestones.setdefault(event.environment, []).append(Milestone(event.kind))
        else:
            _note(history, event)
    history.done = stages_done(stages)
    history.waits, history.pauses = folding.waits(), folding.pauses()
    history.standings = {name: standing_of(passed) for name, passed in milestones.items()}
    return history


def _note(history: History, event: Told) -> None:
    details = event.details
    if event.kind == kinds.PLANNED and not history.planned:
        history.planned = _windows(details.get("activities"))
    elif event.kind == ACT_REGISTERED and details.get("act") == Act.DECRETO:
        history.decree_on = date.fromisoformat(str(details["day"]))
    elif event.kind == ACT_REGISTERED:
        history.contract_on = date.fromisoformat(str(details["day"]))
    elif event.kind == kinds.SHEET_APPLIED and details.get("sheet") == _UNITS:
        history.units_at = history.units_at or event.at
    elif event.kind == kinds.INSTRUMENT_GENERATED and details.get("instrument") == _COMMUNICATION_PLAN:
        history.communication_at = history.communication_at or event.at
    elif event.kind == kinds.GO_LIVE_SCHEDULED:
        history.announced_for, history.announced_at = date.fromisoformat(str(details["day"])), event.at
    elif event.kind == kinds.DELIVERED and event.environment:
        history.delivered.setdefault(event.environment, event.at)
    elif event.kind == kinds.OPENED:
        history.live_at = event.at
    elif event.kind == kinds.CLOSED_AGAIN:
        history.live_at = None


def _windows(value: JsonValue) -> dict[str, tuple[date, date]]:
    if not isinstance(value, Mapping):
        return {}
    return {
        code: (date.fromisoformat(str(ends[0])), date.fromisoformat(str(ends[1])))
        for code, ends in value.items()
        if isinstance(ends, list)
    }


class _Folding:
    """Waits and pauses, while events come in."""

    def __init__(self) -> None:
        self._open: dict[Stage, Wait] = {}
        self._over: list[Wait] = []
        self._paused: dict[Stage, datetime] = {}
        self._pauses: list[Pause] = []

    def take(self, event: Told) -> None:
        stage = Stage(str(event.details["stage"]))
        if event.kind == kinds.SLA_PAUSED:
            self._paused[stage] = event.at
            if stage not in self._open:  # versions before told no reasons
                self._begin(stage, event.at, ())
        elif event.kind == kinds.SLA_RESUMED:
            if since := self._paused.pop(stage, None):
                self._pauses.append(Pause(since=since, until=event.at, reason=stage))
            self.settle(stage, event.at)
        else:
            self.settle(stage, event.at)
            if owed := _owed(event.details.get("reasons")):
                self._begin(stage, event.at, owed)

    def settle(self, stage: Stage, at: datetime) -> None:
        if wait := self._open.pop(stage, None):
            self._over.append(Wait(stage, wait.since, wait.held_since, wait.owed, at))

    def _begin(self, stage: Stage, at: datetime, owed: tuple[tuple[Party, str], ...]) -> None:
        before = next((wait for wait in reversed(self._over) if wait.stage is stage), None)
        goes_on = before is not None and before.until is not None and at - before.until < _AT_ONCE
        self._open[stage] = Wait(stage, at, before.held_since if before and goes_on else at, owed)

    def waits(self) -> list[Wait]:
        return [*self._over, *self._open.values()]

    def pauses(self) -> list[Pause]:
        return self._pauses + [Pause(since=since, reason=stage) for stage, since in self._paused.items()]


def _owed(value: JsonValue) -> tuple[tuple[Party, str], ...]:
    if not isinstance(value, list):
        return ()
    return tuple((Party(str(one["of"])), str(one["text"])) for one in value if isinstance(one, dict))
