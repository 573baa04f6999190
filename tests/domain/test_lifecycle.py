"""The order of the stages."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import GateClosedError
from domain.lifecycle import (
    STAGE_FINISHED,
    STAGE_REOPENED,
    Stage,
    StageEvent,
    check_transition,
    current_stage,
    missing_before,
    stages_done,
)

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)

REACHED = st.frozensets(st.sampled_from(Stage))


def test_an_implantation_walks_through_every_stage_in_order() -> None:
    reached: set[Stage] = set()
    walked = []
    for _ in Stage:
        stage = current_stage(reached)
        check_transition(reached, stage)
        walked.append(stage)
        reached.add(stage)
    assert walked == list(Stage)
    assert current_stage(reached) is Stage.OPERATION


@given(REACHED, st.sampled_from(Stage))
def test_a_stage_may_start_exactly_when_nothing_before_it_is_missing(reached: frozenset[Stage], to: Stage) -> None:
    missing = missing_before(to, reached)
    if not missing:
        check_transition(reached, to)
        return
    with pytest.raises(GateClosedError) as refusal:
        check_transition(reached, to)
    assert all(stage.label in str(refusal.value) for stage in (to, *missing))


@given(REACHED, st.sampled_from(Stage))
def test_concluding_a_stage_never_takes_a_prefeitura_back(reached: frozenset[Stage], done: Stage) -> None:
    order = list(Stage)
    assert order.index(current_stage(reached)) <= order.index(current_stage(reached | {done}))


def test_a_stage_done_out_of_turn_does_not_count() -> None:
    assert current_stage({Stage.ADHESION, Stage.TRAINING}) is Stage.ENVIRONMENT_TRAINING


def test_every_stage_has_a_name_that_operators_read() -> None:
    assert len({stage.label for stage in Stage}) == len(Stage)


EVENTS = st.lists(
    st.builds(StageEvent, st.sampled_from([STAGE_FINISHED, STAGE_REOPENED]), st.sampled_from(Stage), st.just(NOON)),
    max_size=20,
)


@given(EVENTS, st.sampled_from(Stage))
def test_a_stage_that_was_taken_back_and_everything_after_it_is_to_be_done_again(
    events: list[StageEvent], stage: Stage
) -> None:
    done = stages_done([*events, StageEvent(STAGE_REOPENED, stage, NOON)])
    order = list(Stage)
    assert all(order.index(reached) < order.index(stage) for reached in done)
    again = stages_done([*events, StageEvent(STAGE_REOPENED, stage, NOON), StageEvent(STAGE_FINISHED, stage, NOON)])
    assert set(again) == {*done, stage}


@given(st.lists(st.sampled_from(Stage), max_size=20))
def test_a_stage_is_done_since_it_ended_for_the_first_time(stages: list[Stage]) -> None:
    events = [StageEvent(STAGE_FINISHED, stage, NOON + timedelta(hours=at)) for at, stage in enumerate(stages)]
    done = stages_done(events)
    assert done == {stage: NOON + timedelta(hours=stages.index(stage)) for stage in set(stages)}
