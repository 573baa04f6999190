"""Limits from the plan: never less for a larger one, each with its reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks.catalog import Catalog
from domain.environment import Purpose
from domain.plan import Plan
from domain.sizing import LIMITS, SizingRule, SizingRules, size_environment

RULES = Catalog().sizing()


def make_plan(users: int, concurrent: int) -> Plan:
    return Plan(faixa=None, users=users, concurrent_users=concurrent, negotiated=True)


@st.composite
def growing_plans(draw: st.DrawFn) -> tuple[Plan, Plan]:
    users = draw(st.integers(1, 20_000))
    concurrent = draw(st.integers(1, users))
    more_users = users + draw(st.integers(0, 20_000))
    return make_plan(users, concurrent), make_plan(more_users, draw(st.integers(concurrent, more_users)))


@given(growing_plans(), st.sampled_from(Purpose))
def test_a_larger_plan_never_gets_less_of_anything(plans: tuple[Plan, Plan], purpose: Purpose) -> None:
    smaller, larger = (size_environment(plan, purpose, RULES) for plan in plans)
    for name in LIMITS:
        assert getattr(smaller, name) <= getattr(larger, name), name


@given(growing_plans())
def test_what_must_hold_together_does_for_every_plan(plans: tuple[Plan, Plan]) -> None:
    for plan in plans:
        sizing = size_environment(plan, Purpose.PRODUCAO, RULES)
        assert sizing.php_memory_mb >= 2 * sizing.upload_mb, "a document is read whole"
        assert sizing.database_connections >= 2 * sizing.php_workers, "SEI's and SIP's"
        assert sizing.application_memory_mb >= 2 * sizing.php_memory_mb
        assert sizing.edge_burst >= sizing.edge_requests_per_second


@pytest.mark.parametrize(
    ("faixa", "purpose", "workers", "connections", "upload", "heap"),
    [
        (1, Purpose.PRODUCAO, 9, 24, 110, 640),
        (2, Purpose.PRODUCAO, 14, 34, 120, 768),
        (3, Purpose.PRODUCAO, 29, 64, 150, 896),
        (3, Purpose.TREINAMENTO, 17, 40, 130, 768),
        (4, Purpose.PRODUCAO, 54, 114, 200, 1280),
    ],
)
def test_the_price_tables_plans_have_these_limits(
    faixa: int, purpose: Purpose, workers: int, connections: int, upload: int, heap: int
) -> None:
    plan = next(line.plan for line in Catalog().plans().ranges if line.faixa == faixa)
    sizing = size_environment(plan, purpose, RULES)
    found = (sizing.php_workers, sizing.database_connections, sizing.upload_mb, sizing.solr_heap_mb)
    assert found == (workers, connections, upload, heap)


def test_each_limit_tells_its_value_and_its_reason() -> None:
    plan = make_plan(5000, 300)
    sizing = size_environment(plan, Purpose.TREINAMENTO, RULES)
    assert sizing.reasons[0] == (
        "Plano: plano negociado, 5000 usuários, 300 simultâneos. Em treinamento conta 50% do plano."
    )
    assert len(sizing.reasons) == 1 + len(LIMITS)
    for name, sentence in zip(LIMITS, sizing.reasons[1:], strict=True):
        rule: SizingRule = getattr(RULES, name)
        assert sentence.startswith(f"{rule.label}: {getattr(sizing, name)}")
        assert sentence.endswith(f". {rule.reason}")
        assert rule.reason.endswith(".")


def test_rules_that_would_shrink_or_cross_are_refused() -> None:
    with pytest.raises(ValidationError, match="greater_than_equal"):
        SizingRule(label="x", per_user=-1, reason="Não.")
    with pytest.raises(ValidationError, match="o máximo é menor que o mínimo"):
        SizingRule(label="x", minimum=5, maximum=4, reason="Não.")
    with pytest.raises(ValidationError, match="precisa de treinamento, homologacao e producao"):
        SizingRules.model_validate(RULES.model_dump() | {"share_by_purpose": {"producao": 1}})
    with pytest.raises(ValidationError, match="entre 0 e 1"):
        SizingRules.model_validate(RULES.model_dump() | {"share_by_purpose": dict.fromkeys(Purpose, 2)})
