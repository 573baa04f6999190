"""Plans of prefeituras that wait for the same teams."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.freeze import FreezeRule, freeze_on
from domain.instruments.timetable import plan_timetable
from domain.lifecycle import Stage
from domain.planning.progress import Progress, State
from domain.planning.rules import Rules
from domain.planning.simulation import Simulation, plan_fleet, simulate
from domain.planning.teams import Team, TeamTable
from tests.domain.planning.fleets import (
    CODES,
    MONDAY,
    RULES,
    TODAY,
    fleets,
    freeze_rules,
    make_progress,
    team_tables,
)

slowly = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
ROUNDS = 20


def rules_with(teams: TeamTable = RULES.teams, freezes: FreezeRule = RULES.freezes) -> Rules:
    return RULES.model_copy(update={"teams": teams, "freezes": freezes})


def simulated(fleet: list[Progress], rules: Rules, seed: int = 1) -> Simulation:
    return simulate(fleet, rules, today=TODAY, rounds=ROUNDS, seed=seed)


def days_of(simulation: Simulation, ibge: str, code: str, number: int) -> tuple[date, date]:
    span = simulation.spans[ibge, code]
    start, end = np.broadcast_arrays(span.start, span.end)
    of_round = number if len(end) > 1 else 0
    return date.fromordinal(int(start[of_round])), date.fromordinal(int(end[of_round]))


@slowly
@given(fleets(), freeze_rules())
def test_with_a_slot_for_everybody_each_plan_is_the_timetable_of_its_municipality(
    fleet: list[Progress], freezes: FreezeRule
) -> None:
    rules = rules_with(TeamTable(teams=()), freezes)
    plans = plan_fleet(fleet, rules)
    for progress in fleet:
        alone = plan_timetable(
            rules.timetable,
            progress.start,
            progress.calendar,
            environment_business_days=rules.environment_business_days,
            done={},
            frozen=lambda day, ibge=progress.ibge: freeze_on(day, freezes, ibge) is not None,  # type: ignore[misc]
        )
        expected = {window.code: (window.planned_start, window.planned_end) for window in alone.windows}
        assert plans[progress.ibge] == expected


@slowly
@given(fleets(), team_tables(), freeze_rules())
def test_a_plan_begins_and_ends_on_business_days_in_order_and_goes_live_outside_every_freeze(
    fleet: list[Progress], teams: TeamTable, freezes: FreezeRule
) -> None:
    plans = plan_fleet(fleet, rules_with(teams, freezes))
    for progress in fleet:
        plan = plans[progress.ibge]
        for activity in RULES.timetable.activities:
            start, end = plan[activity.code]
            assert progress.calendar.is_business_day(start)
            assert progress.calendar.is_business_day(end)
            assert start > progress.start
            assert all(start > plan[before][1] for before in activity.after)
        first, last = plan[RULES.go_live.code]
        assert not any(
            freeze_on(first + timedelta(days=n), freezes, progress.ibge)
            for n in range((last - first).days + 1)
            if progress.calendar.is_business_day(first + timedelta(days=n))
        )


@slowly
@given(fleets(), team_tables())
def test_no_team_does_more_of_an_activity_at_once_than_it_has_slots(fleet: list[Progress], teams: TeamTable) -> None:
    plans = plan_fleet(fleet, rules_with(teams))
    for team in teams.teams:
        for code in team.activities:
            busy = Counter(
                start + timedelta(days=n)
                for start, end in (plan[code] for plan in plans.values())
                for n in range((end - start).days + 1)
            )
            assert max(busy.values()) <= team.slots


@slowly
@given(fleets(), team_tables(), freeze_rules(), st.integers(0, 3))
def test_in_no_round_a_team_takes_on_more_than_it_has_slots_beside_what_runs_already(
    fleet: list[Progress], teams: TeamTable, freezes: FreezeRule, seed: int
) -> None:
    simulation = simulated(fleet, rules_with(teams, freezes), seed)
    for team in teams.teams:
        for code in team.activities:
            for number in range(ROUNDS):
                taken = [
                    (days_of(simulation, ibge, code, number), client.standings[code].state)
                    for ibge, client in simulation.clients.items()
                    if client.standings[code].state is not State.DONE
                ]
                for (start, _), state in taken:
                    beside = sum(other <= start <= end for (other, end), _ in taken)
                    assert state is State.RUNNING or beside <= team.slots


@slowly
@given(
    fleets(), team_tables(), freeze_rules(), st.sampled_from(RULES.teams.teams), st.integers(1, 4), st.integers(0, 3)
)
def test_more_slots_make_no_prefeitura_later_in_any_round(
    fleet: list[Progress],
    teams: TeamTable,
    freezes: FreezeRule,
    helped: Team,
    more: int,
    seed: int,
) -> None:
    before = next(team.slots for team in teams.teams if team.code == helped.code)
    enlarged = teams.with_slots({helped.code: before + more})
    few = simulated(fleet, rules_with(teams, freezes), seed)
    many = simulated(fleet, rules_with(enlarged, freezes), seed)
    for key, span in few.spans.items():
        assert (many.spans[key].start <= span.start).all()
        assert (many.spans[key].end <= span.end).all()
    planned, sooner = (plan_fleet(fleet, rules_with(table, freezes)) for table in (teams, enlarged))
    for ibge, plan in planned.items():
        assert all(sooner[ibge][code][1] <= end for code, (_, end) in plan.items())


@slowly
@given(fleets(), team_tables(), freeze_rules(), st.integers(0, 3))
def test_what_is_left_ends_today_or_later_on_a_business_day_after_what_it_waits_for(
    fleet: list[Progress], teams: TeamTable, freezes: FreezeRule, seed: int
) -> None:
    simulation = simulated(fleet, rules_with(teams, freezes), seed)
    for ibge, client in simulation.clients.items():
        for activity in RULES.timetable.activities:
            state = client.standings[activity.code].state
            for number in range(ROUNDS):
                start, end = days_of(simulation, ibge, activity.code, number)
                assert start <= end
                if state is State.DONE:
                    assert end <= TODAY
                    continue
                assert end >= TODAY
                assert client.progress.calendar.is_business_day(end)
                if state is State.WAITING:
                    assert client.progress.calendar.is_business_day(start)
                    assert all(start > days_of(simulation, ibge, code, number)[1] for code in activity.after)
                    if activity.stage is Stage.GO_LIVE:
                        assert freeze_on(start, freezes, ibge) is None
                        assert freeze_on(end, freezes, ibge) is None


def test_who_joined_first_is_served_first_and_of_one_day_the_smaller_code() -> None:
    teams = RULES.teams.with_slots({"nuvem": 1})
    later = make_progress(CODES[1], MONDAY + timedelta(days=1))
    first, second = sorted([CODES[0], CODES[2]])
    plans = plan_fleet([later, make_progress(second), make_progress(first)], rules_with(teams))
    ends = [plans[ibge]["ambiente_de_treinamento"] for ibge in (first, second, later.ibge)]
    assert ends[0] == (date(2026, 3, 3), date(2026, 3, 23))
    assert all(earlier[1] < following[0] for earlier, following in pairwise(ends))


def test_two_activities_of_a_team_do_not_wait_for_each_other() -> None:
    teams = RULES.teams.with_slots({"nuvem": 1})
    fleet = [make_progress(code) for code in sorted(CODES)]
    plans, alone = plan_fleet(fleet, rules_with(teams)), plan_fleet(fleet[:1], rules_with(teams))
    first = fleet[0].ibge
    assert plans[first] == alone[first], "nine others want their training environments before it gets its production"
    assert plans[first]["ambiente_de_producao"][0] < plans[fleet[-1].ibge]["ambiente_de_treinamento"][0]


def test_environments_that_are_being_made_keep_their_slots_whatever_the_number() -> None:
    begun = {Stage.ENVIRONMENT_TRAINING: TODAY - timedelta(days=3)}
    running = [make_progress(code, TODAY - timedelta(days=10), begun=begun) for code in CODES[:3]]
    waiting = make_progress(CODES[3], TODAY - timedelta(days=10))
    simulation = simulated([*running, waiting], rules_with(RULES.teams.with_slots({"nuvem": 1})))
    last = np.maximum.reduce([simulation.spans[one.ibge, "ambiente_de_treinamento"].end for one in running])
    assert (simulation.spans[waiting.ibge, "ambiente_de_treinamento"].start > last).all()


def test_the_plan_of_nobody_is_empty() -> None:
    assert plan_fleet([], RULES) == {}
