"""How far an activity is from its plan, in business days, and who that is due to."""

from collections.abc import Sequence
from datetime import date, timedelta

from domain.model import Frozen
from domain.planning.days import BusinessDays
from domain.planning.progress import Standing
from domain.sla import Pause, owed_as_day_began

_ONE_DAY = timedelta(days=1)


class Deviation(Frozen):
    """Business days after the planned end, negative before it: the sum of three causes."""

    inherited: int = 0
    """From what came before, or from a later start."""
    prefeitura: int = 0
    """Days beyond the planned duration on which the prefeitura owed something."""
    team: int = 0
    """The other days beyond the planned duration, or before its end."""

    @property
    def total(self) -> int:
        """The end against the planned end."""
        return self.inherited + self.prefeitura + self.team

    @property
    def told(self) -> str:
        """`+7 dias úteis (4 da prefeitura, 3 da equipe)`, as operators read it."""
        if not self.total:
            return "no prazo"
        causes = ((self.inherited, "herdado"), (self.prefeitura, "da prefeitura"), (self.team, "da equipe"))
        shown = ", ".join(f"{days:+d} {cause}" for days, cause in causes if days)
        return f"{self.total:+d} {'dia útil' if abs(self.total) == 1 else 'dias úteis'} ({shown})"


def business_days_late(planned: date, actual: date, days: BusinessDays) -> int:
    """How many business days one day is after another; negative when before."""
    if actual >= planned:
        return days.count(planned + _ONE_DAY, actual)
    return -days.count(actual + _ONE_DAY, planned)


def deviation_of(
    standing: Standing,
    *,
    planned: tuple[date, date],
    end: date,
    today: date,
    pauses: Sequence[Pause],
    days: BusinessDays,
) -> Deviation:
    """The deviation of an activity that ends, or is expected to end, on a day.

    `pauses` are those of its own stage. Only an activity that has begun has days of its own to explain; the days on
    which the prefeitura owed something are explained first. What was concluded and not recorded explains nothing.
    """
    total = business_days_late(planned[1], end, days)
    if standing.start is None or (standing.end is not None and not standing.recorded):
        return Deviation(inherited=total)
    beyond = days.count(standing.start, end) - days.count(*planned)
    owed = sum(
        days.count(day, day)
        for day in (standing.start + n * _ONE_DAY for n in range((min(end, today) - standing.start).days + 1))
        if owed_as_day_began(day, pauses)
    )
    prefeitura = max(min(beyond, owed), 0)
    return Deviation(inherited=total - beyond, prefeitura=prefeitura, team=beyond - prefeitura)
