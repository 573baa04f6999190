"""What operators read of the programme in time: one prefeitura's schedule, and when the whole fleet will be live."""

from collections.abc import Mapping
from datetime import date

import numpy as np
from pydantic import Field

from domain.calendar import Holiday
from domain.errors import exit_code_of, kind_of, told
from domain.freeze import Freeze, freeze_on, list_freezes
from domain.instruments.timetable import Activity, Timetable, Window, holidays_between
from domain.lifecycle import Stage
from domain.model import Frozen
from domain.planning.days import Days
from domain.planning.deviation import Deviation, business_days_late, deviation_of
from domain.planning.durations import Basis
from domain.planning.progress import State
from domain.planning.rules import Rules
from domain.planning.simulation import Simulation, Windows
from domain.planning.teams import MOST_SLOTS, Team
from domain.report import table_cell


class Chances(Frozen):
    """By which day something will have happened, with how much chance; of what has happened, four times its day."""

    early: date = Field(description="10 %: before it, only with luck.")
    median: date = Field(description="50 %.")
    likely: date = Field(description="80 %.")
    late: date = Field(description="95 %.")

    @classmethod
    def of(cls, days: Days) -> "Chances":
        """The chances that the rounds give. Each day is one that some round really had, so it is a business day."""
        found = np.quantile(days, (0.10, 0.50, 0.80, 0.95), method="inverted_cdf")
        early, median, likely, late = (date.fromordinal(int(day)) for day in found)
        return cls(early=early, median=median, likely=likely, late=late)


class ActivityForecast(Window):
    """One activity: its plan, what happened or is to be expected, and the difference.

    `end` is the real one, or the day that half of the rounds do not pass.
    """

    state: State
    recorded: bool = Field(description="Its end is in the registry; one that is done without is concluded from others.")
    ends: Chances
    basis: Basis | None = Field(description="Where the remaining duration comes from; None of what is done.")
    observed: int = Field(description="Real durations of the fleet that were there to learn from.")
    deviation: Deviation


class Schedule(Frozen):
    """One prefeitura in time."""

    ibge: str
    slug: str
    name: str
    today: date
    start: date
    live: bool
    planned_go_live: date
    go_live: Chances
    deviation: Deviation = Field(description="Of the go-live.")
    activities: tuple[ActivityForecast, ...]
    holidays: tuple[Holiday, ...]
    freezes: tuple[Freeze, ...]

    @property
    def timetable(self) -> Timetable:
        """The same, as documents and pictures show it."""
        return Timetable(start=self.start, windows=self.activities, holidays=self.holidays)


class TeamLoad(Frozen):
    """What the queue of one team costs."""

    code: str
    title: str
    slots: int
    queued_days: float = Field(description="Days of waiting for its slots, of all, in the mean of the rounds.")
    gain_days: int = Field(description="By how many days one slot more brings forward that all are live (median).")


class FleetLine(Frozen):
    """One prefeitura in the fleet's forecast."""

    slug: str
    name: str
    live: bool
    now: str = Field(description="The activity that is going on, or comes next.")
    planned_go_live: date
    go_live: Chances
    business_days_late: int = Field(description="The median, or the real day, against the plan.")


class FleetForecast(Frozen):
    """When all who joined will be live."""

    today: date
    rounds: int
    seed: int
    lines: tuple[FleetLine, ...]
    all_live: Chances | None = Field(description="None while nobody has joined.")
    teams: tuple[TeamLoad, ...]
    bases: dict[str, str] = Field(description="Activity to the source of its durations.")
    failures: dict[str, str] = Field(default_factory=dict)
    worst_exit_code: int = 0

    @property
    def live(self) -> int:
        """How many are live."""
        return sum(line.live for line in self.lines)

    @property
    def bottleneck(self) -> TeamLoad | None:
        """The team of which one slot more would help most, or None when no single one would help.

        It need not be the one with the longest queue: people wait before a bottleneck, and before whatever feeds it.
        """
        best = max(self.teams, key=lambda team: team.gain_days, default=None)
        return best if best and best.gain_days > 0 else None

    @classmethod
    def of(
        cls,
        simulation: Simulation,
        plans: Mapping[str, Windows],
        rules: Rules,
        *,
        rounds: int,
        seed: int,
        failures: Mapping[str, BaseException],
    ) -> "FleetForecast":
        """What the rounds say; `failures` are prefeituras that could not be read, and are not in it."""
        lines = [_line(simulation, ibge, plans[ibge], rules) for ibge in simulation.clients]
        all_live = _all_live(simulation, rules)
        return cls(
            today=simulation.today,
            rounds=rounds,
            seed=seed,
            lines=tuple(sorted(lines, key=lambda line: (line.go_live.median, line.slug))),
            all_live=all_live,
            teams=tuple(_load(team, simulation, all_live, rules) for team in rules.teams.teams),
            bases={activity: known.basis.label for activity, known in simulation.durations.items()},
            failures={slug: told(error) for slug, error in failures.items()},
            worst_exit_code=max(map(exit_code_of, failures.values()), default=0),
        )

    def markdown(self) -> list[str]:
        """The table that operators read: when all are live, what holds them up, then each prefeitura."""
        lines = [
            "# Previsão da entrada em produção",
            "",
            f"{self.live} de {len(self.lines)} prefeituras em produção. {self.told}",
            "",
            "| Equipe | Vagas | Espera por vaga | Com uma vaga a mais |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {team.title} | {team.slots} | {team.queued_days:.0f} dias | {team.gain_days} dias antes |"
            for team in self.teams
        ]
        lines += ["", "| Prefeitura | Agora | Planejada | Mediana | 80 % | Desvio |", "|---|---|---|---|---|---|"]
        lines += [f"| {name} | **falhou** | | | | {table_cell(reason)} |" for name, reason in self.failures.items()]
        lines += [
            f"| {line.slug} | {line.now} | {line.planned_go_live:%d/%m/%Y} | {line.go_live.median:%d/%m/%Y} "
            f"| {line.go_live.likely:%d/%m/%Y} | {line.business_days_late:+d} dias úteis |"
            for line in self.lines
        ]
        return lines

    @property
    def told(self) -> str:
        """When all are live and whom they wait for, in two sentences."""
        if self.all_live is None:
            return "Nenhuma prefeitura aderiu."
        if self.live == len(self.lines):
            return f"Todas desde {self.all_live.median:%d/%m/%Y}."
        when = (
            f"Todas até {self.all_live.median:%d/%m/%Y} (mediana), {self.all_live.likely:%d/%m/%Y} (80 %), "
            f"{self.all_live.late:%d/%m/%Y} (95 %)."
        )
        team = self.bottleneck
        if team is None:
            return f"{when} Uma vaga a mais em uma só equipe não antecipa isso."
        return f"{when} O gargalo é {team.title}: uma vaga a mais antecipa isso em {team.gain_days} dias."

    def raise_if_any_failed(self) -> None:
        """Fail the run as its worst prefeitura failed, naming all of them.

        Raises:
            ImplantaError: of the kind with the highest exit code.
        """
        if self.failures:
            raise kind_of(self.worst_exit_code)(
                f"Fora da previsão: {len(self.failures)} de {len(self.failures) + len(self.lines)} prefeituras:"
                f" {next(iter(self.failures.values()))}",
                ", ".join(self.failures),
                "Corrija a causa; a próxima previsão as inclui.",
            )


def schedule_of(ibge: str, simulation: Simulation, planned: Windows, rules: Rules) -> Schedule:
    """One prefeitura of the simulation, against its plan."""
    client = simulation.clients[ibge]
    progress, go_live = client.progress, rules.go_live.code
    made: dict[str, ActivityForecast] = {}
    for activity in rules.timetable.activities:
        before = max([progress.start, *(made[code].end for code in activity.after)])
        made[activity.code] = _activity(ibge, activity, simulation, planned, rules, before)
    activities = tuple(made.values())
    last = max(day for one in activities for day in (one.ends.late, one.planned_end))
    return Schedule(
        ibge=ibge,
        slug=progress.slug,
        name=progress.name,
        today=simulation.today,
        start=progress.start,
        live=made[go_live].done,
        planned_go_live=planned[go_live][1],
        go_live=made[go_live].ends,
        deviation=made[go_live].deviation,
        activities=activities,
        holidays=holidays_between(progress.start, last, progress.calendar),
        freezes=tuple(list_freezes(progress.start, last, rules.freezes, ibge)),
    )


def _activity(
    ibge: str, activity: Activity, simulation: Simulation, planned: Windows, rules: Rules, before: date
) -> ActivityForecast:
    """One activity; all that it waits for has ended on the day `before`."""
    client, span = simulation.clients[ibge], simulation.spans[ibge, activity.code]
    standing, known = client.standings[activity.code], simulation.durations[activity.code]
    ends, done = Chances.of(span.end), standing.state is State.DONE
    start = standing.start or Chances.of(span.start).median
    goes_live = activity.stage is Stage.GO_LIVE
    return ActivityForecast(
        code=activity.code,
        title=activity.title,
        responsible=activity.responsible,
        delivers=activity.delivers,
        business_days=client.planned[activity.code],
        after=activity.after,
        planned_start=planned[activity.code][0],
        planned_end=planned[activity.code][1],
        start=start,
        end=ends.median,
        done=done,
        state=standing.state,
        recorded=standing.recorded,
        ends=ends,
        basis=None if done else known.basis,
        observed=known.observed,
        deviation=deviation_of(
            planned=planned[activity.code],
            turn=min(next(client.progress.calendar.business_days_after(before)), start),
            end=ends.median,
            today=simulation.today,
            pauses=[pause for pause in client.progress.pauses if pause.reason == activity.stage],
            frozen=lambda day: goes_live and freeze_on(day, rules.freezes, ibge) is not None,
            days=client.days,
        ),
    )


def _all_live(simulation: Simulation, rules: Rules) -> Chances | None:
    ends = simulation.go_lives(rules)
    return Chances.of(np.maximum.reduce(np.broadcast_arrays(*ends))) if ends else None


def _load(team: Team, simulation: Simulation, all_live: Chances | None, rules: Rules) -> TeamLoad:
    queued = sum(float(span.queued.mean()) for (_, code), span in simulation.spans.items() if code in team.activities)
    gain = 0
    if queued and all_live and team.slots < MOST_SLOTS:
        sooner = _all_live(simulation.with_teams(rules, rules.teams.with_slots({team.code: team.slots + 1})), rules)
        gain = (all_live.median - sooner.median).days if sooner else 0
    return TeamLoad(code=team.code, title=team.title, slots=team.slots, queued_days=queued, gain_days=gain)


def _line(simulation: Simulation, ibge: str, planned: Windows, rules: Rules) -> FleetLine:
    client, go_live = simulation.clients[ibge], rules.go_live
    chances = Chances.of(simulation.spans[ibge, go_live.code].end)
    before_all = [one for one in rules.timetable.activities if client.standings[one.code].state is not State.DONE]
    running = [one for one in before_all if client.standings[one.code].state is State.RUNNING]
    current = next(iter(running or before_all), None)
    return FleetLine(
        slug=client.progress.slug,
        name=client.progress.name,
        live=client.standings[go_live.code].state is State.DONE,
        now=current.title if current else "tudo concluído",
        planned_go_live=planned[go_live.code][1],
        go_live=chances,
        business_days_late=business_days_late(planned[go_live.code][1], chances.median, client.days),
    )
