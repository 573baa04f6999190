"""When each stage of an implantation begins and ends, in business days of the municipality."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from itertools import islice
from typing import Annotated, Self

from pydantic import Field, PositiveInt, StringConstraints, model_validator

from domain.calendar import BusinessCalendar, Holiday
from domain.catalog_entry import CatalogEntry
from domain.errors import InvalidInputError
from domain.lifecycle import Stage
from domain.model import Frozen

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=40)]


class ThreePoint(CatalogEntry):
    """How many business days an activity takes when all goes well, usually, and when much goes wrong."""

    least: PositiveInt = Field(alias="minimo")
    usual: PositiveInt = Field(alias="provavel")
    most: PositiveInt = Field(alias="maximo")

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if not self.least <= self.usual <= self.most:
            msg = f"a estimativa precisa crescer: {self.least}, {self.usual}, {self.most}"
            raise ValueError(msg)
        return self


class Activity(CatalogEntry):
    """One line of the timetable; without `dias_uteis` it takes the agreed time to deliver an environment.

    `etapa` is the stage of the lifecycle whose real end the registry knows. `estimativa` is for forecasts; without it
    the activity is taken to last as long as planned.
    """

    code: Code = Field(alias="codigo")
    title: str = Field(alias="titulo", min_length=1, max_length=60)
    responsible: str = Field(alias="responsavel", min_length=1, max_length=60)
    delivers: str = Field(alias="entrega", min_length=1)
    business_days: PositiveInt | None = Field(alias="dias_uteis", default=None)
    after: tuple[Code, ...] = Field(alias="depois_de", default=())
    stage: Stage | None = Field(alias="etapa", default=None)
    estimate: ThreePoint | None = Field(alias="estimativa", default=None)

    def planned_days(self, environment_business_days: int) -> int:
        """How many business days the plan gives it."""
        return self.business_days or environment_business_days


class TimetableRule(CatalogEntry):
    """The activities of an implantation, in an order in which whatever another waits for stands before it."""

    activities: tuple[Activity, ...] = Field(alias="atividades", min_length=1)
    enough_history: PositiveInt = Field(
        alias="historico_minimo", default=8, description="From so many real durations on, they count, no estimate."
    )

    @model_validator(mode="after")
    def _waits_for_what_stands_before(self) -> Self:
        known: set[str] = set()
        stages: set[Stage] = set()
        for activity in self.activities:
            if activity.code in known:
                msg = f"a atividade {activity.code!r} aparece duas vezes"
                raise ValueError(msg)
            unknown = [code for code in activity.after if code not in known]
            if unknown:
                msg = f"{activity.code!r} vem depois de {unknown[0]!r}, que não está acima dela"
                raise ValueError(msg)
            if activity.stage is not None and activity.stage in stages:
                msg = f"a etapa {activity.stage} está em duas atividades"
                raise ValueError(msg)
            known.add(activity.code)
            stages |= {activity.stage} if activity.stage is not None else set()
        return self

    def activity_of(self, stage: Stage) -> Activity | None:
        """The activity whose end is the end of a stage, or None."""
        return next((activity for activity in self.activities if activity.stage is stage), None)

    def business_days_of(self, stage: Stage) -> int:
        """How long the activity of a stage takes.

        Raises:
            InvalidInputError: no activity is of this stage, or it has no length of its own.
        """
        activity = self.activity_of(stage)
        if activity is None or activity.business_days is None:
            raise InvalidInputError(
                f"Não se sabe quanto dura a etapa {stage.label}",
                "catalog/timetable.yaml",
                f"Dê a uma atividade a etapa {stage} e dias_uteis.",
            )
        return activity.business_days


class Window(Frozen):
    """One activity in time. What was planned at the start stays beside what is known now.

    `start` and `end` are those of the plan as long as everything went as planned; after an early or late end of what
    it waits for they are a new forecast, and of a finished activity the real ones.
    """

    code: str
    title: str
    responsible: str
    delivers: str
    business_days: PositiveInt
    after: tuple[str, ...]
    planned_start: date
    planned_end: date
    start: date
    end: date
    done: bool = False

    @property
    def moved(self) -> bool:
        """Whether it is not where it was planned."""
        return (self.start, self.end) != (self.planned_start, self.planned_end)


class Timetable(Frozen):
    """The windows of one implantation, in the order of the catalog, and the holidays between its ends."""

    start: date
    windows: tuple[Window, ...]
    holidays: tuple[Holiday, ...]

    @property
    def end(self) -> date:
        """The last day of the last activity."""
        return max(window.end for window in self.windows)

    def window(self, code: str) -> Window | None:
        """The activity of this code, or None."""
        return next((window for window in self.windows if window.code == code), None)


def plan_timetable(
    rule: TimetableRule,
    start: date,
    calendar: BusinessCalendar,
    *,
    environment_business_days: int,
    done: Mapping[Stage, date],
    frozen: Callable[[date], bool] = lambda _: False,
) -> Timetable:
    """Place every activity on business days: each begins on the first one after all that it waits for have ended.

    The go-live begins later where it would otherwise touch a day that is `frozen` (`domain.freeze`).

    The day of the adhesion, `start`, does not count, as in the clock of the agreed delivery (`domain.sla`). `done` has
    the day on which each finished stage really ended, which may be any day of the week.
    """
    windows: dict[str, Window] = {}
    for activity in rule.activities:
        days = activity.planned_days(environment_business_days)
        waited = [windows[code] for code in activity.after]
        avoided = frozen if activity.stage is Stage.GO_LIVE else None
        planned = _window(max((w.planned_end for w in waited), default=start), days, calendar, avoided)
        expected = _window(max((w.end for w in waited), default=start), days, calendar, avoided)
        ended = done.get(activity.stage) if activity.stage is not None else None
        if ended is not None:
            # What ends before its turn began at the latest on the day on which it ended.
            expected = (min(expected[0], ended), ended)
        windows[activity.code] = Window(
            code=activity.code,
            title=activity.title,
            responsible=activity.responsible,
            delivers=activity.delivers,
            business_days=days,
            after=activity.after,
            planned_start=planned[0],
            planned_end=planned[1],
            start=expected[0],
            end=expected[1],
            done=ended is not None,
        )
    made = tuple(windows.values())
    last = max(max(window.end, window.planned_end) for window in made)
    return Timetable(start=start, windows=made, holidays=holidays_between(start, last, calendar))


def shift(day: date, business_days: int, calendar: BusinessCalendar) -> date:
    """The business day so many after a day, or before it when negative; 0 is the day, or the next that is one."""
    if business_days > 0:
        return next(islice(calendar.business_days_after(day), business_days - 1, None))
    step = timedelta(days=-1 if business_days < 0 else 1)
    found = day
    for _ in range(-business_days):
        found += step
        while not calendar.is_business_day(found):
            found += step
    while not calendar.is_business_day(found):
        found += step
    return found


def _window(
    after: date, business_days: int, calendar: BusinessCalendar, frozen: Callable[[date], bool] | None
) -> tuple[date, date]:
    days = calendar.business_days_after(after)
    window: list[date] = []
    while len(window) < business_days:
        day = next(days)
        window = [] if frozen and frozen(day) else [*window, day]
    return window[0], window[-1]


def holidays_between(start: date, end: date, calendar: BusinessCalendar) -> tuple[Holiday, ...]:
    """The holidays from one day to another, both inside."""
    years = range(start.year, end.year + 1)
    return tuple(found for year in years for found in calendar.list_holidays(year) if start <= found.day <= end)
