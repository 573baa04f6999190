"""How far an activity is from its plan, in business days, and who that is due to."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from domain.model import Frozen
from domain.planning.days import BusinessDays
from domain.sla import Pause, owed_as_day_began

_ONE_DAY = timedelta(days=1)


class Deviation(Frozen):
    """Business days after the planned end, negative before it: the sum of four causes."""

    inherited: int = 0
    """Its turn came so many days after the plan."""
    prefeitura: int = 0
    """Days beyond the planned duration on which the prefeitura owed something."""
    freeze: int = 0
    """Days beyond it on which nobody goes live."""
    team: int = 0
    """The other days beyond it, waiting for a slot included; negative when it took less."""

    @property
    def total(self) -> int:
        """The end against the planned end."""
        return self.inherited + self.prefeitura + self.freeze + self.team

    @property
    def told(self) -> str:
        """`+7 dias úteis (+4 da prefeitura, +3 da equipe)`, as operators read it."""
        causes = (
            (self.inherited, "herdado"),
            (self.prefeitura, "da prefeitura"),
            (self.freeze, "do congelamento"),
            (self.team, "da equipe"),
        )
        shown = ", ".join(f"{days:+d} {cause}" for days, cause in causes if days)
        if not self.total:
            return f"no prazo ({shown})" if shown else "no prazo"
        return f"{self.total:+d} {'dia útil' if abs(self.total) == 1 else 'dias úteis'} ({shown})"


def business_days_late(planned: date, actual: date, days: BusinessDays) -> int:
    """How many business days one day is after another; negative when before."""
    if actual >= planned:
        return days.count(planned + _ONE_DAY, actual)
    return -days.count(actual + _ONE_DAY, planned)


def deviation_of(
    *,
    planned: tuple[date, date],
    turn: date,
    end: date,
    today: date,
    pauses: Sequence[Pause],
    frozen: Callable[[date], bool],
    days: BusinessDays,
) -> Deviation:
    """The deviation of an activity whose turn came, or is expected, on a day, and that ends on another.

    Of the days beyond the planned duration those on which the prefeitura owed something, so far, are explained first,
    then those that were `frozen`; the others are the team's. `pauses` are those of its own stage.
    """
    total = business_days_late(planned[1], end, days)
    beyond = days.count(turn, end) - days.count(*planned)
    work = [day for n in range((end - turn).days + 1) if days.count(day := turn + n * _ONE_DAY, day)]
    owed = sum(owed_as_day_began(day, pauses) for day in work if day <= today)
    prefeitura = max(min(beyond, owed), 0)
    freeze = max(min(beyond - prefeitura, sum(map(frozen, work))), 0)
    return Deviation(inherited=total - beyond, prefeitura=prefeitura, freeze=freeze, team=beyond - prefeitura - freeze)
