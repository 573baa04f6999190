"""What is read of the programme in time."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInputError, RetryableError
from domain.freeze import Freeze, FreezeRule, FreezeWindow
from domain.lifecycle import Stage
from domain.planning.days import BusinessDays
from domain.planning.deviation import Deviation, business_days_late
from domain.planning.durations import Basis
from domain.planning.forecast import Chances, FleetForecast, Schedule, schedule_of
from domain.planning.progress import Progress, State
from domain.planning.rules import Rules
from domain.planning.simulation import plan_fleet, simulate
from domain.planning.teams import TeamTable
from tests.domain.planning.fleets import CODES, MONDAY, RULES, STAGES, TODAY, fleets, make_progress, team_tables

slowly = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def forecast(
    fleet: list[Progress],
    rules: Rules = RULES,
    *,
    rounds: int = 40,
    seed: int = 1,
    failures: Mapping[str, BaseException] | None = None,
) -> FleetForecast:
    simulation = simulate(fleet, rules, today=TODAY, rounds=rounds, seed=seed)
    plans = plan_fleet(fleet, rules)
    return FleetForecast.of(simulation, plans, rules, rounds=rounds, seed=seed, failures=failures or {})


def schedule(progress: Progress, *others: Progress, rules: Rules = RULES) -> Schedule:
    fleet = [progress, *others]
    simulation = simulate(fleet, rules, today=TODAY, rounds=40, seed=1)
    return schedule_of(progress.ibge, simulation, plan_fleet(fleet, rules)[progress.ibge], rules)


def no_freeze(_year: int) -> tuple[date, ...]:
    return ()


def in_order(chances: Chances) -> bool:
    return chances.early <= chances.median <= chances.likely <= chances.late


@slowly
@given(fleets(), team_tables(), st.integers(0, 5))
def test_the_chances_are_in_order_and_the_fleet_is_live_when_its_last_one_is(
    fleet: list[Progress], teams: TeamTable, seed: int
) -> None:
    found = forecast(fleet, RULES.model_copy(update={"teams": teams}), seed=seed)
    assert found.all_live is not None
    assert in_order(found.all_live)
    assert all(in_order(line.go_live) for line in found.lines)
    assert found.all_live.median >= max(line.go_live.median for line in found.lines)
    assert found.live == sum(Stage.GO_LIVE in progress.done for progress in fleet)
    assert (found.all_live.late < TODAY) <= (found.live == len(fleet))


@slowly
@given(fleets(most=4), st.integers(0, 5))
def test_the_same_seed_gives_the_same_forecast_whatever_the_order_of_the_fleet(
    fleet: list[Progress], seed: int
) -> None:
    assert forecast(fleet, seed=seed) == forecast(fleet[::-1], seed=seed)


def test_another_seed_gives_other_dates_near_the_same() -> None:
    fleet = [make_progress(code) for code in CODES]
    first, second = (forecast(fleet, seed=seed, rounds=400).all_live for seed in (1, 2))
    assert first is not None
    assert second is not None
    assert first != second
    assert abs((first.median - second.median).days) <= 14


@slowly
@given(fleets(), team_tables())
def test_who_is_live_has_its_real_day_and_no_chances_about_it(fleet: list[Progress], teams: TeamTable) -> None:
    for line in forecast(fleet, RULES.model_copy(update={"teams": teams})).lines:
        progress = next(one for one in fleet if one.slug == line.slug)
        real = progress.done.get(Stage.GO_LIVE)
        assert line.live == (real is not None)
        if real:
            assert line.go_live == Chances(early=real, median=real, likely=real, late=real)
        else:
            assert line.go_live.early >= TODAY


@slowly
@given(fleets(most=5))
def test_a_schedule_shows_what_happened_what_was_planned_and_the_difference(fleet: list[Progress]) -> None:
    found = schedule(*fleet)
    plan = plan_fleet(fleet, RULES)[fleet[0].ibge]
    for activity in found.activities:
        assert (activity.planned_start, activity.planned_end) == plan[activity.code]
        assert activity.done == (activity.state is State.DONE)
        assert (activity.basis is None) == activity.done
        assert activity.start <= activity.end == activity.ends.median
        assert in_order(activity.ends)
        late = business_days_late(
            activity.planned_end, activity.end, BusinessDays(fleet[0].calendar, MONDAY, no_freeze)
        )
        assert activity.deviation.total == late
        stage = next(one.stage for one in RULES.timetable.activities if one.code == activity.code)
        if stage in fleet[0].done:
            assert activity.end == fleet[0].done[stage]
    assert found.planned_go_live == plan["entrada_em_producao"][1]
    assert found.live == (Stage.GO_LIVE in fleet[0].done)
    assert found.timetable.windows == found.activities


def test_the_delay_of_an_activity_that_nobody_began_is_the_teams_from_the_day_of_its_turn() -> None:
    done = {Stage.ENVIRONMENT_TRAINING: date(2026, 3, 23), Stage.SEEDING: date(2026, 3, 30)}
    users = schedule(make_progress(done=done)).activities[5]
    assert (users.code, users.planned_end, users.state) == ("usuarios", date(2026, 4, 2), State.WAITING)
    assert users.deviation.inherited == 0
    assert users.deviation.team == users.deviation.total > 100


def test_a_go_live_that_waits_for_the_end_of_a_freeze_says_so() -> None:
    done = dict.fromkeys(STAGES[:-1], date(2026, 11, 27))
    late = make_progress(done=done).model_copy(update={"joined": date(2026, 8, 13), "start": date(2026, 8, 13)})
    freeze = FreezeWindow(reason="Eleição", first="2026-11-20", last="2026-12-31")
    rules = RULES.model_copy(update={"freezes": FreezeRule(national=(freeze,), by_municipality={})})
    found = schedule(late, rules=rules)
    assert found.freezes == (Freeze(first=date(2026, 11, 20), last=date(2026, 12, 31), reason="Eleição"),)
    assert found.deviation == Deviation(inherited=found.deviation.inherited, freeze=8, team=found.deviation.team)
    assert found.activities[7].end == date(2026, 12, 18), "the campaign, after which it would go live"
    assert found.go_live.early > date(2026, 12, 31)


def test_the_forecast_learns_from_the_fleet_once_enough_of_it_has_been_there() -> None:
    """Eight environments that took two business days make the ninth one quick; seven do not."""
    made = {Stage.ENVIRONMENT_TRAINING: MONDAY + timedelta(days=2)}
    begun = {Stage.ENVIRONMENT_TRAINING: MONDAY + timedelta(days=1)}
    others = [make_progress(code, done=made, begun=begun) for code in CODES[1:9]]
    new = make_progress(CODES[0], TODAY)
    learned = schedule(new, *others).activities[1]
    assert (learned.basis, learned.observed) == (Basis.HISTORY, 8)
    assert learned.ends.early == learned.ends.late == date(2026, 12, 2)
    guessed = schedule(new, *others[1:]).activities[1]
    assert (guessed.basis, guessed.observed) == (Basis.ESTIMATE, 7)
    assert guessed.ends.early < guessed.ends.late


def test_the_bottleneck_is_where_a_slot_helps_and_not_where_the_queue_is_longest() -> None:
    fleet = [make_progress(code, TODAY) for code in CODES]
    found = forecast(fleet, RULES.model_copy(update={"teams": RULES.teams.with_slots({"nuvem": 2, "instrutores": 1})}))
    assert found.bottleneck is not None
    assert found.bottleneck.code == "instrutores"
    assert "O gargalo é Instrutores: uma vaga a mais antecipa isso em" in found.told
    everybody = RULES.teams.with_slots({team.code: len(fleet) for team in RULES.teams.teams})
    relaxed = forecast(fleet, RULES.model_copy(update={"teams": everybody}))
    assert relaxed.bottleneck is None
    assert all(team.queued_days == 0 for team in relaxed.teams)
    assert relaxed.all_live is not None
    assert found.all_live is not None
    assert relaxed.all_live.median < found.all_live.median


def test_nobody_and_everybody() -> None:
    assert forecast([]).told == "Nenhuma prefeitura aderiu."
    days = {stage: MONDAY + timedelta(days=10 * n) for n, stage in enumerate(STAGES, start=1)}
    assert forecast([make_progress(done=days)]).told == f"Todas desde {days[Stage.GO_LIVE]:%d/%m/%Y}."


def test_the_table_names_who_could_not_be_read_and_the_run_fails_with_the_worst_of_it() -> None:
    broken = {
        "lavras": RetryableError("O armazenamento não responde", "s3", "Espere."),
        "unai": InvalidInputError("linha 3: inicio_do_cronograma não é uma data", "prefeitura.csv", "Corrija."),
    }
    found = forecast([make_progress()], failures=broken)
    lines = found.markdown()
    assert any(line.startswith("| lavras | **falhou** |") for line in lines)
    assert any(line.startswith(f"| municipio-{CODES[0]} | ") for line in lines)
    with pytest.raises(InvalidInputError, match="Fora da previsão: 2 de 3 prefeituras"):
        found.raise_if_any_failed()
    forecast([make_progress()]).raise_if_any_failed()


def test_a_timetable_that_never_goes_live_is_refused() -> None:
    activities = tuple(one for one in RULES.timetable.activities if one.stage is not Stage.GO_LIVE and not one.after)
    rules = RULES.model_copy(update={"timetable": RULES.timetable.model_copy(update={"activities": activities})})
    with pytest.raises(InvalidInputError, match="Nenhuma atividade tem a etapa go_live"):
        _ = rules.go_live


def test_chances_are_days_that_some_round_had() -> None:
    days = np.array([date(2026, 12, 4).toordinal()] * 5 + [date(2026, 12, 7).toordinal()] * 5, dtype=np.int32)
    assert Chances.of(days).median == date(2026, 12, 4), "not Saturday the 5th"
