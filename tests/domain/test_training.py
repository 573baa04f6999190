"""The training gate: thirty ways to it, and what holds whatever happened."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.completion import Completion, completion
from domain.courses import CourseTable
from domain.person import Person
from domain.training import GateVerdict, Headcount, TrainingClass, TrainingRule, judge_training
from domain.training_count import count_training, list_missing
from tests.domain.examples import CATALOG
from tests.domain.sip_in_memory import person

RULE = CATALOG.gates().training
COURSES = CATALOG.courses()
TODAY = date(2026, 6, 30)
USE, ADMINISTER = "sei-usar", "sei-administrar"


def staff(*units: tuple[str, int], administrators: int = 0) -> list[Person]:
    """So many people in each unit, the first of all of them administrators."""
    names = [unit for unit, count in units for _ in range(count)]
    return [
        person(
            number + 1, unidades=(unit,), perfis=("Básico", "Administrador") if number < administrators else ("Básico",)
        )
        for number, unit in enumerate(names)
    ]


def done(people: list[Person], *, days_ago: int = 1, courses: tuple[str, ...] = (USE, ADMINISTER)) -> list[Completion]:
    day = TODAY - timedelta(days=days_ago)
    return [completion(one.sigla, course, day) for one in people for course in courses]


def judge(people: list[Person], told: list[Completion], rule: TrainingRule = RULE) -> GateVerdict:
    return judge_training(count_training(people, told, COURSES, TODAY), rule, TODAY)


@dataclass
class Case:
    """Who is there, how many of the first of them finished, by what rule; `why` is empty where the gate opens."""

    people: list[Person]
    trained: int
    why: str = ""
    days_ago: int = 1
    courses: tuple[str, ...] = (USE, ADMINISTER)
    rule: dict[str, int] = field(default_factory=dict)
    more: list[Completion] = field(default_factory=list)


TEN = staff(("SEMAD", 10))
TWO_UNITS = staff(("GAB", 5), ("SME", 5))
CASES = [
    Case(TEN, 10),
    Case(TEN, 8),
    Case(TEN, 7, "7 de 10 usuários capacitados (70%); o mínimo é 80%"),
    Case(TEN, 0, "0 de 10 usuários capacitados (0%)"),
    Case([], 0, "Nenhum usuário foi cadastrado"),
    Case(staff(("SEMAD", 1)), 1),
    Case(staff(("SEMAD", 1)), 0, "0 de 1 usuários"),
    Case(staff(("SEMAD", 7)), 6),
    Case(staff(("SEMAD", 7)), 5, "5 de 7 usuários capacitados (71%)"),
    Case(staff(("SEMAD", 1000)), 799, "799 de 1000 usuários capacitados (79%)"),
    Case(staff(("SEMAD", 1000)), 800),
    Case(staff(("SEMAD", 350)), 217, "217 de 350 usuários capacitados (62%)"),
    Case(TEN, 10, days_ago=180),
    Case(TEN, 10, "0 de 10", days_ago=181),
    Case(TEN, 10, days_ago=0),
    Case(TEN, 10, "0 de 10", days_ago=-1),
    Case(TEN, 10, rule={"valid_for_days": 30}, days_ago=30),
    Case(TEN, 10, "0 de 10", rule={"valid_for_days": 30}, days_ago=31),
    Case(staff(("SEMAD", 10), administrators=3), 10),
    Case(staff(("SEMAD", 10), administrators=3), 10, "0 de 3 administradores capacitados", courses=(USE,)),
    Case(
        staff(("SEMAD", 10), administrators=1), 10, courses=(USE,), rule={"min_percent_administrators": 0},
        why="",
    ),
    Case(
        staff(("SEMAD", 10), administrators=2), 10, "1 de 2 administradores capacitados (50%)", courses=(USE,),
        more=[completion("pessoa.1", ADMINISTER, TODAY)],
    ),
    Case(
        staff(("SEMAD", 10), administrators=2), 10, courses=(USE,), rule={"min_percent_administrators": 50},
        more=[completion("pessoa.1", ADMINISTER, TODAY)],
    ),
    Case(TWO_UNITS, 8),
    Case(staff(("GAB", 9), ("SME", 1)), 9, "Unidades com menos de 1 capacitado: SME"),
    Case(staff(("GAB", 9), ("SME", 1)), 9, rule={"min_trained_by_unit": 0}),
    Case(staff(("GAB", 8), ("SME", 2)), 9, "Unidades com menos de 2 capacitados: SME", rule={"min_trained_by_unit": 2}),
    Case(staff(("GAB", 8), ("CPD", 2)), 10, rule={"min_trained_by_unit": 3}),
    Case(TEN, 0, "0 de 10", more=[completion("fulano.de.fora", USE, TODAY)]),
    Case(TEN, 7, more=[completion("PESSOA.10", USE, TODAY)]),
    Case(TEN, 8, more=[completion("pessoa.1", USE, TODAY + timedelta(days=30))]),
    Case(TEN, 8, more=[completion("pessoa.1", USE, TODAY - timedelta(days=400))]),
    Case(TEN, 10, rule={"min_percent_trained": 100}),
    Case(TEN, 9, "o mínimo é 100%", rule={"min_percent_trained": 100}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=range(1, len(CASES) + 1))
def test_rules_and_attendance(case: Case) -> None:
    told = [*done(case.people[: case.trained], days_ago=case.days_ago, courses=case.courses), *case.more]
    verdict = judge(case.people, told, RULE.model_copy(update=case.rule))
    assert (verdict.open, verdict.reasons) == (not case.why, verdict.reasons if case.why else ())
    assert case.why in " | ".join(verdict.reasons)


def test_who_works_in_two_units_is_one_person_of_the_prefeitura_and_trained_in_both() -> None:
    both = person(9, unidades=("GAB", "SME"))
    people = [*staff(("GAB", 1), ("SME", 1)), both]
    facts = count_training(people, done([both]), COURSES, TODAY)
    assert (facts.prefeitura.users, [unit.users for unit in facts.unidades]) == (3, [2, 2])
    verdict = judge(people, done([both]))
    assert (verdict.prefeitura.trained, [line.trained for line in verdict.units]) == (1, [1, 1])


def test_who_takes_two_courses_counts_from_the_older_one_which_runs_out_first() -> None:
    chief = staff(("SEMAD", 1), administrators=1)
    told = [*done(chief, days_ago=170, courses=(USE,)), *done(chief, days_ago=1, courses=(ADMINISTER,))]
    assert judge(chief, told).open
    later = judge_training(count_training(chief, told, COURSES, TODAY), RULE, TODAY + timedelta(days=11))
    assert not later.open


def test_a_course_may_be_of_some_units_only() -> None:
    table = CourseTable.model_validate(
        {
            "cursos": [
                {"codigo": "usar", "titulo": "Usar"},
                {"codigo": "protocolo", "titulo": "Protocolo", "unidades": ["PROT"]},
            ]
        }
    )
    people = staff(("PROT", 1), ("SME", 1))
    told = done(people, courses=("usar",))
    facts = count_training(people, told, table, TODAY)
    assert [sum(done.trained for done in unit.classes) for unit in facts.unidades] == [0, 1]
    (owed,) = list_missing(people, told, table, RULE, TODAY)
    assert (owed.person, [course.code for course in owed.courses]) == (people[0], ["protocolo"])


@pytest.mark.parametrize(
    ("courses", "why"),
    [
        ([{"codigo": "a", "titulo": "A"}, {"codigo": "a", "titulo": "B"}], "curso repetido: a"),
        ([{"codigo": "a", "titulo": "A", "perfis": ["Administrador"]}], "nenhum curso é de todos"),
    ],
)
def test_a_table_of_courses_that_would_let_people_through_does_not_build(
    courses: list[dict[str, object]], why: str
) -> None:
    with pytest.raises(ValidationError, match=why):
        CourseTable.model_validate({"cursos": courses})


PEOPLE = [
    person(n + 1, unidades=units, perfis=perfis)
    for n, (units, perfis) in enumerate(
        [
            (("GAB",), ("Básico", "Administrador")),
            (("GAB", "SME"), ("Básico",)),
            (("SME",), ("Básico",)),
            (("SME",), ("Básico", "Administrador")),
            (("SMS",), ("Básico",)),
        ]
    )
]
LOGINS = st.sampled_from([one.sigla for one in PEOPLE] + ["de.fora"])
TOLD = st.builds(
    completion,
    LOGINS,
    st.sampled_from([USE, ADMINISTER]),
    st.integers(-60, 400).map(lambda days: TODAY - timedelta(days=days)),
)
HISTORY = st.lists(TOLD, max_size=14)


@st.composite
def rules(draw: st.DrawFn) -> TrainingRule:
    return TrainingRule(
        min_percent_trained=draw(st.integers(0, 100)),
        min_percent_administrators=draw(st.integers(0, 100)),
        min_trained_by_unit=draw(st.integers(0, 3)),
        valid_for_days=draw(st.integers(1, 400)),
    )


RULES = rules()


@settings(max_examples=300)
@given(HISTORY, TOLD, RULES)
def test_one_more_completion_never_closes_the_gate(
    history: list[Completion], more: Completion, rule: TrainingRule
) -> None:
    if judge(PEOPLE, history, rule).open:
        assert judge(PEOPLE, [*history, more], rule).open


@settings(max_examples=150)
@given(HISTORY, RULES, RULES)
def test_demanding_more_never_opens_the_gate(history: list[Completion], one: TrainingRule, other: TrainingRule) -> None:
    stricter = TrainingRule(
        min_percent_trained=max(one.min_percent_trained, other.min_percent_trained),
        min_percent_administrators=max(one.min_percent_administrators, other.min_percent_administrators),
        min_trained_by_unit=max(one.min_trained_by_unit, other.min_trained_by_unit),
        valid_for_days=min(one.valid_for_days, other.valid_for_days),
    )
    if judge(PEOPLE, history, stricter).open:
        assert judge(PEOPLE, history, one).open


@settings(max_examples=150)
@given(HISTORY, RULES)
def test_a_closed_gate_has_a_reason_and_who_is_missing_is_who_is_not_counted(
    history: list[Completion], rule: TrainingRule
) -> None:
    verdict = judge(PEOPLE, history, rule)
    assert verdict.open != bool(verdict.reasons)
    missing = list(list_missing(PEOPLE, history, COURSES, rule, TODAY))
    assert len(missing) == verdict.prefeitura.users - verdict.prefeitura.trained


def test_more_trained_people_than_users_do_not_build() -> None:
    with pytest.raises(ValidationError, match="há mais capacitados"):
        Headcount(users=3, classes=(TrainingClass(finished_on=TODAY, trained=4),))
    with pytest.raises(ValidationError, match="administradores capacitados são mais"):
        TrainingClass(finished_on=TODAY, trained=1, trained_administrators=2)
