"""What is known of backups follows from what happened to them, in order."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.backup.certificate import BackupCertificate
from domain.backup.findings import Cause, Finding, Level, LevelResult
from domain.backup.history import BackupEvent, BackupHappening, accepted, expired, last_proved, records_of
from domain.backup.manifest import BackupReference

START = datetime(2026, 11, 1, 1, tzinfo=UTC)
NIGHT = timedelta(days=1)
KEPT = timedelta(days=7)
FINDING = Finding(level=Level.EQUAL, cause=Cause.FILE_MISSING, subject="2026/11/01/7")


def reference(night: int) -> BackupReference:
    return BackupReference(
        environment="timoteo-producao",
        key=f"copias/{night}/manifesto.json",
        version_id=str(night),
        sha256=f"{night:064x}",
        taken_at=START + night * NIGHT,
    )


def certificate(night: int, *, proved: bool) -> BackupCertificate:
    levels = (Level.STORED, Level.INTACT, Level.LOADS, Level.EQUAL)
    return BackupCertificate(
        environment="timoteo-producao",
        city="Timóteo",
        release_version="4.1.0",
        backup=reference(night),
        verified_at=START + night * NIGHT,
        levels=tuple(LevelResult(level=level, passed=proved or level is not Level.EQUAL) for level in levels),
        findings=() if proved else (FINDING,),
        tables=1,
        rows=1,
        files=1,
        attachments=1,
        stored_bytes=1,
        rpo_seconds=0,
        rto_seconds=0,
        seconds={},
    )


def told(night: int, kind: BackupEvent, *, proved: bool | None = None) -> BackupHappening:
    return BackupHappening(
        kind=kind,
        backup=reference(night),
        keep_until=START + night * NIGHT + KEPT if kind is BackupEvent.WRITTEN else None,
        certificate=None if proved is None else certificate(night, proved=proved),
    )


def nights(*proved: bool) -> list[BackupHappening]:
    return [
        happening
        for night, good in enumerate(proved)
        for happening in (
            told(night, BackupEvent.WRITTEN),
            told(night, BackupEvent.VERIFIED if good else BackupEvent.REFUSED, proved=good),
        )
    ]


def test_the_last_examination_counts() -> None:
    records = records_of(nights(True, True, False))
    assert [record.proved for record in records] == [True, True, False]
    good = last_proved(records)
    assert good is not None
    assert good.reference == reference(1)
    again = records_of([*nights(True, True), told(1, BackupEvent.REFUSED, proved=False)])
    good = last_proved(again)
    assert good is not None
    assert good.reference == reference(0)


@pytest.mark.parametrize(("keep_last", "over"), [(True, [0, 2]), (False, [0, 1, 2])])
def test_the_last_good_one_stays_unless_its_environment_is_gone(keep_last: bool, over: list[int]) -> None:
    records = records_of(nights(True, True, False))
    long_after = START + 400 * NIGHT
    assert [record.reference for record in expired(records, long_after, keep_last=keep_last)] == [
        reference(night) for night in over
    ]
    assert expired(records, START + KEPT - NIGHT, keep_last=keep_last) == ()


def test_what_is_held_is_never_over_until_it_is_released() -> None:
    happenings = [*nights(True, True), told(0, BackupEvent.HELD)]
    assert expired(records_of(happenings), START + 400 * NIGHT) == ()
    released = records_of([*happenings, told(0, BackupEvent.RELEASED)])
    assert [record.reference for record in expired(released, START + 400 * NIGHT)] == [reference(0)]


def test_a_dropped_backup_is_gone_and_an_unknown_one_is_none() -> None:
    assert records_of([*nights(True), told(0, BackupEvent.DROPPED)]) == ()
    assert records_of([told(3, BackupEvent.VERIFIED, proved=True)]) == ()


def test_only_what_was_seen_is_accepted() -> None:
    word = BackupHappening(kind=BackupEvent.ACCEPTED, backup=reference(0), accepted=(FINDING,))
    assert accepted([*nights(False), word]) == {FINDING}
    assert FINDING.model_copy(update={"subject": "2026/11/01/8"}) not in accepted([word])
