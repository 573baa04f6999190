"""Losing, adding or changing anything at all is found in a restored backup, and named by its cause."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.archive import Attachment, DatabaseFacts, TableFacts
from domain.backup.facts import DatabaseReading, DumpFacts, SchemaDigest, TableDigest, resting
from domain.backup.findings import Cause, Level
from domain.backup.judge import (
    CLOCK_TOLERANCE,
    StoredFile,
    judge_age,
    judge_attachments,
    judge_clocks,
    judge_dump,
    judge_resting,
)

DIGESTS = st.sampled_from(["a" * 64, "b" * 64, "c" * 64])
TABLES = st.builds(
    TableDigest,
    rows=st.integers(0, 3),
    content=DIGESTS,
    definition=DIGESTS,
    next_id=st.none() | st.integers(1, 3),
)
SCHEMAS = st.builds(SchemaDigest, tables=st.dictionaries(st.sampled_from("xyz"), TABLES), others=DIGESTS)
DUMPS = st.builds(DumpFacts, schemas=st.dictionaries(st.sampled_from(["sip", "sei"]), SCHEMAS))
FACTS = st.builds(
    DatabaseFacts,
    structure=DIGESTS,
    tables=st.dictionaries(
        st.sampled_from("xyz"), st.builds(TableFacts, rows=st.integers(0, 2), checksum=st.integers(0, 2))
    ),
)
PATHS = st.sampled_from(["2026/01/01/1", "2026/01/01/2", "2026/01/02/3"])
MD5 = st.sampled_from(["0" * 32, "1" * 32, "2" * 32])


@given(DUMPS, DUMPS)
def test_nothing_is_found_in_equal_dumps_only(source: DumpFacts, restored: DumpFacts) -> None:
    assert judge_dump(source, source) == ()
    found = judge_dump(source, restored)
    assert (found == ()) == (source == restored)
    assert all(finding.level is Level.EQUAL for finding in found)


def table(**changed: object) -> TableDigest:
    base: dict[str, object] = {"rows": 2, "content": "a" * 64, "definition": "a" * 64, "next_id": 3}
    return TableDigest.model_validate({**base, **changed})


def dump(**tables: TableDigest) -> DumpFacts:
    return DumpFacts(schemas={"sei": SchemaDigest(tables=tables, others="a" * 64)})


def test_each_difference_is_named_by_its_cause() -> None:
    whole = dump(x=table(), y=table())
    for restored, cause in (
        (dump(x=table(), y=table(rows=1)), Cause.ROWS),
        (dump(x=table(), y=table(content="b" * 64)), Cause.CONTENT),
        (dump(x=table(), y=table(definition="b" * 64)), Cause.DEFINITION),
        (dump(x=table(), y=table(next_id=2)), Cause.SEQUENCE),
        (dump(x=table()), Cause.TABLE_MISSING),
    ):
        (finding,) = judge_dump(whole, restored)
        assert (finding.cause, finding.subject) == (cause, "sei.y")
    (finding,) = judge_dump(dump(x=table()), whole)
    assert finding.cause is Cause.TABLE_EXTRA
    (finding,) = judge_dump(whole, DumpFacts(schemas={}))
    assert (finding.cause, finding.subject) == (Cause.TABLE_MISSING, "sei")


@given(FACTS, FACTS)
def test_a_table_at_rest_must_be_equal_and_others_may_differ(source: DatabaseFacts, copied: DatabaseFacts) -> None:
    found = judge_resting("sei", source, copied)
    differing = {name for name, facts in source.tables.items() if copied.tables.get(name) != facts}
    assert {finding.subject for finding in found} - {"sei"} == {f"sei.{name}" for name in differing}
    assert (Cause.STRUCTURE in {finding.cause for finding in found}) == (source.structure != copied.structure)


@given(FACTS, FACTS, st.dictionaries(st.sampled_from("xyz"), st.floats(0, 200)), st.sets(st.sampled_from("xyz")))
def test_a_table_that_anybody_wrote_is_not_at_rest(
    before: DatabaseFacts, after: DatabaseFacts, written: dict[str, float], uncounted: set[str]
) -> None:
    counted = {name: facts for name, facts in before.tables.items() if name not in uncounted}
    before = before.model_copy(update={"tables": counted})
    found = resting(
        DatabaseReading(facts=before, read_at=100, written_at={}),
        DatabaseReading(facts=after, read_at=150, written_at=written),
    )
    for name, facts in after.tables.items():
        # A second of doubt: the server's times are whole seconds. Where it forgot, only an equal content tells.
        unwritten = written[name] < 99 if name in written else name in before.tables
        # Nobody notes when a table was emptied whole: one that was not counted before may have been.
        unwritten &= name in before.tables or facts.rows > 0
        assert (found.tables.get(name) == facts) == (unwritten and before.tables.get(name, facts) == facts)
    assert found.tables.keys() <= after.tables.keys()
    assert found.structure == after.structure


@given(
    st.dictionaries(PATHS, st.tuples(st.integers(0, 2), MD5, st.booleans())),
    st.dictionaries(PATHS, st.builds(StoredFile, size_bytes=st.integers(0, 2), md5=MD5)),
)
def test_every_attachment_is_as_its_row_says_or_found(
    rows: dict[str, tuple[int, str, bool]], files: dict[str, StoredFile]
) -> None:
    attachments = {
        path: Attachment(path=path, size_bytes=size, md5=md5, active=active)
        for path, (size, md5, active) in rows.items()
    }
    verdict = judge_attachments(attachments, files)
    wrong = {
        path
        for path, attachment in attachments.items()
        if ((found := files.get(path)) is None and attachment.active)
        or (found is not None and (found.size_bytes, found.md5) != (attachment.size_bytes, attachment.md5))
    }
    assert {finding.subject for finding in verdict.findings} == wrong
    assert verdict.present == len(attachments.keys() & files.keys())


def test_each_kind_of_broken_attachment_has_its_name() -> None:
    def attachment(path: str, md5: str) -> Attachment:
        return Attachment(path=path, size_bytes=5, md5=md5 * 32, active=True)

    rows = {path: attachment(path, md5) for path, md5 in (("1", "a"), ("2", "b"))}
    whole = {"1": StoredFile(5, "a" * 32), "2": StoredFile(5, "b" * 32)}
    assert judge_attachments(rows, whole) == ((), 2)
    for found, cause in (
        (None, Cause.FILE_MISSING),
        (StoredFile(0, "d" * 32), Cause.FILE_EMPTY),
        (StoredFile(4, "d" * 32), Cause.FILE_SIZE),
        (StoredFile(5, "d" * 32), Cause.FILE_CHANGED),
        (StoredFile(5, "a" * 32), Cause.FILE_SWAPPED),
    ):
        files = {**whole, "2": found} if found else {"1": whole["1"]}
        (finding,) = judge_attachments(rows, files).findings
        assert (finding.cause, finding.subject) == (cause, "2")


NIGHT = datetime(2026, 11, 28, 3, tzinfo=UTC)
SPANS = st.integers(-400, 400).map(lambda seconds: timedelta(seconds=seconds))


@given(SPANS, SPANS, st.dictionaries(st.sampled_from(["MariaDB", "S3"]), st.floats(-400, 400)))
def test_a_clock_is_doubted_beyond_two_minutes_only(age: timedelta, took: timedelta, skew: dict[str, float]) -> None:
    found = judge_clocks(NIGHT, NIGHT + took, NIGHT + age, skew)
    wrong = {server for server, seconds in skew.items() if abs(seconds) > 120}
    assert {finding.subject for finding in found} - {"manifesto"} == wrong
    future, backwards = age < -CLOCK_TOLERANCE, took < timedelta()
    assert len([finding for finding in found if finding.subject == "manifesto"]) == future + backwards
    assert {finding.cause for finding in found} <= {Cause.CLOCK}


@given(st.dictionaries(st.sampled_from("abc"), SPANS))
def test_an_object_older_than_its_backup_is_a_stale_one(ages: dict[str, timedelta]) -> None:
    found = judge_age(NIGHT, {key: NIGHT + age for key, age in ages.items()})
    assert {finding.subject for finding in found} == {key for key, age in ages.items() if age < -CLOCK_TOLERANCE}
    assert {finding.cause for finding in found} <= {Cause.STALE}
