"""The training gate."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.training import TrainingClass, TrainingRule, UnitTraining, judge_training
from tests.domain.examples import CATALOG

RULE = CATALOG.gates().training
TODAY = date(2026, 6, 30)


def make_unit(
    unidade: str = "SEMAD",
    *,
    users: int = 10,
    trained: int = 10,
    administrators: int = 0,
    trained_administrators: int = 0,
    days_ago: int = 1,
) -> UnitTraining:
    done = TrainingClass(
        finished_on=TODAY - timedelta(days=days_ago), trained=trained, trained_administrators=trained_administrators
    )
    return UnitTraining(unidade=unidade, users=users, administrators=administrators, classes=(done,))


@st.composite
def units(draw: st.DrawFn) -> UnitTraining:
    users = draw(st.integers(0, 12))
    administrators = draw(st.integers(0, users))
    trained_administrators = draw(st.integers(0, administrators))
    trained = draw(st.integers(trained_administrators, users))
    return make_unit(
        draw(st.sampled_from(["GAB", "SME", "SMS"])),
        users=users,
        trained=trained,
        administrators=administrators,
        trained_administrators=trained_administrators,
        days_ago=draw(st.integers(-5, 400)),
    )


FACTS = st.lists(units(), max_size=6).map(tuple)


def test_the_gate_opens_when_everything_demanded_is_there() -> None:
    facts = (
        make_unit("GAB", users=10, trained=7, administrators=2, trained_administrators=2),
        make_unit("SME", users=10, trained=9),
    )
    verdict = judge_training(facts, RULE, TODAY)
    assert (verdict.open, verdict.reasons) == (True, ())
    assert [(line.unidade, line.trained, line.enough) for line in verdict.units] == [("GAB", 7, True), ("SME", 9, True)]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ((), "Nenhum usuário foi cadastrado"),
        ((make_unit(users=10, trained=7),), "7 de 10 usuários capacitados (70%); o mínimo é 80%"),
        ((make_unit(users=1000, trained=799),), "799 de 1000 usuários capacitados (79%)"),
        (
            (make_unit(trained=10, administrators=3, trained_administrators=2),),
            "2 de 3 administradores capacitados (66%); o mínimo é 100%",
        ),
        ((make_unit("GAB", users=90, trained=90), make_unit("SME", trained=0)), "com menos de 1 capacitado: SME"),
        ((make_unit(days_ago=181),), "0 de 10 usuários capacitados"),
        ((make_unit(days_ago=-1),), "0 de 10 usuários capacitados"),
    ],
)
def test_the_gate_says_in_numbers_why_it_is_closed(facts: tuple[UnitTraining, ...], reason: str) -> None:
    verdict = judge_training(facts, RULE, TODAY)
    assert not verdict.open
    assert reason in " | ".join(verdict.reasons)


def test_a_class_counts_until_its_last_day() -> None:
    assert judge_training((make_unit(days_ago=180),), RULE, TODAY).open


def test_a_unit_smaller_than_the_minimum_needs_all_its_people_and_an_empty_one_nobody() -> None:
    rule = RULE.model_copy(update={"min_trained_by_unit": 3})
    small = make_unit("CPD", users=2, trained=2)
    empty = make_unit("NOVA", users=0, trained=0)
    assert judge_training((make_unit(), small, empty), rule, TODAY).open


@settings(max_examples=80)
@given(FACTS, st.data())
def test_training_one_more_person_never_closes_the_gate(facts: tuple[UnitTraining, ...], data: st.DataObject) -> None:
    possible = [n for n, unit in enumerate(facts) if sum(done.trained for done in unit.classes) < unit.users]
    if not possible:
        return
    chosen = data.draw(st.sampled_from(possible))
    one_more = (*facts[chosen].classes, TrainingClass(finished_on=TODAY, trained=1))
    unit = UnitTraining.model_validate(facts[chosen].model_dump() | {"classes": one_more})
    before = judge_training(facts, RULE, TODAY)
    after = judge_training((*facts[:chosen], unit, *facts[chosen + 1 :]), RULE, TODAY)
    assert after.open or not before.open


@settings(max_examples=80)
@given(FACTS, st.integers(0, 100), st.integers(0, 100), st.integers(0, 3))
def test_demanding_more_never_opens_the_gate(
    facts: tuple[UnitTraining, ...], percent: int, administrators: int, by_unit: int
) -> None:
    stricter = TrainingRule(
        min_percent_trained=max(percent, RULE.min_percent_trained),
        min_percent_administrators=max(administrators, RULE.min_percent_administrators),
        min_trained_by_unit=max(by_unit, RULE.min_trained_by_unit),
        valid_for_days=RULE.valid_for_days,
    )
    if judge_training(facts, stricter, TODAY).open:
        assert judge_training(facts, RULE, TODAY).open


@settings(max_examples=80)
@given(FACTS)
def test_a_closed_gate_always_has_a_reason(facts: tuple[UnitTraining, ...]) -> None:
    verdict = judge_training(facts, RULE, TODAY)
    assert verdict.open != bool(verdict.reasons)


def test_more_trained_people_than_users_do_not_build() -> None:
    with pytest.raises(ValidationError, match="SEMAD tem mais capacitados"):
        make_unit(users=3, trained=4)
    with pytest.raises(ValidationError, match="administradores capacitados são mais"):
        TrainingClass(finished_on=TODAY, trained=1, trained_administrators=2)
