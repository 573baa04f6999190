"""Prefeituras that wait for the same teams: when each activity of each begins and ends, in many rounds at once.

Each activity of a team is a queue of its own, with as many slots as the team has. Who comes to it first if nobody had
to wait anywhere is served first; of equals, who joined first; then the smaller IBGE code. That order is made once, from
the planned durations, and holds in every round and for every number of slots. So a slot is kept for whose turn it is,
even where somebody later in the order could use it before. The price is that a date may be later than a cleverer
planner's; what it buys is that a date is explained by the order alone, and that more slots or, in that order, shorter
durations never make anybody later (where the next one may pass, they can: Graham's anomalies).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np
from numpy.typing import NDArray

from domain.instruments.timetable import Activity, TimetableRule
from domain.lifecycle import Stage
from domain.planning.days import BusinessDays, Days
from domain.planning.progress import Progress, Standing, State
from domain.planning.teams import TeamTable

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Client:
    """One prefeitura in the queues: where each activity stands, and its business days in each round.

    The business days of what runs include those already taken. `planned` are the days that make the order.
    """

    progress: Progress
    days: BusinessDays
    standings: Mapping[str, Standing]
    planned: Mapping[str, int]
    durations: Mapping[str, Days]


@dataclass(frozen=True)
class Span:
    """One activity of one prefeitura in every round, as ordinals; `queued` are the days that it waited for a slot."""

    start: Days
    end: Days
    queued: Days


Spans = dict[tuple[str, str], Span]
"""By IBGE code and code of the activity."""

Orders = Mapping[str, Sequence[Client]]
"""By code of the activity."""


def elapsed_days(standing: Standing, days: BusinessDays, today: date) -> int:
    """The business days before today that a running activity has taken already; 0 of any other."""
    if standing.state is not State.RUNNING or standing.start is None or standing.start >= today:
        return 0
    return days.count(standing.start, today - _ONE_DAY)


def orders_of(clients: Sequence[Client], rule: TimetableRule, *, today: date) -> Orders:
    """Who is served when at each activity, whatever the teams: as they would come if nobody waited for a slot."""
    unhindered: Spans = {}
    for activity in rule.activities:
        _serve_activity(activity, [_as_planned(client, today) for client in clients], None, unhindered, today)
    return {
        activity.code: sorted(clients, key=partial(_place_in, unhindered, activity.code))
        for activity in rule.activities
    }


def serve(orders: Orders, rule: TimetableRule, teams: TeamTable, *, today: date) -> Spans:
    """Every activity of every client; what is not done ends today at the earliest.

    What runs already goes on whatever the number of slots, and takes one from those who wait.
    """
    spans: Spans = {}
    for activity in rule.activities:
        team = teams.of_activity(activity.code)
        _serve_activity(activity, orders[activity.code], team.slots if team else None, spans, today)
    return spans


class _Slots:
    """The last day on which each slot of a team is taken, in every round."""

    def __init__(self, number: int, rounds: int) -> None:
        self._until = np.zeros((number, rounds), dtype=np.int32)
        self._columns = np.arange(rounds)

    def first_free(self) -> tuple[NDArray[np.intp], Days]:
        """In each round the slot that is free first, and the last day on which it is taken."""
        slot = self._until.argmin(axis=0)
        return slot, self._until[slot, self._columns]

    def take(self, slot: NDArray[np.intp], until: Days) -> None:
        """Keep a slot in each round until the end of a day."""
        self._until[slot, self._columns] = until


def _serve_activity(
    activity: Activity, clients: Sequence[Client], slots: int | None, spans: Spans, today: date
) -> None:
    """Add the spans of one activity to those of all that it waits for."""
    rounds = max((len(days) for client in clients for days in client.durations.values()), default=1)
    lane = _Slots(slots, rounds) if slots is not None and slots < len(clients) else None
    for client in sorted(clients, key=lambda client: client.standings[activity.code].state is State.WAITING):
        standing, key = client.standings[activity.code], (client.progress.ibge, activity.code)
        if standing.state is not State.WAITING and standing.start is not None:
            spans[key] = span = _begun(standing, client, activity)
            if lane and standing.state is State.RUNNING:
                slot, taken = lane.first_free()
                lane.take(slot, np.maximum(taken, span.end))
            continue
        ready = _ready(client, activity, spans, today)
        slot, taken = lane.first_free() if lane else (_NO_SLOT, ready)
        start, end = client.days.place(
            np.maximum(ready, taken), client.durations[activity.code], avoiding_freezes=activity.stage is Stage.GO_LIVE
        )
        spans[key] = Span(start, end, np.maximum(taken - ready, 0))
        if lane:
            lane.take(slot, end)


def _begun(standing: Standing, client: Client, activity: Activity) -> Span:
    start = _ordinal(standing.start)
    if standing.state is State.DONE:
        return Span(start, _ordinal(standing.end), _NO_DAYS)
    _, end = client.days.place(start - 1, client.durations[activity.code])
    return Span(start, end, _NO_DAYS)


def _ready(client: Client, activity: Activity, spans: Spans, today: date) -> Days:
    """The last day before the activity can begin: it begins after all that it waits for, and never in the past."""
    ready = _ordinal(max(client.progress.start, today - _ONE_DAY))
    for code in activity.after:
        ready = np.maximum(ready, spans[client.progress.ibge, code].end)
    return ready


def _as_planned(client: Client, today: date) -> Client:
    durations = {
        code: np.array([max(days, elapsed_days(client.standings[code], client.days, today) + 1)], dtype=np.int32)
        for code, days in client.planned.items()
    }
    return Client(client.progress, client.days, client.standings, client.planned, durations)


def _place_in(unhindered: Spans, code: str, client: Client) -> tuple[int, tuple[date, str]]:
    return int(unhindered[client.progress.ibge, code].start[0]), client.progress.order


def _ordinal(day: date | None) -> Days:
    assert day is not None  # noqa: S101  # a begun activity has its start, one that is done its end
    return np.array([day.toordinal()], dtype=np.int32)


_NO_DAYS = np.zeros(1, dtype=np.int32)
_NO_SLOT = np.zeros(1, dtype=np.intp)
