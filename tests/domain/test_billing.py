"""Which faixa the use of some months proposes, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.catalog import Catalog
from domain.billing import BilledUse, BillingRule, MonthOfPlan, Proposal, Verdict, propose
from domain.environment import Purpose
from domain.plan import Plan

CATALOG = Catalog()
TABLE, QUOTA, RULE = CATALOG.plans(), CATALOG.storage().quota, CATALOG.billing()
PLANS = {line.faixa: line.plan for line in TABLE.ranges}
COUNTS = st.none() | st.integers(0, 3_000)


def month(
    users: int | None = 10, concurrent: int | None = 1, files: int | None = 0, name: str = "2027-01"
) -> MonthOfPlan:
    return MonthOfPlan(
        month=name, users=users, concurrent_users=concurrent, production_files_bytes=files, stored_bytes=0
    )


MONTHS = st.lists(st.builds(month, COUNTS, COUNTS, st.none() | st.integers(0, 10**13)), max_size=5)


def judged(faixa: int, months: list[MonthOfPlan], population: int = 5_000) -> Proposal:
    return propose(PLANS[faixa], population, months, TABLE, QUOTA, RULE)


def test_above_in_two_of_three_months_goes_up_to_the_smallest_that_holds_and_says_why() -> None:
    found = judged(1, [month(160), month(120), month(400)])
    assert (found.verdict, found.faixa) == (Verdict.UP, 2), "above faixa 2 in one month alone"
    assert found.reasons == ("usuários ativos acima de 150 em 2 de 3 meses (até 400)",)
    assert judged(1, [month(400), month(400), month(120)]).faixa == 3
    assert judged(1, [month(150), month(150), month(400)]).verdict is Verdict.KEEP, "the limit itself is within"


def test_months_long_past_do_not_count() -> None:
    assert judged(1, [month(400), month(400), month(), month(), month()]).verdict is Verdict.KEEP


def test_concurrent_users_and_files_count_as_users_do() -> None:
    assert judged(1, [month(concurrent=11)] * 2).faixa == 2
    assert "arquivos da produção" in judged(1, [month(files=10**12)] * 2).reasons[0]


def test_beyond_the_table_and_beyond_what_was_negotiated_people_talk() -> None:
    assert judged(4, [month(1_501)] * 2).verdict is Verdict.NEGOTIATE
    own = Plan(faixa=None, users=2_000, concurrent_users=100, negotiated=True)
    assert propose(own, 900_000, [month(2_001)] * 2, TABLE, QUOTA, RULE).verdict is Verdict.NEGOTIATE
    assert propose(own, 900_000, [month(5)] * 3, TABLE, QUOTA, RULE).verdict is Verdict.KEEP


def test_down_only_with_room_in_every_month_all_measured_and_not_below_the_population() -> None:
    assert (judged(3, [month(120)] * 3).verdict, judged(3, [month(120)] * 3).faixa) == (Verdict.DOWN, 1)
    assert judged(3, [month(121)] * 3).faixa == 2, "121 is more than 80 % of 150"
    assert judged(3, [month(120)] * 3, population=20_000).faixa == 2
    assert judged(3, [month(120)] * 3, population=60_000).verdict is Verdict.KEEP
    assert judged(3, [month(120)] * 2).verdict is Verdict.KEEP
    unmeasured = judged(3, [month(120), month(120), month(120, concurrent=None)])
    assert (unmeasured.verdict, unmeasured.reasons) == (
        Verdict.KEEP,
        ("usuários simultâneos: 1 de 3 meses sem medida",),
    )


@given(st.sampled_from(sorted(PLANS)), MONTHS, st.integers(1, 500_000))
def test_every_proposal_is_another_faixa_with_a_reason_and_is_itself_kept(
    faixa: int, months: list[MonthOfPlan], population: int
) -> None:
    found = judged(faixa, months, population)
    if found.faixa is None:
        assert found.verdict in {Verdict.KEEP, Verdict.NEGOTIATE}
        return
    assert found.reasons
    assert (found.faixa > faixa) == (found.verdict is Verdict.UP)
    again = judged(found.faixa, months, population)
    assert again.verdict is not Verdict.UP, "what was proposed is not too small"
    if found.verdict is Verdict.DOWN:
        assert again.verdict is Verdict.KEEP


@given(st.sampled_from(sorted(PLANS)), MONTHS, st.integers(0, 2_000))
def test_more_use_never_proposes_less(faixa: int, months: list[MonthOfPlan], more: int) -> None:
    def rank(proposal: Proposal) -> int:
        return 99 if proposal.verdict is Verdict.NEGOTIATE else proposal.faixa or faixa

    grown = [one.model_copy(update={"users": None if one.users is None else one.users + more}) for one in months]
    assert rank(judged(faixa, grown)) >= rank(judged(faixa, months))


def test_a_month_adds_up_what_all_environments_store_and_takes_the_people_of_production() -> None:
    def use(users: int | None, files: int | None) -> BilledUse:
        return BilledUse(month="2027-01", users=users, databases_bytes=10, files_bytes=files, backups_bytes=100)

    found = MonthOfPlan.of("2027-01", [(Purpose.PRODUCAO, use(7, 3)), (Purpose.TREINAMENTO, use(None, None))])
    assert (found.users, found.production_files_bytes, found.stored_bytes) == (7, 3, 223)
    alone = MonthOfPlan.of("2027-01", [(Purpose.TREINAMENTO, use(None, 3))])
    assert (alone.users, alone.production_files_bytes, alone.stored_bytes) == (None, None, 113)


def test_a_rule_that_could_never_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="não pode passar de meses"):
        BillingRule(months=2, above_in=3, fits_percent=80)
