"""The clock of an agreed delivery: business days, stopped while the prefeitura owes something.

The clock counts whole days. A business day after the start counts unless, when it began (00:00 in Brasília), the
prefeitura owed something. So the day on which a debt arises still counts for us, the day on which it is settled does
not, the count never goes back, and a pause opened and closed on one day stops nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice, takewhile
from typing import Self

from pydantic import AwareDatetime, Field, NonNegativeInt, PositiveInt, model_validator

from domain.calendar import BRASILIA, BusinessCalendar, local_day
from domain.catalog_entry import CatalogEntry
from domain.model import Frozen


class SlaRule(CatalogEntry):
    """What was agreed, in business days, and from which day on the clock warns."""

    agreed_business_days: PositiveInt = Field(alias="prazo_dias_uteis")
    warn_at_business_days: tuple[PositiveInt, ...] = Field(default=(), alias="alertas_dias_uteis")

    @model_validator(mode="after")
    def _warns_before_it_is_late(self) -> Self:
        wrong = [day for day in self.warn_at_business_days if day > self.agreed_business_days]
        if wrong:
            msg = f"alerta no dia {wrong[0]} viria depois do prazo de {self.agreed_business_days} dias úteis"
            raise ValueError(msg)
        return self


class Pause(Frozen):
    """An interval in which the prefeitura owed something; open while `until` is None."""

    since: AwareDatetime
    until: AwareDatetime | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until is not None and self.until < self.since:
            msg = "a pausa termina antes de começar"
            raise ValueError(msg)
        return self

    def covers(self, moment: datetime) -> bool:
        """Whether something was owed at this moment; the end is outside."""
        return self.since <= moment and (self.until is None or moment < self.until)


class SlaState(StrEnum):
    """Where a delivery stands against its agreed time."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    LATE = "late"

    @property
    def label(self) -> str:
        """The state as operators read it."""
        labels = {"running": "em andamento", "paused": "pausado", "met": "cumprido", "late": "atrasado"}
        return labels[self.value]


class SlaStatus(Frozen):
    """The clock at one moment. Days are business days; `elapsed` are ours, `paused` are the prefeitura's."""

    state: SlaState
    agreed_business_days: PositiveInt
    elapsed_business_days: NonNegativeInt
    paused_business_days: NonNegativeInt
    due_date: date
    warning: int | None
    """The highest warning day already reached by a delivery not finished, or None."""


def sla_status(
    started_at: datetime,
    pauses: Iterable[Pause],
    *,
    finished_at: datetime | None,
    now: datetime,
    rule: SlaRule,
    calendar: BusinessCalendar,
) -> SlaStatus:
    """Read the clock at `now`. All moments are aware. Pauses may overlap; what happens after `now` is not known yet.

    While something is owed, the due date is the one that holds if it is settled today. A delivery is late when a day
    that counts has begun after the due date, weekends included: Saturday is late for a due date on Friday.
    """
    known = tuple(pauses)
    stop = min(finished_at, now) if finished_at else now
    start_day, stop_day = local_day(started_at), local_day(stop)
    paused = business = 0
    for day in takewhile(lambda day: day <= stop_day, calendar.business_days_after(start_day)):
        business += 1
        paused += owed_as_day_began(day, known)
    elapsed = business - paused
    due = _due_date(start_day, stop_day, known, rule, calendar)
    finished = finished_at is not None and finished_at <= now
    return SlaStatus(
        state=_state(due, stop, known, finished=finished),
        agreed_business_days=rule.agreed_business_days,
        elapsed_business_days=elapsed,
        paused_business_days=paused,
        due_date=due,
        warning=None if finished else max((day for day in rule.warn_at_business_days if day <= elapsed), default=None),
    )


def owed_as_day_began(day: date, pauses: Sequence[Pause]) -> bool:
    """Whether the prefeitura owed something when a day began in Brasília: such a day is the prefeitura's."""
    midnight = datetime.combine(day, time(), tzinfo=BRASILIA)
    return any(pause.covers(midnight) for pause in pauses)


def _due_date(start: date, today: date, pauses: tuple[Pause, ...], rule: SlaRule, calendar: BusinessCalendar) -> date:
    # An open pause is taken as settled today: no day after today is known to be paused.
    counted = (day for day in calendar.business_days_after(start) if day > today or not owed_as_day_began(day, pauses))
    return next(islice(counted, rule.agreed_business_days - 1, None))


def _state(due: date, stop: datetime, pauses: tuple[Pause, ...], *, finished: bool) -> SlaState:
    days_past_due = (due + timedelta(days=n) for n in range(1, (local_day(stop) - due).days + 1))
    if any(not owed_as_day_began(day, pauses) for day in days_past_due):
        return SlaState.LATE
    if finished:
        return SlaState.MET
    return SlaState.PAUSED if any(pause.covers(stop) for pause in pauses) else SlaState.RUNNING
