"""Buckets as declared and as found: every difference is named, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks.catalog import Catalog
from domain.bucket import (
    ABORT_RULE,
    NONCURRENT_RULE,
    Aspect,
    BucketRule,
    BucketState,
    LifecycleRule,
    Retention,
    compare_bucket,
    declared_lifecycle,
)
from domain.environment import Purpose

RULE = BucketRule(retention=Retention(mode="COMPLIANCE", days=30), abort_uploads_days=7, noncurrent_days=90)
TAGS = {"municipio": "timoteo", "finalidade": "producao"}
AS_DECLARED = BucketState(
    versioned=True,
    locked=True,
    retention=RULE.retention,
    lifecycle=declared_lifecycle(RULE),
    public_block=True,
    tags=TAGS | {"centro-de-custo": "4711"},
)

DRIFTS: dict[str, tuple[dict[str, object], Aspect, str]] = {
    "versioning": ({"versioned": False}, Aspect.VERSIONING, "versionamento do bucket x: desligado → ligado"),
    "lock": ({"locked": False}, Aspect.LOCK, "object lock do bucket x: desligado → ligado"),
    "no retention": (
        {"retention": None},
        Aspect.RETENTION,
        "retenção padrão do bucket x: nenhuma → COMPLIANCE 30 dias",
    ),
    "other retention": (
        {"retention": Retention(mode="GOVERNANCE", days=1)},
        Aspect.RETENTION,
        "retenção padrão do bucket x: GOVERNANCE 1 dia → COMPLIANCE 30 dias",
    ),
    "rule gone": (
        {"lifecycle": {ABORT_RULE: LifecycleRule(abort_uploads_days=7)}},
        Aspect.LIFECYCLE,
        f"regra de ciclo de vida {NONCURRENT_RULE} do bucket x: faltava",
    ),
    "rule switched off": (
        {"lifecycle": declared_lifecycle(RULE) | {NONCURRENT_RULE: LifecycleRule(noncurrent_days=90, exact=False)}},
        Aspect.LIFECYCLE,
        f"regra de ciclo de vida {NONCURRENT_RULE} do bucket x: diferia",
    ),
    "rule too many": (
        {"lifecycle": declared_lifecycle(RULE) | {"apaga-tudo": LifecycleRule(exact=False)}},
        Aspect.LIFECYCLE,
        "regra de ciclo de vida apaga-tudo do bucket x: não declarada → removida",
    ),
    "public": (
        {"public_block": False},
        Aspect.PUBLIC_BLOCK,
        "bloqueio de acesso público do bucket x: desligado → ligado",
    ),
    "policy": (
        {"granting_policy": True},
        Aspect.POLICY,
        "política de acesso do bucket x: concedia acesso → removida",
    ),
    "acl": (
        {"foreign_grants": True},
        Aspect.ACL,
        "lista de acesso do bucket x: concedia acesso a outros → só ao dono",
    ),
    "tag": (
        {"tags": {"municipio": "lavras", "finalidade": "producao"}},
        Aspect.TAGS,
        "etiqueta municipio do bucket x: lavras → timoteo",
    ),
}


def test_a_bucket_as_declared_differs_in_nothing() -> None:
    assert compare_bucket("x", AS_DECLARED, RULE, TAGS) == ()


def test_a_server_that_cannot_block_public_access_as_a_whole_is_not_asked_to() -> None:
    assert compare_bucket("x", AS_DECLARED.model_copy(update={"public_block": None}), RULE, TAGS) == ()


@given(names=st.sets(st.sampled_from(sorted(DRIFTS)), min_size=1))
def test_every_drift_is_named_once_whatever_else_drifted(names: set[str]) -> None:
    found = AS_DECLARED
    for name in names:
        found = found.model_copy(update=DRIFTS[name][0])
    differences = compare_bucket("x", found, RULE, TAGS)
    # Of two drifts of the same field only the later one is there.
    expected = [DRIFTS[name] for name in names if all(getattr(found, k) == v for k, v in DRIFTS[name][0].items())]
    assert {(aspect, detail) for _, aspect, detail in expected} == {(d.aspect, d.detail) for d in differences}
    order = [list(Aspect).index(difference.aspect) for difference in differences]
    assert order == sorted(order), "lock needs versioning, retention needs lock"


def test_without_a_rule_only_versioning_is_asked_for() -> None:
    public = BucketState(versioned=True, granting_policy=True, lifecycle={"x": LifecycleRule()})
    assert compare_bucket("x", public, None, {}) == ()
    assert [d.aspect for d in compare_bucket("x", BucketState(), None, {})] == [Aspect.VERSIONING]


def test_versions_may_not_expire_before_their_retention_ends() -> None:
    with pytest.raises(ValidationError, match="menor que os dias de retenção"):
        BucketRule(retention=Retention(mode="GOVERNANCE", days=31), abort_uploads_days=7, noncurrent_days=30)


def test_production_is_kept_at_least_as_long_as_anything_else() -> None:
    rules = Catalog().storage().buckets
    longest = max((rules.of(purpose) for purpose in Purpose), key=lambda rule: rule.retention.days)
    assert rules.of(Purpose.PRODUCAO).retention.days == longest.retention.days
