"""How far a prefeitura is in each activity of its implantation, as far as the registry can tell."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from pydantic import Field

from domain.calendar import BusinessCalendar
from domain.instruments.timetable import Activity, TimetableRule, plan_timetable
from domain.lifecycle import Stage
from domain.model import Frozen
from domain.municipality import IbgeCode
from domain.planning.teams import TeamTable
from domain.sla import Pause


class Progress(Frozen):
    """What happened in one municipality since it joined."""

    ibge: IbgeCode
    slug: str
    name: str
    joined: date = Field(description="The day of the adhesion, which orders the queues.")
    start: date = Field(description="The day from which its timetable counts; mostly that of the adhesion.")
    calendar: BusinessCalendar
    done: dict[Stage, date] = Field(default_factory=dict, description="When each finished stage ended.")
    begun: dict[Stage, date] = Field(default_factory=dict, description="Stages that are known to have begun.")
    pauses: tuple[Pause, ...] = Field(default=(), description="While the prefeitura owed something; stage as reason.")

    @property
    def order(self) -> tuple[date, str]:
        """Who is served first of those who come on one day."""
        return self.joined, self.ibge

    @property
    def as_joined(self) -> "Progress":
        """The same municipality on the day of its adhesion, nothing done."""
        return self.model_copy(update={"done": {}, "begun": {}, "pauses": ()})


class State(StrEnum):
    """Where an activity stands."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waiting"

    @property
    def label(self) -> str:
        """The state as operators read it."""
        return {"done": "concluída", "running": "em andamento", "waiting": "a fazer"}[self.value]


class Standing(Frozen):
    """One activity now: of what began its start, of what ended its end."""

    state: State
    start: date | None = None
    end: date | None = None
    recorded: bool = Field(default=False, description="Its end is in the registry, not concluded from other facts.")


def standings_of(
    progress: Progress, rule: TimetableRule, teams: TeamTable, *, today: date, environment_business_days: int
) -> dict[str, Standing]:
    """Where each activity stands today. It does not depend on how many slots a team has.

    The registry knows the ends of stages only. An activity without a stage is over when one that waits for it has
    ended, or when its turn and its planned days are over and no stage that waits for it is being waited for. A team's
    activity runs when there is a sign of it; any other, as soon as all before it is over.
    """
    known = plan_timetable(
        rule,
        progress.start,
        progress.calendar,
        environment_business_days=environment_business_days,
        done={stage: day for stage, day in progress.done.items() if day <= today},
    )
    expected = {window.code: window for window in known.windows}
    overtaken = _overtaken(rule, progress.done)
    standings: dict[str, Standing] = {}
    for activity in rule.activities:
        window = expected[activity.code]
        turn_came = all(standings[code].state is State.DONE for code in activity.after)
        begun = progress.begun.get(activity.stage) if activity.stage else None
        if window.done:
            start = min(begun or window.start, window.end)
            standings[activity.code] = Standing(state=State.DONE, start=start, end=window.end, recorded=True)
        elif activity.code in overtaken:
            end = max(min(window.end, overtaken[activity.code]), progress.start)
            standings[activity.code] = Standing(state=State.DONE, start=min(window.start, end), end=end)
        elif activity.stage is None and turn_came and window.end < today and not _missed(activity, rule, progress):
            standings[activity.code] = Standing(state=State.DONE, start=window.start, end=window.end)
        elif begun is not None and begun <= today:
            standings[activity.code] = Standing(state=State.RUNNING, start=begun)
        elif turn_came and teams.of_activity(activity.code) is None and window.start <= today:
            standings[activity.code] = Standing(state=State.RUNNING, start=window.start)
        else:
            standings[activity.code] = Standing(state=State.WAITING)
    return standings


def _overtaken(rule: TimetableRule, done: Mapping[Stage, date]) -> dict[str, date]:
    """Activities of which one that waits for them, directly or not, has ended: and when the first of those did."""
    found: dict[str, date] = {}
    for activity in reversed(rule.activities):
        ended = [found[activity.code]] if activity.code in found else []
        ended += [done[activity.stage]] if activity.stage and activity.stage in done else []
        for code in activity.after if ended else ():
            found[code] = min([*ended, *([found[code]] if code in found else [])])
    return found


def _missed(activity: Activity, rule: TimetableRule, progress: Progress) -> bool:
    """Whether the prefeitura is being waited for in a stage that needs this activity."""
    owed = {pause.reason for pause in progress.pauses if pause.until is None}
    return any(activity.code in other.after and other.stage in owed for other in rule.activities)
