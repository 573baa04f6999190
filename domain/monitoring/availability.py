"""How much of a month an environment could be used, by what the registry was told."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import NonNegativeFloat, NonNegativeInt

from domain.model import Frozen

Interval = tuple[datetime, datetime]


class Availability(Frozen):
    """One environment's month; minutes."""

    total: NonNegativeFloat
    """From the beginning of the month, or the opening, to its end, or now."""
    planned: NonNegativeFloat
    """Closed by an operator, or by an upgrade or a restoration; without service or not, it is promised to nobody."""
    down: NonNegativeFloat
    """Without service outside of what was planned."""
    incidents: NonNegativeInt
    watched: float
    """The share of the time that the monitoring saw; of the rest nobody knows."""

    @property
    def percent(self) -> float | None:
        """Of the time that was promised; None when none was."""
        promised = self.total - self.planned
        return 100 * (promised - self.down) / promised if promised > 0 else None

    @property
    def told(self) -> str:
        """As a prefeitura reads it."""
        if self.percent is None:
            return "Disponibilidade: o mês inteiro foi de manutenção programada."
        percent = f"{int(self.percent * 100) / 100:.2f}".replace(".", ",")  # never rounded up to what it was not
        parts = [f"Disponibilidade de {percent} %: {shown_minutes(self.down)} sem serviço"]
        if self.planned:
            parts.append(f"{shown_minutes(self.planned)} de manutenção programada à parte")
        if self.watched < 1:
            parts.append(f"medida em {int(100 * self.watched)} % do tempo")
        return f"{', '.join(parts)}."


def shown_minutes(minutes: float) -> str:
    """`1 h 35 min`."""
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def judge_availability(
    period: Interval, down: Iterable[Interval], planned: Iterable[Interval], *, sweeps: int, every: timedelta
) -> Availability:
    """The month of one environment: what is without service twice at once, or while it is planned, counts once.

    `sweeps` are how often it was seen, and `every` how long a sighting stands for.
    """
    inside = merge(down, period)
    pauses = merge(planned, period)
    unplanned = [part for one in inside for part in _without(one, pauses)]
    total = _minutes([period])
    promised = total - _minutes(pauses)
    expected = promised / (every / timedelta(minutes=1))
    return Availability(
        total=total,
        planned=_minutes(pauses),
        down=_minutes(unplanned),
        incidents=len(inside),
        watched=min(sweeps / expected, 1.0) if expected else 1.0,
    )


def merge(intervals: Iterable[Interval], within: Interval) -> list[Interval]:
    """The same time, cut to a period, as intervals that do not touch one another, in order."""
    begins, ends = within
    found: list[Interval] = []
    cut = sorted((max(start, begins), min(end, ends)) for start, end in intervals)
    for start, end in cut:
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _without(one: Interval, pauses: Sequence[Interval]) -> list[Interval]:
    start, end = one
    left = []
    for pause_start, pause_end in pauses:
        if pause_end <= start or pause_start >= end:
            continue
        if pause_start > start:
            left.append((start, pause_start))
        start = max(start, pause_end)
    return [*left, (start, end)] if start < end else left


def _minutes(intervals: Iterable[Interval]) -> float:
    return sum((end - start) / timedelta(minutes=1) for start, end in intervals)
