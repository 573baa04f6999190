"""What a log may have touched, which stretches of it lead on, and the files of a moment after a backup."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.archive import ArchivePart, Attachment, Measure
from domain.backup.facts import DumpFacts, SchemaDigest, TableDigest
from domain.backup.files import FileIndex, IndexedFile
from domain.backup.log import (
    LogPosition,
    LogSegment,
    Replay,
    TableChanges,
    segments_after,
    touched_tables,
    untouched_part,
)
from domain.backup.log_report import LogReport
from domain.backup.manifest import BackupReference
from domain.change import Change
from domain.errors import InvalidInputError, RetryableError
from domain.restoration import RestoreEvent, RestoreHappening, RestoreReport, choose_backup, restoration_of

NOW = datetime(2026, 11, 28, 13, tzinfo=UTC)
MEASURE = Measure(size_bytes=1, sha256="a" * 64)
REFERENCE = BackupReference(
    environment="timoteo-producao", key="copias/x/manifesto.json", version_id="1", sha256="a" * 64, taken_at=NOW
)


def held(**tables: str) -> DumpFacts:
    """One schema with these tables, each with a content."""
    digests = {name: TableDigest(rows=1, content=letter * 64, definition="d" * 64) for name, letter in tables.items()}
    return DumpFacts(schemas={"a_sei": SchemaDigest(tables=digests, others="e" * 64)})


def position(number: int, *, file: int = 1, server: str = "principal") -> LogPosition:
    at = NOW + timedelta(minutes=number + 1000 * file)
    return LogPosition(
        server=server, file=f"log.{file:06}", offset=number, gtid=f"0-1-{file * 1000 + number}", format="ROW", at=at
    )


def test_what_a_log_names_or_what_follows_from_it_is_touched_and_nothing_else() -> None:
    facts = held(pai="1", filho="2", neto="3", Anexo="4", outra="5")
    cascades = {("a_sei", "pai"): {("a_sei", "filho")}, ("a_sei", "filho"): {("a_sei", "neto"), ("a_sei", "pai")}}
    touched = touched_tables([facts], {("a_sei", "pai")}, {"alter", "anexo"}, cascades)
    assert {table for _, table in touched} == {"pai", "filho", "neto", "Anexo"}
    kept = untouched_part(facts, touched, (), with_others=True)
    assert kept.schemas["a_sei"].tables.keys() == {"outra"}
    assert kept.schemas["a_sei"].others == "e" * 64
    assert not untouched_part(facts, touched, {"a_sei"}, with_others=True).schemas
    without = untouched_part(facts, touched, (), with_others=False)
    assert without.schemas["a_sei"].others != "e" * 64


PLACES = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 50)), min_size=2, max_size=8, unique=True).map(sorted)


@given(PLACES, st.data())
def test_stretches_lead_on_from_any_place_in_them_until_one_is_missing(
    places: list[tuple[int, int]], data: st.DataObject
) -> None:
    positions = [position(number, file=file) for file, number in places]
    segments = [LogSegment(begin=begin, end=end, keep_until=NOW) for begin, end in pairwise(positions)]
    first = data.draw(st.integers(0, len(segments) - 1))
    assert segments_after(segments, positions[first]) == tuple(segments[first:])
    assert segments_after(segments, positions[-1]) == (), "what ended there leads nowhere"
    gone = data.draw(st.integers(0, len(segments) - 1))
    left = segments[:gone] + segments[gone + 1 :]
    expected = tuple(segments[first:gone]) if first < gone else tuple(segments[first:]) if gone < first else ()
    assert segments_after(left, positions[first]) == expected


def test_stretches_of_another_server_or_of_a_log_that_was_begun_anew_lead_nowhere() -> None:
    first = LogSegment(begin=position(10), end=position(20), keep_until=NOW)
    assert segments_after([first], position(10, server="segundo")) == ()
    anew = position(20).model_copy(update={"gtid": "0-1-3"})
    after = LogSegment(begin=anew, end=position(30), keep_until=NOW)
    assert segments_after([first, after], position(12)) == (first,)


def part(name: str) -> ArchivePart:
    return ArchivePart(key=name, version_id="v", content=MEASURE, stored=MEASURE)


def test_files_of_a_later_backup_come_in_their_own_packs() -> None:
    def file(letter: str, pack: int) -> IndexedFile:
        return IndexedFile(3, 0, letter * 64, letter * 32, pack)

    old = FileIndex({1: part("a"), 2: part("b")}, {"x": file("1", 1), "y": file("2", 2)})
    new = FileIndex({1: part("b"), 2: part("c")}, {"y": file("2", 1), "z": file("3", 2), "w": file("4", 2)})
    joined = old.without(["x"]).joined(new, ["z", "y", "w"])
    assert {name: joined.packs[found.pack].key for name, found in joined.files.items()} == {
        "y": "b",
        "z": "c",
        "w": "c",
    }
    assert {pack.key for pack in joined.used_packs().values()} == {"b", "c"}
    row = Attachment(path="z", size_bytes=3, md5="3" * 32, active=True)
    assert new.holds("z", row)
    assert not new.holds("z", row.model_copy(update={"size_bytes": 4}))
    assert not new.holds("z", row.model_copy(update={"md5": "4" * 32}))
    assert not old.holds("z", row)


def test_a_restoration_remembers_its_moment_and_what_the_log_gave_back() -> None:
    until, replay = NOW + timedelta(hours=1), Replay(transactions=2, untouched=5, foreign_keys=7)
    begun = RestoreHappening(kind=RestoreEvent.BEGUN, at=NOW, backup=REFERENCE, role="infra", reason="x", until=until)
    replaced = RestoreHappening(kind=RestoreEvent.REPLACED, at=NOW, replay=replay)
    rest = [RestoreHappening(kind=kind, at=NOW) for kind in (RestoreEvent.RECONCILED, RestoreEvent.FINISHED)]
    found = restoration_of([begun, replaced, *rest])
    assert found is not None
    assert (found.until, found.replay, found.finished) == (until, replay, True)
    plain = restoration_of([begun, replaced, *rest, begun.model_copy(update={"until": None})])
    assert plain is not None
    assert (plain.until, plain.replay) == (None, None)


def test_a_moment_that_has_not_come_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="28/11/2026 10:00:01 ainda não chegou"):
        choose_backup([], "timoteo-producao", stamp=None, at=NOW + timedelta(seconds=1), now=NOW)


def test_the_report_says_how_far_it_came_and_of_what() -> None:
    replay = Replay(
        transactions=12,
        reached_at=NOW + timedelta(seconds=29),
        commands=1,
        tables={"sei.anexo": TableChanges(inserts=3)},
        untouched=310,
        foreign_keys=405,
        broken_keys=("sei.atividade",),
    )
    report = RestoreReport(
        environment="timoteo-producao",
        stamp="20261128T130000Z",
        taken_at=NOW,
        role="infra",
        reason="x",
        saved="cópia y",
        steps=(),
        until=NOW + timedelta(seconds=30),
        replay=replay,
    )
    text = "\n".join(report.markdown())
    assert "como estava antes de 28/11/2026 10:00:30" in text
    assert "12 transações, a última às 28/11/2026 10:00:29" in text
    assert "310 tabelas" in text
    assert "sem par em sei.atividade" in text
    assert "| sei.anexo | 3 | 0 | 0 |" in text
    nothing = report.model_copy(update={"replay": Replay(transactions=0, untouched=1, foreign_keys=1)})
    assert "nada mudou desde a cópia" in "\n".join(nothing.markdown())


def test_whose_log_was_not_stored_fails_the_run_with_the_worst() -> None:
    stored, idle = Change(created=1, details=("3 transações",)), Change(unchanged=1, details=("nada de novo",))
    report = LogReport.of({"a": stored, "b": idle, "c": RetryableError("Fora", "c", "Espere.")})
    assert (report.stored, report.unchanged) == ({"a": "3 transações"}, {"b": "nada de novo"})
    assert "**falhou**" in "\n".join(report.markdown())
    with pytest.raises(RetryableError, match="1 ambientes"):
        report.raise_if_any_failed()
    LogReport.of({"a": stored}).raise_if_any_failed()
