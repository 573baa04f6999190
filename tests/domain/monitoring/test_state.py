"""Damping: what opens an incident, what closes it, and what goes to and fro."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.monitoring.rules import Probe
from domain.monitoring.state import ProbeState, Turn, advance, is_due, whose_turn
from tests.domain.monitoring.examples import BEGAN, RULE, SWEEP, answer

DAMPING = RULE.damping
ANSWERS = st.lists(st.booleans(), min_size=1, max_size=80)


def run(answers: list[bool], every: timedelta = SWEEP) -> tuple[list[Turn], ProbeState]:
    """The turns of answers, good or not, one a sweep; an incident that opens gets a name."""
    state, turns, now = None, [], BEGAN
    for good in answers:
        step = advance(state, answer("casa", good=good), now, DAMPING)
        name = "i" if step.turn is Turn.OPENS else step.state.incident
        state = step.state.model_copy(update={"incident": name})
        turns.append(step.turn)
        now += every
    assert state is not None
    return turns, state


def test_so_many_bad_answers_in_a_row_open_and_so_many_good_ones_close() -> None:
    turns, state = run([True, False, False, False, False, True, True])
    assert turns == [Turn.NONE, Turn.NONE, Turn.NONE, Turn.OPENS, Turn.NONE, Turn.NONE, Turn.CLOSES]
    assert (state.incident, state.since) == (None, BEGAN + 5 * SWEEP), "the first good answer"


def test_answers_too_far_apart_do_not_follow_one_another() -> None:
    turns, state = run([False] * 10, every=DAMPING.within + timedelta(seconds=1))
    assert set(turns) == {Turn.NONE}
    assert state.streak == 1


def test_one_that_is_good_every_second_time_is_one_incident_and_closes_after_a_longer_calm() -> None:
    flapping = [False, True] * 20
    turns, state = run(flapping)
    assert turns.count(Turn.OPENS) == 1
    assert Turn.CLOSES not in turns
    assert state.flapping
    calm, _ = run([*flapping, *[True] * DAMPING.flapping.close_after])
    assert calm.count(Turn.CLOSES) == 1
    assert calm[-1] is Turn.NONE, "the flapping's own last answer was good, and counts"


def test_a_rare_bad_answer_opens_nothing() -> None:
    assert set(run(([False] + [True] * 4) * 20)[0]) == {Turn.NONE}


@given(ANSWERS)
def test_turns_alternate_and_the_state_says_which_was_the_last(answers: list[bool]) -> None:
    turns, state = run(answers)
    told = [turn for turn in turns if turn is not Turn.NONE]
    assert told == [Turn.OPENS, Turn.CLOSES] * (len(told) // 2) + [Turn.OPENS] * (len(told) % 2)
    assert (state.incident is not None) == (len(told) % 2 == 1)
    assert not (state.flapping and state.incident is None)


@given(ANSWERS)
def test_nothing_opens_on_a_good_answer_or_closes_on_a_bad_one_and_never_with_fewer_than_the_rule(
    answers: list[bool],
) -> None:
    turns, _ = run(answers)
    for place, (good, turn) in enumerate(zip(answers, turns, strict=True)):
        if turn is Turn.OPENS:
            assert not good
            assert answers[: place + 1].count(False) >= DAMPING.open_after
        if turn is Turn.CLOSES:
            assert all(answers[place - DAMPING.close_after + 1 : place + 1])


@given(ANSWERS, st.integers(DAMPING.open_after, 20), st.integers(DAMPING.flapping.close_after, 20))
def test_whatever_came_before_a_long_outage_is_open_in_it_and_over_after_it(
    before: list[bool], bad: int, good: int
) -> None:
    assert run([*before, *[False] * bad])[1].incident is not None
    assert run([*before, *[False] * bad, *[True] * good])[1].incident is None


def state(answers: list[bool], *, ago: timedelta = timedelta()) -> ProbeState:
    """What is remembered after these answers, the last of them so long ago."""
    return run(answers)[1].model_copy(update={"seen_at": BEGAN - ago})


HOURLY = RULE.probes[Probe.SIGN_IN].model_copy(update={"every_minutes": 60, "most": 2})


def test_a_good_answer_holds_for_its_time() -> None:
    assert is_due(None, BEGAN, HOURLY, DAMPING)
    assert not is_due(state([True] * 3, ago=timedelta(minutes=59)), BEGAN, HOURLY, DAMPING)
    assert is_due(state([True] * 3, ago=timedelta(minutes=60)), BEGAN, HOURLY, DAMPING)


@given(ANSWERS)
def test_whoever_failed_is_asked_in_each_sweep_until_it_is_well(answers: list[bool]) -> None:
    found = state(answers)
    if not answers[-1] or found.incident is not None:
        assert is_due(found, BEGAN, HOURLY, DAMPING)
    if all(answers):
        assert not is_due(found, BEGAN, HOURLY, DAMPING)


def test_who_waits_longest_comes_first_and_who_fails_besides() -> None:
    hours = {"a": 2, "b": 5, "c": 3}
    states = {name: state([True] * 3, ago=timedelta(hours=ago)) for name, ago in hours.items()}
    states["mal"] = state([False])
    states["recente"] = state([True])
    found = whose_turn(["a", "b", "c", "mal", "recente", "nova"], states, BEGAN, HOURLY, DAMPING)
    assert found == ["mal", "nova", "b"]
