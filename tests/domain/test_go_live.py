"""The go-live checklist."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.act import Act
from domain.go_live import CheckedItem, ChecklistItem, GoLiveRule, ItemResult, judge_go_live
from domain.party import Party


def make_rule(*items: ChecklistItem) -> GoLiveRule:
    return GoLiveRule(
        backup_hours=24,
        certificate_days=30,
        required_roles=("ponto focal",),
        required_acts=(Act.CONTRATO, Act.DECRETO),
        items=items,
    )


RULE = make_rule(
    ChecklistItem(code="chaves", title="Chaves trocadas"),
    ChecklistItem(code="treino", title="Base de treino limpa", waivable=True),
)


def check(code: str, result: ItemResult = ItemResult.PASSED, evidence: str = "conferido") -> CheckedItem:
    return CheckedItem(code=code, result=result, evidence=evidence)


def test_all_passed_or_properly_waived_is_ready() -> None:
    verdict = judge_go_live([check("chaves"), check("treino", ItemResult.WAIVED, "base nova")], RULE)
    assert (verdict.ready, verdict.reasons) == (True, ())
    assert [line.result for line in verdict.lines] == [ItemResult.PASSED, ItemResult.WAIVED]


@pytest.mark.parametrize(
    ("checked", "reason"),
    [
        ([check("treino")], "Chaves trocadas: não verificado"),
        ([check("chaves", ItemResult.FAILED, "a chave é a publicada"), check("treino")], "a chave é a publicada"),
        ([check("chaves", ItemResult.WAIVED), check("treino")], "Chaves trocadas: este item não pode ser dispensado"),
    ],
)
def test_anything_else_is_a_reason_to_wait(checked: list[CheckedItem], reason: str) -> None:
    verdict = judge_go_live(checked, RULE)
    assert not verdict.ready
    assert reason in " ".join(verdict.reasons)
    assert verdict.owed_by == (Party.ESTADO,) * len(verdict.reasons)


@given(st.lists(st.builds(check, st.sampled_from(["chaves", "treino"]), st.sampled_from(ItemResult)), max_size=4))
def test_it_is_ready_exactly_when_there_is_no_reason(checked: list[CheckedItem]) -> None:
    verdict = judge_go_live(checked, RULE)
    assert verdict.ready != bool(verdict.reasons)
    assert [line.code for line in verdict.lines] == ["chaves", "treino"]


def test_the_last_check_of_an_item_counts() -> None:
    failed_then_passed = [check("chaves", ItemResult.FAILED), check("treino"), check("chaves")]
    assert judge_go_live(failed_then_passed, RULE).ready


def test_a_check_that_the_catalog_does_not_know_is_our_error() -> None:
    with pytest.raises(ValueError, match=r"checks without an item.*outro"):
        judge_go_live([check("outro")], RULE)


def test_a_code_twice_does_not_build() -> None:
    with pytest.raises(ValidationError, match="código repetido: chaves"):
        make_rule(*RULE.items, RULE.items[0])


def test_a_check_without_evidence_does_not_build() -> None:
    with pytest.raises(ValidationError):
        check("chaves", evidence="")
