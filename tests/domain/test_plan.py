"""The price table and its refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import InvalidInputError
from domain.plan import Plan, PlanTable, choose_plan, require_within_plan
from tests.domain.examples import PLANS

NEGOTIATED = Plan(faixa=None, users=5000, concurrent_users=300, negotiated=True)


@pytest.mark.parametrize(
    ("population", "faixa", "users", "concurrent_users"),
    [
        (1, 1, 150, 10),
        (2_630, 1, 150, 10),
        (10_000, 1, 150, 10),
        (10_001, 2, 300, 20),
        (50_000, 2, 300, 20),
        (50_001, 3, 750, 50),
        (91_268, 3, 750, 50),
        (200_000, 3, 750, 50),
        (200_001, 4, 1500, 100),
        (500_000, 4, 1500, 100),
    ],
)
def test_population_chooses_the_faixa_whose_upper_limit_is_its_own(
    population: int, faixa: int, users: int, concurrent_users: int
) -> None:
    assert choose_plan(population, PLANS) == Plan(faixa=faixa, users=users, concurrent_users=concurrent_users)


def test_above_the_table_a_person_has_to_enter_the_negotiated_plan() -> None:
    with pytest.raises(InvalidInputError, match=r"500\.001 habitantes.*plano negociado com ./implanta"):
        choose_plan(500_001, PLANS)
    assert choose_plan(500_001, PLANS, NEGOTIATED) == NEGOTIATED


@pytest.mark.parametrize("population", [0, -5])
def test_a_population_of_nobody_has_no_plan(population: int) -> None:
    with pytest.raises(InvalidInputError, match="não é válida"):
        choose_plan(population, PLANS, NEGOTIATED)


def test_a_negotiated_plan_never_gives_less_than_the_table() -> None:
    small = Plan(faixa=None, users=100, concurrent_users=10, negotiated=True)
    with pytest.raises(InvalidInputError, match="oferece menos que a faixa 3"):
        choose_plan(91_268, PLANS, small)


@given(st.integers(1, 500_000), st.integers(1, 500_000))
def test_more_people_never_get_fewer_users(one: int, other: int) -> None:
    fewer, more = sorted((one, other))
    assert choose_plan(fewer, PLANS).users <= choose_plan(more, PLANS).users


def test_users_over_the_plan_are_refused_with_the_choice() -> None:
    plan = choose_plan(91_268, PLANS)
    require_within_plan(750, plan, PLANS, "usuarios.csv")
    with pytest.raises(
        InvalidInputError,
        match=r"São 812 .*permite 750 \(usuarios.csv\). Retire 62 usuários ou contrate a faixa 4 \(1.500 usuários\)",
    ):
        require_within_plan(812, plan, PLANS, "usuarios.csv")
    with pytest.raises(InvalidInputError, match="Retire 1 usuário ou negocie um plano maior"):
        require_within_plan(1501, choose_plan(400_000, PLANS), PLANS, "usuarios.csv")


@pytest.mark.parametrize(
    "fields",
    [
        {"faixa": None, "users": 10, "concurrent_users": 1},
        {"faixa": 1, "users": 10, "concurrent_users": 1, "negotiated": True},
        {"faixa": 1, "users": 10, "concurrent_users": 11},
        {"faixa": 1, "users": 0, "concurrent_users": 0},
    ],
)
def test_a_plan_that_contradicts_itself_does_not_build(fields: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate(fields)


def test_a_table_that_does_not_grow_does_not_build() -> None:
    with pytest.raises(ValidationError, match="a faixa 3 não cresce em relação à faixa 4"):
        PlanTable(ranges=PLANS.ranges[::-1])
