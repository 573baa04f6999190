"""Whose time it was: the business days of a journey between the state, the prefeitura and third parties.

As in `domain.sla`, a day is theirs who owed something as it began in Brasília; every other day is the state's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from domain.board.days import DayCount, first_day_from
from domain.board.history import Wait
from domain.calendar import local_day
from domain.party import Party
from domain.sla import SlaState


@dataclass(frozen=True, slots=True)
class Split:
    """Business days, by whose they were."""

    estado: int = 0
    prefeitura: int = 0
    terceiros: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.estado + self.prefeitura + self.terceiros

    def of(self, party: Party) -> int:
        """The days of one party."""
        return {
            Party.ESTADO: self.estado,
            Party.PREFEITURA: self.prefeitura,
            Party.TERCEIROS: self.terceiros,
        }[party]

    def share(self, party: Party) -> str:
        """A party's share for people: little is never told as nothing."""
        part = 100 * self.of(party) / self.total if self.total else 0.0
        return "menos de 1 %" if 0 < part < 1 else f"{round(part)} %"

    def __add__(self, other: "Split") -> "Split":
        return Split(self.estado + other.estado, self.prefeitura + other.prefeitura, self.terceiros + other.terceiros)


def split_days(started_at: datetime, stopped_at: datetime, waits: Iterable[Wait], days: DayCount) -> Split:
    """The business days after the first up to the last; where waits overlap, a debt of the prefeitura comes first."""
    first = days.place(local_day(started_at).toordinal() + 1)
    last = max(days.place(local_day(stopped_at).toordinal() + 1), first)
    taken: dict[Party, set[int]] = {party: set() for party in Party}
    for wait in waits:
        begins = max(days.place(first_day_from(wait.since)), first)
        ends = last if wait.until is None else min(days.place(first_day_from(wait.until)), last)
        taken[wait.party].update(range(begins, ends))
    prefeitura = taken[Party.PREFEITURA]
    terceiros = taken[Party.TERCEIROS] - prefeitura - taken[Party.ESTADO]
    return Split(last - first - len(prefeitura) - len(terceiros), len(prefeitura), len(terceiros))


@dataclass(frozen=True, slots=True)
class Clock:
    """The agreed delivery of the training environment, in business days."""

    started_on: date
    finished_on: date | None
    due_on: date
    state: SlaState
    agreed: int
    split: Split
