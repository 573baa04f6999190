"""Quotas of file repositories: by plan and purpose, and how near to one a repository is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.environment import Purpose
from domain.errors import InvalidInputError
from domain.plan import Plan
from domain.quota import (
    GIGABYTE,
    Quota,
    QuotaLevel,
    QuotaRule,
    RepositoryUsage,
    choose_quota,
    fits_quota,
    format_size,
    judge_quota,
)
from tests.domain.examples import CATALOG, PLANS

RULE = CATALOG.storage().quota
QUOTA = Quota(bytes=1_000_000, files=100, warn_percent=80)


@pytest.mark.parametrize(("faixa", "gigabytes"), [(1, 30), (2, 60), (3, 150), (4, 300)])
def test_each_faixa_of_the_price_table_has_its_quota(faixa: int, gigabytes: int) -> None:
    plan = next(line.plan for line in PLANS.ranges if line.faixa == faixa)
    assert choose_quota(plan, Purpose.PRODUCAO, RULE).bytes == gigabytes * GIGABYTE
    assert choose_quota(plan, Purpose.HOMOLOGACAO, RULE).bytes == gigabytes * GIGABYTE
    assert choose_quota(plan, Purpose.TREINAMENTO, RULE).bytes == gigabytes * GIGABYTE // 5


@given(users=st.integers(1, 200_000), more=st.integers(0, 200_000), purpose=st.sampled_from(Purpose))
def test_a_negotiated_quota_grows_with_its_users(users: int, more: int, purpose: Purpose) -> None:
    def quota(count: int) -> Quota:
        plan = Plan(faixa=None, users=count, concurrent_users=1, negotiated=True)
        return choose_quota(plan, purpose, RULE)

    assert quota(users).bytes <= quota(users + more).bytes
    assert quota(users).files <= quota(users + more).files


def test_a_negotiated_plan_as_large_as_a_faixa_gets_what_the_faixa_gets() -> None:
    for line in PLANS.ranges:
        negotiated = Plan(faixa=None, users=line.users, concurrent_users=line.concurrent_users, negotiated=True)
        assert choose_quota(negotiated, Purpose.PRODUCAO, RULE) == choose_quota(line.plan, Purpose.PRODUCAO, RULE)


def test_a_faixa_without_a_quota_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"cota de arquivos para a faixa 9 \(catalog/storage\.yaml"):
        choose_quota(Plan(faixa=9, users=1, concurrent_users=1), Purpose.PRODUCAO, RULE)


def test_a_larger_faixa_may_not_get_less() -> None:
    with pytest.raises(ValidationError, match="uma faixa maior não pode ter cota menor"):
        QuotaRule.model_validate(RULE.model_dump() | {"gigabytes_by_faixa": {1: 50, 2: 49}})


@pytest.mark.parametrize(
    ("used", "files", "level", "percent"),
    [
        (0, 0, QuotaLevel.OK, 0),
        (790_000, 1, QuotaLevel.OK, 79),
        (790_001, 1, QuotaLevel.WARNING, 80),
        (0, 80, QuotaLevel.WARNING, 80),
        (1_000_000, 100, QuotaLevel.WARNING, 100),
        (1_000_001, 1, QuotaLevel.EXCEEDED, 101),
        (0, 101, QuotaLevel.EXCEEDED, 101),
    ],
)
def test_the_nearer_limit_decides(used: int, files: int, level: QuotaLevel, percent: int) -> None:
    verdict = judge_quota(RepositoryUsage(bytes=used, files=files), QUOTA)
    assert (verdict.level, verdict.percent) == (level, percent)


def test_the_verdict_says_its_numbers() -> None:
    verdict = judge_quota(RepositoryUsage(bytes=1_500_000, files=2_345), QUOTA)
    assert verdict.detail == "1,5 MB de 1,0 MB, 2.345 de 100 arquivos"


@given(used=st.integers(0, 2_000_000), files=st.integers(0, 200), size=st.integers(1, 2_000_000))
def test_a_file_that_fits_never_exceeds_the_quota(used: int, files: int, size: int) -> None:
    usage = RepositoryUsage(bytes=used, files=files)
    after = RepositoryUsage(bytes=used + size, files=files + 1)
    exceeded = judge_quota(after, QUOTA).level is QuotaLevel.EXCEEDED
    assert fits_quota(usage, size, QUOTA.bytes, QUOTA.files) is not exceeded


def test_sizes_are_written_as_people_read_them() -> None:
    assert [format_size(size) for size in (7, 1_500, 2_000_000, 30 * GIGABYTE)] == [
        "7 B",
        "1,5 kB",
        "2,0 MB",
        "30,0 GB",
    ]
