"""Where each activity stands, as far as the registry can tell."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings

from domain.lifecycle import Stage
from domain.planning.progress import Progress, Standing, State, standings_of
from domain.planning.teams import TeamTable
from domain.sla import Pause
from tests.domain.planning.fleets import CODES, MONDAY, RULES, TODAY, make_progress, progresses

DONE, RUNNING, WAITING = State.DONE, State.RUNNING, State.WAITING


def standings(progress: Progress, today: date = TODAY, teams: TeamTable = RULES.teams) -> dict[str, Standing]:
    return standings_of(progress, RULES.timetable, teams, today=today, environment_business_days=15)


def states(progress: Progress, today: date = TODAY) -> dict[str, State]:
    return {code: standing.state for code, standing in standings(progress, today).items()}


def test_on_the_day_of_the_adhesion_nothing_has_begun() -> None:
    assert set(states(make_progress(), MONDAY).values()) == {WAITING}


def test_what_needs_no_team_runs_from_its_turn_and_is_over_after_its_planned_days() -> None:
    of_day = {day: states(make_progress(), day) for day in (MONDAY + timedelta(days=n) for n in (1, 3, 4, 60))}
    assert [found["abertura"] for found in of_day.values()] == [RUNNING, RUNNING, DONE, DONE]
    assert [found["mapeamento"] for found in of_day.values()] == [WAITING, WAITING, RUNNING, DONE]
    assert {found["ambiente_de_treinamento"] for found in of_day.values()} == {WAITING}, "no sign of it"


def test_a_team_works_from_the_day_of_the_first_sign() -> None:
    begun = {Stage.ENVIRONMENT_TRAINING: MONDAY + timedelta(days=20)}
    found = standings(make_progress(begun=begun))["ambiente_de_treinamento"]
    assert (found.state, found.start) == (RUNNING, date(2026, 3, 22))


def test_a_finished_stage_has_its_real_end_and_what_it_waited_for_is_over_too() -> None:
    ended = date(2026, 3, 10)
    found = standings(make_progress(done={Stage.ENVIRONMENT_TRAINING: date(2026, 3, 9), Stage.SEEDING: ended}))
    assert found["parametrizacao"] == Standing(state=DONE, start=ended, end=ended, recorded=True)
    mapping = found["mapeamento"]
    assert (mapping.state, mapping.end, mapping.recorded) == (DONE, ended, False), "planned until the 19th"


def test_a_mapping_that_is_waited_for_is_not_over_however_long_ago_it_was_planned() -> None:
    since = datetime(2026, 3, 25, tzinfo=UTC)
    owed = Pause(since=since, reason=Stage.SEEDING.value)
    progress = make_progress(done={Stage.ENVIRONMENT_TRAINING: date(2026, 3, 23)})
    assert states(progress)["mapeamento"] is DONE
    assert states(progress.model_copy(update={"pauses": (owed,)}))["mapeamento"] is RUNNING
    settled = owed.model_copy(update={"until": since + timedelta(days=9)})
    assert states(progress.model_copy(update={"pauses": (settled,)}))["mapeamento"] is DONE


@settings(deadline=None)
@given(progresses(CODES[0]))
def test_what_is_over_lies_in_the_past_and_does_not_depend_on_the_slots(progress: Progress) -> None:
    found = standings(progress)
    assert found == standings(progress, teams=RULES.teams.with_slots(dict.fromkeys(["nuvem", "instrutores"], 99)))
    for activity in RULES.timetable.activities:
        standing = found[activity.code]
        if standing.state is DONE:
            assert standing.start is not None
            assert standing.end is not None
            assert standing.start <= standing.end <= TODAY
        elif standing.state is RUNNING:
            assert standing.start is not None
            assert standing.start <= TODAY
        assert standing.recorded == (activity.stage in progress.done)


@pytest.mark.parametrize("slots", [0, 1001])
def test_a_number_of_slots_that_no_team_has_is_refused(slots: int) -> None:
    with pytest.raises(Exception, match=f"não pode ter {slots} vagas"):
        RULES.teams.with_slots({"nuvem": slots})
    with pytest.raises(Exception, match="Não há equipe 'marketing'"):
        RULES.teams.with_slots({"marketing": 3})
