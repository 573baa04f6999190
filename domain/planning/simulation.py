"""The fleet as it may go on: every prefeitura's plan, and a thousand ways in which what is left may turn out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np

from domain.calendar import BusinessCalendar
from domain.freeze import FreezeWindow, frozen_days
from domain.planning.days import BusinessDays, Days
from domain.planning.durations import Durations, durations_of
from domain.planning.progress import Progress, Standing, State, standings_of
from domain.planning.queue import Client, Orders, Spans, elapsed_days, orders_of, serve
from domain.planning.rules import Rules
from domain.planning.teams import TeamTable

Windows = dict[str, tuple[date, date]]
"""First and last day of each activity, by its code."""


@dataclass(frozen=True)
class Simulation:
    """What came of each round, and from what it was made."""

    clients: Mapping[str, Client]
    """By IBGE code."""
    spans: Spans
    durations: Mapping[str, Durations]
    """By code of the activity."""
    orders: Orders
    today: date

    def go_lives(self, rules: Rules) -> list[Days]:
        """The go-live of each client in every round."""
        return [self.spans[ibge, rules.go_live.code].end for ibge in self.clients]

    def with_teams(self, rules: Rules, teams: TeamTable) -> "Simulation":
        """The same rounds, had the teams other numbers of slots."""
        spans = serve(self.orders, rules.timetable, teams, today=self.today)
        return replace(self, spans=spans)


def plan_fleet(fleet: Sequence[Progress], rules: Rules) -> dict[str, Windows]:
    """The plan of each prefeitura by IBGE code: as if each had just joined and everything took what is planned."""
    if not fleet:
        return {}
    joined = [progress.as_joined for progress in fleet]
    planned = rules.planned_days()
    durations = {code: np.array([days], dtype=np.int32) for code, days in planned.items()}
    nothing_done = dict.fromkeys(planned, Standing(state=State.WAITING))
    days = _days_of(joined, rules)
    clients = [Client(progress, days[progress.ibge], nothing_done, planned, durations) for progress in joined]
    first = min(progress.start for progress in joined)
    spans = serve(orders_of(clients, rules.timetable, today=first), rules.timetable, rules.teams, today=first)
    return {
        progress.ibge: {
            code: (_day(spans[progress.ibge, code].start[0]), _day(spans[progress.ibge, code].end[0]))
            for code in planned
        }
        for progress in joined
    }


def simulate(fleet: Sequence[Progress], rules: Rules, *, today: date, rounds: int, seed: int) -> Simulation:
    """Let every prefeitura go on from where it is, in so many rounds.

    Equal for equal arguments. The chances of a prefeitura are its own, whoever else is in the fleet and however many
    slots there are; every duration is drawn by itself, so what would hold up everybody at once is not in it.
    """
    days, planned = _days_of(fleet, rules), rules.planned_days()
    standings = {
        progress.ibge: standings_of(
            progress,
            rules.timetable,
            rules.teams,
            today=today,
            environment_business_days=rules.environment_business_days,
        )
        for progress in fleet
    }
    durations = {
        activity.code: durations_of(
            activity,
            [
                max(days[ibge].count(standing.start, standing.end), 1)
                for ibge, of_one in standings.items()
                if (standing := of_one[activity.code]).recorded and standing.start and standing.end
            ],
            enough=rules.timetable.enough_history,
            planned_days=planned[activity.code],
        )
        for activity in rules.timetable.activities
    }
    clients = {
        progress.ibge: _client(
            progress, days[progress.ibge], standings[progress.ibge], planned, durations, today, rounds, seed
        )
        for progress in fleet
    }
    orders = orders_of(list(clients.values()), rules.timetable, today=today)
    spans = serve(orders, rules.timetable, rules.teams, today=today)
    return Simulation(clients, spans, durations, orders, today)


def _client(
    progress: Progress,
    days: BusinessDays,
    standings: Mapping[str, Standing],
    planned: Mapping[str, int],
    durations: Mapping[str, Durations],
    today: date,
    rounds: int,
    seed: int,
) -> Client:
    chances = np.random.default_rng([seed, int(progress.ibge)]).random((len(planned), rounds))
    drawn = {
        code: durations[code].draw(chances[place], elapsed_days(standings[code], days, today))
        for place, code in enumerate(planned)
        if standings[code].state is not State.DONE
    }
    return Client(progress, days, standings, planned, drawn)


def _days_of(fleet: Sequence[Progress], rules: Rules) -> dict[str, BusinessDays]:
    """The business days of each municipality, made once for all that have the same."""
    first = min((min([one.start, *one.done.values(), *one.begun.values()]) for one in fleet), default=date.max)
    made: dict[tuple[BusinessCalendar, tuple[FreezeWindow, ...]], BusinessDays] = {}
    found = {}
    for progress in fleet:
        key = (progress.calendar, rules.freezes.windows_of(progress.ibge))
        if key not in made:
            made[key] = BusinessDays(
                progress.calendar,
                first,
                partial(frozen_days, rule=rules.freezes, ibge=progress.ibge),
            )
        found[progress.ibge] = made[key]
    return found


def _day(ordinal: int) -> date:
    return date.fromordinal(int(ordinal))
