"""Levels stand on each other, and nothing that was found is proved."""

import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.backup.certificate import REQUIRED, BackupCertificate
from domain.backup.findings import Cause, Finding, FoundError, Level, LevelResult, highest
from domain.backup.manifest import BackupReference, folder_of
from domain.errors import IntegrityError

MOMENT = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
LEVELS = list(Level)
RESULTS = st.lists(st.booleans(), max_size=len(LEVELS)).map(
    lambda passed: tuple(LevelResult(level=level, passed=ok) for level, ok in zip(LEVELS, passed, strict=False))
)
FINDING = Finding(level=Level.EQUAL, cause=Cause.ROWS, subject="sei.protocolo", detail="3 na origem, 2 na cópia")


def certificate(results: tuple[LevelResult, ...], *findings: Finding) -> BackupCertificate:
    return BackupCertificate(
        environment="timoteo-producao",
        city="Timóteo",
        release_version="4.1.0",
        backup=BackupReference(
            environment="timoteo-producao", key="k", version_id="v", sha256="a" * 64, taken_at=MOMENT
        ),
        verified_at=MOMENT,
        levels=results,
        findings=findings,
        tables=1,
        rows=1,
        files=1,
        attachments=1,
        stored_bytes=1,
        rpo_seconds=1,
        rto_seconds=1,
        seconds={},
    )


@given(RESULTS, st.randoms())
def test_the_highest_level_stands_on_all_before_it_in_whatever_order_they_are_told(
    results: tuple[LevelResult, ...], chance: st.DataObject
) -> None:
    shuffled = list(results)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    found = highest(tuple(shuffled))
    passed = [result.passed for result in results]
    count = passed.index(False) if False in passed else len(passed)
    assert found == (LEVELS[count - 1] if count else None)


@given(RESULTS)
def test_a_certificate_proves_nothing_with_a_finding_or_below_the_level_that_is_required(
    results: tuple[LevelResult, ...],
) -> None:
    required = LEVELS.index(REQUIRED) + 1
    enough = len(results) >= required and all(result.passed for result in results[:required])
    assert certificate(results).proved == enough
    assert not certificate(results, FINDING).proved


def test_a_finding_says_what_and_why_and_survives_another_process() -> None:
    assert str(FINDING) == "sei.protocolo: linhas a menos ou a mais (3 na origem, 2 na cópia)"
    error = FoundError(FINDING)
    assert isinstance(error, IntegrityError)
    again = pickle.loads(pickle.dumps(error))
    assert (again.finding, str(again)) == (FINDING, str(error))
    assert "linhas a menos ou a mais" in str(error)


def test_every_level_has_its_words_and_no_two_causes_the_same() -> None:
    assert len({level.label for level in Level}) == len(Level)
    assert sorted(Level) == LEVELS


def test_a_moment_without_its_zone_is_no_moment() -> None:
    with pytest.raises(ValidationError):
        BackupReference.model_validate(
            {"environment": "x", "key": "k", "version_id": "v", "sha256": "a" * 64, "taken_at": "2026-11-28T03:00:00"}
        )
    assert folder_of(MOMENT) == "copias/20261128T030000Z"
