"""Whose fault a fault is, how much may change between two backups, and what lies beside the attachments."""

from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.catalog import Catalog
from domain.archive import ArchivePart, FileFacts, Measure
from domain.backup.facts import DumpFacts, SchemaDigest, TableDigest
from domain.backup.findings import Cause, Level
from domain.backup.growth import judge_growth
from domain.backup.judge import Orphans, StoredFile, classify_orphans
from domain.backup.manifest import BackupManifest
from domain.backup.meaning import CATALOGUES, SUBJECTS, VERSIONS, Violation, attribute, count_versions
from domain.reference import Database

TAKEN_AT = datetime(2026, 11, 28, 6, tzinfo=UTC)
SCHEMAS: dict[Database, str] = {"sip": "cidade_sip", "sei": "cidade_sei"}
RULE = Catalog().backup().growth
TABLES = ("cidade_sei.protocolo", "cidade_sei.documento", "cidade_sip.usuario")
violations = st.builds(
    Violation,
    cause=st.sampled_from([Cause.MEANING, Cause.FOREIGN_KEY, Cause.SEQUENCE]),
    subject=st.sampled_from(TABLES),
    detail=st.just(""),
    tables=st.lists(st.sampled_from(TABLES), min_size=1, max_size=2).map(tuple),
    vital=st.booleans(),
)


def make_manifest(
    rows: dict[str, int] | None = None, *, files: int = 1000, stored_mib: int = 100, days: int = 0
) -> BackupManifest:
    """A backup with `rows` by table of SEI, all 1000 unless told otherwise."""
    counted = dict.fromkeys(RULE.tables["sei"], 1000) | (rows or {})

    def digests(tables: dict[str, int]) -> SchemaDigest:
        return SchemaDigest(
            tables={
                name: TableDigest(rows=count, content="0" * 64, definition="0" * 64) for name, count in tables.items()
            },
            others="0" * 64,
        )

    def part(size_bytes: int) -> ArchivePart:
        measure = Measure(size_bytes=size_bytes, sha256="0" * 64)
        return ArchivePart(key="copias/x", version_id="1", content=measure, stored=measure)

    taken_at = TAKEN_AT + timedelta(days=days)
    return BackupManifest(
        environment="cidade-producao",
        ibge="3168705",
        release_version="4.1.0",
        taken_at=taken_at,
        finished_at=taken_at,
        schemas=SCHEMAS,
        databases=part(stored_mib * 1024 * 1024),
        dump=DumpFacts(
            schemas={
                "cidade_sei": digests(counted),
                "cidade_sip": digests(dict.fromkeys(RULE.tables["sip"], 1000)),
            }
        ),
        resting={},
        index=part(0),
        packs=(),
        files=FileFacts(files=files, size_bytes=0),
        directory=part(0),
        directory_entries=1,
        settings=part(0),
        versions={},
        tools={},
    )


def test_there_are_rules_enough_and_no_two_share_a_name() -> None:
    names = [subject.column(rule) for subject in (*SUBJECTS, *CATALOGUES, VERSIONS) for rule in subject.rules]
    assert len(names) == len(set(names)) > 100


@given(st.lists(violations), st.sets(st.sampled_from(TABLES)))
def test_nothing_is_lost_between_findings_and_alerts(found: list[Violation], unequal: set[str]) -> None:
    told = attribute(found, unequal)
    everything = [(one.cause, one.subject) for one in chain(told.findings, told.alerts)]
    assert sorted(everything) == sorted((violation.cause, violation.subject) for violation in found)


@given(st.lists(violations))
def test_what_is_true_of_an_equal_source_is_an_alert_unless_nobody_could_use_the_copy(found: list[Violation]) -> None:
    told = attribute(found, frozenset())
    assert len(told.findings) == sum(violation.vital for violation in found)


@given(violations, st.data())
def test_what_rests_on_a_table_that_differs_is_the_copys(violation: Violation, data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(violation.tables))
    assert attribute([violation], {table}).findings


def test_versions_must_be_there_and_as_the_manifest_says() -> None:
    told = {"sei SEI_VERSAO": "4.1.1", "sip SIP_VERSAO": "3.1.1", "sei VERSAO_MODULO_PEN": "4.1.0"}
    assert count_versions(told, told) == {"ausente": 0, "diferente": 0}
    assert count_versions(told, told | {"sei SEI_VERSAO": "4.0.0"}) == {"ausente": 0, "diferente": 1}
    assert count_versions(told, {"sip SIP_VERSAO": "3.1.1"}) == {"ausente": 1, "diferente": 2}
    assert count_versions({}, {}) == {"ausente": 2, "diferente": 0}


@given(st.integers(1000, 10_000), st.integers(0, 9_000))
def test_a_city_that_only_grows_is_told_of_nothing(before: int, more: int) -> None:
    previous = make_manifest({"documento": before})
    current = make_manifest({"documento": before + more}, files=1000 + more, days=1)
    assert judge_growth(RULE, previous, current) == ()


@given(st.integers(1000, 100_000), st.data())
def test_a_loss_is_told_when_it_is_above_both_bounds(before: int, data: st.DataObject) -> None:
    now = data.draw(st.integers(0, before))
    found = judge_growth(RULE, make_manifest({"documento": before}), make_manifest({"documento": now}, days=1))
    lost = before - now
    is_told = lost > RULE.lost_rows and lost > before * RULE.lost_percent / 100
    assert [finding.subject for finding in found] == (["cidade_sei.documento"] if is_told else [])
    assert all(finding.cause is Cause.GROWTH for finding in found)


def test_a_small_table_that_became_empty_is_told() -> None:
    few = RULE.emptied_rows
    (found,) = judge_growth(RULE, make_manifest({"anexo": few}), make_manifest({"anexo": 0}, days=1))
    assert found.detail == f"{few} linhas, agora 0, desde a cópia de 28/11/2026 03:00"
    assert judge_growth(RULE, make_manifest({"anexo": few - 1}), make_manifest({"anexo": 0}, days=1)) == ()


def test_a_table_that_went_with_its_rows_is_told() -> None:
    current = make_manifest(days=1)
    tables = {name: table for name, table in current.dump.schemas["cidade_sei"].tables.items() if name != "assinatura"}
    schema = current.dump.schemas["cidade_sei"].model_copy(update={"tables": tables})
    dump = DumpFacts(schemas=current.dump.schemas | {"cidade_sei": schema})
    (found,) = judge_growth(RULE, make_manifest(), current.model_copy(update={"dump": dump}))
    assert (found.cause, found.subject) == (Cause.GROWTH, "cidade_sei.assinatura")


@pytest.mark.parametrize(
    ("change", "subject", "cause", "level"),
    [
        ({"files": 100}, "arquivos", Cause.GROWTH, Level.EQUAL),
        ({"files": 100_000}, "arquivos", Cause.GROWTH, Level.EQUAL),
        ({"rows": {"atividade": 1_000_000}}, "bancos", Cause.GROWTH, Level.EQUAL),
        ({"stored_mib": 1_500}, "cidade-producao", Cause.SIZE, Level.STORED),
    ],
)
def test_the_whole_is_measured_too(change: dict[str, int], subject: str, cause: Cause, level: Level) -> None:
    (found,) = judge_growth(RULE, make_manifest(), make_manifest(**change, days=1))  # type: ignore[arg-type]
    assert (found.subject, found.cause, found.level) == (subject, cause, level)


def test_a_copy_that_shrank_to_a_part_is_told_by_its_size() -> None:
    (found,) = judge_growth(RULE, make_manifest(stored_mib=5_000), make_manifest(stored_mib=10, days=1))
    assert found.cause is Cause.SIZE


def test_what_was_told_once_is_not_told_again() -> None:
    less = make_manifest({"documento": 100}, days=1)
    assert judge_growth(RULE, make_manifest(), less)
    assert judge_growth(RULE, less, make_manifest({"documento": 101}, days=2)) == ()


def test_files_without_a_row_are_sorted() -> None:
    before, after = (int(moment.timestamp()) * 10**9 for moment in (TAKEN_AT - timedelta(hours=1), TAKEN_AT))
    files = {
        "2026/11/27/1": StoredFile(9, "a", before),
        "2026/11/27/2": StoredFile(9, "b", before),
        "2026/11/28/3": StoredFile(9, "c", after),
        "2026/11/27/4": StoredFile(0, "d", before),
        "mod-pen/2026/11/27/1": StoredFile(0, "e", before),
        "mod-pen/2026/11/27/2": StoredFile(9, "f", after),
    }
    orphans = classify_orphans({"2026/11/27/1", "2026/11/27/5"}, files, taken_at=TAKEN_AT, with_pen=False)
    assert orphans == Orphans(of_no_module=2, empty=1, newer=1, older=1)
    orphans = classify_orphans({"2026/11/27/1"}, files, taken_at=TAKEN_AT, with_pen=True)
    assert orphans == Orphans(of_no_module=0, empty=2, newer=2, older=1)
    assert str(orphans).startswith("5 arquivos sem linha no banco: 2 mais novos")
