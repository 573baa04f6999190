"""The rules of the way out: what each milestone leads to, and everything that keeps data from being destroyed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.archive import ArchivedFile, Attachment, DatabaseFacts, TableFacts, judge_database, judge_files
from domain.environment import EnvironmentName, Purpose
from domain.errors import GateClosedError
from domain.retirement import (
    ArchiveReference,
    Happening,
    Milestone,
    PersonsDecision,
    Retention,
    Retirement,
    Standing,
    approvers,
    judge_destruction,
    require_active,
    retirement_of,
    standing_of,
)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ARCHIVE = ArchiveReference(manifest_key="final/x/manifesto.json", manifest_version="1", manifest_sha256="a" * 64)
TRAINING = EnvironmentName(municipality="timoteo", purpose=Purpose.TREINAMENTO)
PRODUCTION = EnvironmentName(municipality="timoteo", purpose=Purpose.PRODUCAO)
TERMS = Retention.model_validate({"dias_ate_destruir": 30, "anos_do_arquivo": 1})
LATE = START + timedelta(days=60)

milestones = st.lists(st.sampled_from(Milestone), max_size=12)


def past(*kinds: Milestone) -> Retirement:
    return retirement_of(
        Happening(
            milestone=kind,
            at=START + timedelta(hours=number),
            archive=ARCHIVE if kind is Milestone.ARCHIVE_WRITTEN else None,
        )
        for number, kind in enumerate(kinds)
    )


def said(name: str, *, approves: bool = True, days: int = 1) -> PersonsDecision:
    return PersonsDecision(name=name, approves=approves, at=START + timedelta(days=days))


WHOLE = (Milestone.ANNOUNCED, Milestone.ARCHIVE_WRITTEN, Milestone.ARCHIVE_PROVED, Milestone.RETIRED)


@given(milestones)
def test_both_ways_to_ask_agree_and_nothing_comes_back_from_destruction(kinds: list[Milestone]) -> None:
    assert past(*kinds).standing is standing_of(kinds)
    if Milestone.DESTROYED in kinds:
        assert standing_of(kinds) is Standing.DESTROYED


@given(milestones)
def test_data_go_only_from_a_retired_environment_with_a_proved_archive(kinds: list[Milestone]) -> None:
    retirement = past(*kinds)
    if not judge_destruction(TRAINING, retirement, [said("Ana")], TERMS, LATE):
        assert retirement.standing is Standing.DESTROYED or (
            retirement.standing is Standing.RETIRED and retirement.archive and retirement.archive_proved
        )


def test_a_refused_archive_is_forgotten_and_a_new_one_has_to_be_proved() -> None:
    assert past(*WHOLE[:2], Milestone.ARCHIVE_REFUSED).archive is None
    again = past(*WHOLE[:3], Milestone.ARCHIVE_WRITTEN)
    assert again.archive is not None
    assert not again.archive_proved


def test_a_retirement_that_was_taken_back_leaves_nothing_but_its_number() -> None:
    back = past(*WHOLE, Milestone.REINSTATED)
    assert back == Retirement(standing=Standing.ACTIVE, number=2)
    require_active(TRAINING, back)


@pytest.mark.parametrize("kinds", [WHOLE[:1], WHOLE, (*WHOLE, Milestone.DESTROYED)])
def test_whatever_is_on_its_way_out_is_not_converged(kinds: tuple[Milestone, ...]) -> None:
    with pytest.raises(GateClosedError, match="timoteo-treinamento"):
        require_active(TRAINING, past(*kinds))


def test_retention_persons_and_proof_are_all_told_at_once() -> None:
    found = judge_destruction(PRODUCTION, past(Milestone.ANNOUNCED, Milestone.RETIRED), [], TERMS, START)
    assert [word in text for word, text in zip(("provada", "31/03/2026", "0 de 2"), found, strict=True)] == [True] * 3


def test_production_needs_two_different_persons() -> None:
    retirement = past(*WHOLE)
    for decisions in ([said("Ana Lima")], [said("Ana Lima"), said(" ana  LIMA", days=2)]):
        (problem,) = judge_destruction(PRODUCTION, retirement, decisions, TERMS, LATE)
        assert "1 de 2" in problem
    assert judge_destruction(PRODUCTION, retirement, [said("Ana Lima"), said("Bento Reis")], TERMS, LATE) == []


def test_the_newest_answer_of_a_person_counts_and_old_ones_are_spent() -> None:
    assert approvers([said("Ana"), said("Ana", approves=False, days=2)], START) == 0
    assert approvers([said("Ana", days=-3)], START) == 0


def test_the_day_of_the_retention_is_the_first_on_which_data_may_go() -> None:
    retirement = past(*WHOLE)
    assert retirement.retired_at is not None
    end = TERMS.destruction_allowed_from(retirement.retired_at)
    assert judge_destruction(TRAINING, retirement, [said("Ana")], TERMS, end) == []
    assert judge_destruction(TRAINING, retirement, [said("Ana")], TERMS, end - timedelta(seconds=1))


def test_an_archive_bucket_has_a_name_that_s3_takes() -> None:
    assert TRAINING.archive_bucket == "timoteo-treinamento-arquivo"
    longest = EnvironmentName(municipality="a" * 40, purpose=max(Purpose, key=len))
    assert len(longest.archive_bucket) <= 63


@given(st.dictionaries(st.sampled_from("abcd"), st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=4), st.data())
def test_one_row_or_table_more_or_less_is_never_the_same_database(
    tables: dict[str, tuple[int, int]], data: st.DataObject
) -> None:
    facts = DatabaseFacts(
        structure="a" * 64, tables={name: TableFacts(rows=r, checksum=c) for name, (r, c) in tables.items()}
    )
    assert judge_database("sei", facts, facts) == []
    assert judge_database("sei", facts, facts.model_copy(update={"structure": "b" * 64}))
    if tables:
        name = data.draw(st.sampled_from(sorted(tables)))
        gone = {key: value for key, value in facts.tables.items() if key != name}
        more = facts.tables | {name: TableFacts(rows=facts.tables[name].rows + 1, checksum=facts.tables[name].checksum)}
        for other in (gone, more):
            (problem,) = judge_database("sei", facts, facts.model_copy(update={"tables": other}))
            assert name in problem


def test_a_file_that_is_missing_short_or_changed_is_named_and_one_too_many_is_not() -> None:
    row = Attachment(path="2026/03/05/7", size_bytes=3, md5="m", active=True)
    whole = ArchivedFile(path=row.path, size_bytes=3, md5="m")
    assert judge_files({row.path: row}, {row.path: whole, "x": whole}) == []
    short, changed = whole.model_copy(update={"size_bytes": 2}), whole.model_copy(update={"md5": "n"})
    for packed in ({}, {row.path: short}, {row.path: changed}):
        (problem,) = judge_files({row.path: row}, packed)
        assert row.path in problem
    assert judge_files({row.path: row.model_copy(update={"active": False})}, {}) == []
