"""Practice in the training environment: what it proves, and that doing more never closes the gate."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.completion import Completion, completion
from domain.courses import CourseTable
from domain.practice import PRACTICE, PracticeRule, PracticeStep, PracticeWorth, Practised, completions_of
from domain.text import collation_key
from domain.training import GateVerdict, TrainingRule, judge_training
from domain.training_count import count_training, list_missing
from tests.domain.examples import CATALOG
from tests.domain.sip_in_memory import person
from tests.domain.test_training import RULES

TODAY = date(2026, 6, 30)
RULE = CATALOG.gates().training
STEPS = tuple(PracticeStep)
USE, ADMINISTER = "sei-usar", "sei-administrar"
PEOPLE = [
    person(1, unidades=("GAB",), perfis=("Básico", "Administrador")),
    person(2, unidades=("GAB",), perfis=("Básico",)),
    person(3, unidades=("SME",), perfis=("Básico",)),
]


def table(worth: str, steps: tuple[PracticeStep, ...] = STEPS) -> CourseTable:
    shipped = CATALOG.courses()
    rule = PracticeRule(worth=PracticeWorth(worth), course=USE, steps=steps)
    return CourseTable(courses=shipped.courses, practice=rule)


def did(login: str, *steps: PracticeStep, days_ago: int = 1) -> list[Practised]:
    day = TODAY - timedelta(days=days_ago)
    return [Practised(collation_key(login), step, day) for step in steps or STEPS]


def judge(
    courses: CourseTable, told: list[Completion], practised: list[Practised], rule: TrainingRule = RULE
) -> GateVerdict:
    everything = [*told, *completions_of(practised, courses.practice, TODAY)]
    return judge_training(count_training(PEOPLE, everything, courses, TODAY), rule, TODAY)


def test_practice_is_shipped_ignored_and_proves_nothing_then() -> None:
    assert CATALOG.courses().practice.worth is PracticeWorth.IGNORED
    assert list(completions_of(did("pessoa.1"), table("ignorada").practice, TODAY)) == []


def test_who_did_every_step_finished_the_course_on_the_day_of_the_oldest() -> None:
    done = [
        *did("pessoa.1", PracticeStep.SIGNED_IN, days_ago=2),
        *did("pessoa.1", PracticeStep.STARTED_PROCESS, days_ago=90),
        *did("pessoa.1", PracticeStep.STARTED_PROCESS, days_ago=9),
        *did("pessoa.1", PracticeStep.SIGNED_DOCUMENT, days_ago=5),
        *did("pessoa.2", PracticeStep.SIGNED_IN, PracticeStep.STARTED_PROCESS),
    ]
    assert list(completions_of(done, table("conta").practice, TODAY)) == [
        completion("pessoa.1", USE, TODAY - timedelta(days=9))
    ]
    only = table("conta", (PracticeStep.SIGNED_IN,)).practice
    assert {one.login for one in completions_of(done, only, TODAY)} == {
        collation_key("pessoa.1"),
        collation_key("pessoa.2"),
    }


def test_practice_that_counts_opens_the_gate_without_a_class() -> None:
    practised = [one for who in PEOPLE for one in did(who.sigla)]
    told = [completion("pessoa.1", ADMINISTER, TODAY)]
    assert judge(table("conta"), told, practised).open
    assert not judge(table("conta"), [], practised).open, "an administrator has another course to finish"
    assert not judge(table("ignorada"), told, practised).open


def test_practice_that_is_required_is_owed_beside_the_course_and_said_so() -> None:
    courses = table("exigida")
    told = [completion(who.sigla, code, TODAY) for who in PEOPLE for code in (USE, ADMINISTER)]
    practised = [one for who in PEOPLE[:2] for one in did(who.sigla)]
    assert not judge(courses, told, practised).open
    everything = [*told, *completions_of(practised, courses.practice, TODAY)]
    (owed,) = list_missing(PEOPLE, everything, courses, RULE, TODAY)
    assert (owed.person, [course.title for course in owed.courses]) == (
        PEOPLE[2],
        ["Prática no ambiente de treinamento"],
    )
    assert judge(courses, told, [*practised, *did("pessoa.3")]).open
    assert not judge(courses, [], [one for who in PEOPLE for one in did(who.sigla)]).open, "nor is it enough alone"
    assert not judge(courses, told, [*practised, *did("pessoa.3", days_ago=181)]).open, "and runs out as a course does"


def test_nobody_claims_practice_in_an_attendance_list() -> None:
    assert table("exigida").find(PRACTICE) is None
    assert table("exigida").find("Prática no ambiente de treinamento") is None


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"pratica": {"vale": "conta", "curso": "outro"}}, "a prática é do curso 'outro', que não existe"),
        ({"pratica": {"vale": "exigida"}}, "a prática é do curso '', que não existe"),
        ({"pratica": {"vale": "conta", "curso": "a", "passos": []}}, "at least 1 item"),
        ({"pratica": {"vale": "talvez", "curso": "a"}}, "ignorada"),
        ({"cursos": [{"codigo": "pratica", "titulo": "A"}]}, "não pode ser de um curso"),
    ],
)
def test_a_rule_of_practice_that_does_not_hold_together_is_refused(facts: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        CourseTable.model_validate({"cursos": [{"codigo": "a", "titulo": "A"}]} | facts)


LOGINS = st.sampled_from([one.sigla for one in PEOPLE] + ["de.fora"])
DAYS = st.integers(-30, 300).map(lambda days: TODAY - timedelta(days=days))
DONE = st.builds(
    lambda login, step, on: Practised(collation_key(login), step, on), LOGINS, st.sampled_from(STEPS), DAYS
)
TOLD = st.builds(completion, LOGINS, st.sampled_from([USE, ADMINISTER]), DAYS)
TABLES = st.builds(
    table,
    st.sampled_from(["ignorada", "conta", "exigida"]),
    st.sets(st.sampled_from(STEPS), min_size=1).map(lambda steps: tuple(sorted(steps))),
)


@settings(max_examples=400)
@given(TABLES, st.lists(TOLD, max_size=8), st.lists(DONE, max_size=20), DONE, RULES)
def test_one_more_thing_done_never_closes_the_gate(
    courses: CourseTable, told: list[Completion], practised: list[Practised], more: Practised, rule: TrainingRule
) -> None:
    if judge(courses, told, practised, rule).open:
        assert judge(courses, told, [*practised, more], rule).open


@settings(max_examples=400)
@given(TABLES, st.lists(TOLD, max_size=8), TOLD, st.lists(DONE, max_size=20), RULES)
def test_one_more_completion_never_closes_it_either(
    courses: CourseTable, told: list[Completion], more: Completion, practised: list[Practised], rule: TrainingRule
) -> None:
    if judge(courses, told, practised, rule).open:
        assert judge(courses, [*told, more], practised, rule).open


@settings(max_examples=200)
@given(st.lists(TOLD, max_size=8), st.lists(DONE, max_size=20), RULES)
def test_requiring_practice_never_opens_what_is_closed_and_counting_it_never_closes_what_is_open(
    told: list[Completion], practised: list[Practised], rule: TrainingRule
) -> None:
    required, ignored, counted = (
        judge(table(worth), told, practised, rule).open for worth in ("exigida", "ignorada", "conta")
    )
    assert required <= ignored <= counted
