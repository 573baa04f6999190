"""An environment held against its declaration: what is told, and what makes two plans the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.change import Change
from domain.errors import IntegrityError
from domain.inspection import Inspection
from domain.report import StepResult

CHANGES = st.builds(
    Change,
    created=st.integers(0, 2),
    updated=st.integers(0, 2),
    unchanged=st.integers(0, 9),
    details=st.lists(st.sampled_from(["parâmetro A: 1 → 2", "site x: configuração", "chave trocada"]), max_size=2).map(
        tuple
    ),
)
STEPS = st.lists(
    st.builds(StepResult, name=st.sampled_from(["borda", "parâmetros"]), change=CHANGES, seconds=st.floats(0, 9)),
    min_size=1,
).map(tuple)


def inspect(*steps: StepResult, **more: tuple[str, ...]) -> Inspection:
    return Inspection(environment="timoteo-producao", steps=steps, **more)


@given(STEPS)
def test_every_step_with_something_to_do_is_told_and_no_other(steps: tuple[StepResult, ...]) -> None:
    told = inspect(*steps).drift()
    busy = {step.name for step in steps if step.change.total}
    assert {text.partition(": ")[0] for text in told} == busy
    assert len(told) >= sum(step.change.total > 0 for step in steps)
    for step in steps:
        if step.change.total:
            assert {f"{step.name}: {detail}" for detail in step.change.details} <= set(told)


@given(STEPS, st.floats(0, 9))
def test_how_long_it_took_to_look_makes_no_other_plan(steps: tuple[StepResult, ...], seconds: float) -> None:
    slower = tuple(step.model_copy(update={"seconds": seconds}) for step in steps)
    assert inspect(*steps).digest == inspect(*slower, facts=("outro fato",)).digest


@given(STEPS, CHANGES.filter(lambda change: change.total > 0))
def test_one_more_difference_makes_another_plan(steps: tuple[StepResult, ...], change: Change) -> None:
    assert inspect(*steps).digest != inspect(*steps, StepResult(name="certificado", change=change)).digest


def test_a_plan_of_what_is_not_there_is_told_apart_by_its_facts_and_its_environment() -> None:
    here, there = inspect(facts=("colocação: principal",)), inspect(facts=("colocação: segundo",))
    assert here.digest != there.digest
    assert here.digest != here.model_copy(update={"environment": "timoteo-treinamento"}).digest


def test_an_environment_as_declared_and_proved_is_no_failure() -> None:
    inspect(StepResult(name="borda", change=Change(unchanged=3))).raise_if_wrong()


def test_drift_and_problems_are_counted_together_and_the_first_is_named() -> None:
    drifted = inspect(
        StepResult(name="borda", change=Change(updated=1, details=("site x: configuração",))), problems=("sem WAF",)
    )
    with pytest.raises(IntegrityError, match=r"em 2 ponto\(s\): borda: site x: configuração e mais 1") as failure:
        drifted.raise_if_wrong()
    assert "./implanta environment plan timoteo-producao" in str(failure.value)
