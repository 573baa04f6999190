"""Comparing what was restored with what the source held, each difference named by its cause."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.archive import Attachment, DatabaseFacts
from domain.backup.facts import DumpFacts, SchemaDigest, TableDigest
from domain.backup.findings import Cause, Finding, Level

_PEN = "mod-pen/"
CLOCK_TOLERANCE = timedelta(minutes=2)


class StoredFile(NamedTuple):
    """A file of the repository as its pack holds it, and when it was last written."""

    size_bytes: int
    md5: str
    modified_ns: int = 0


class Orphans(NamedTuple):
    """Files without a row, each in the first class that fits; none is the backup's fault.

    Of a module that is not installed: SEI knows nothing of them. Empty: an upload that broke off. Newer than the
    databases: their rows were written after. Older: SEI's own task will delete them.
    """

    of_no_module: int
    empty: int
    newer: int
    older: int

    def __str__(self) -> str:
        return (
            f"{sum(self)} arquivos sem linha no banco: {self.newer} mais novos do que ele, {self.older} mais velhos"
            f" (a tarefa do próprio SEI os apaga), {self.empty} vazios, {self.of_no_module} de mod-pen sem o módulo"
        )


class FileVerdict(NamedTuple):
    """What is wrong with attachments' files, and how many of them are there."""

    findings: tuple[Finding, ...]
    present: int


def judge_dump(source: DumpFacts, restored: DumpFacts) -> tuple[Finding, ...]:
    """What the restored databases do not share with the dump's own snapshot; nothing when they are equal."""
    return tuple(
        finding
        for name in sorted(source.schemas.keys() | restored.schemas.keys())
        for finding in _judge_schema(name, source.schemas.get(name), restored.schemas.get(name))
    )


def _judge_schema(name: str, source: SchemaDigest | None, restored: SchemaDigest | None) -> Iterator[Finding]:
    if source is None or restored is None:
        yield _equal(Cause.TABLE_MISSING if restored is None else Cause.TABLE_EXTRA, name, "o banco inteiro")
        return
    for table in sorted(source.tables.keys() | restored.tables.keys()):
        yield from _judge_table(f"{name}.{table}", source.tables.get(table), restored.tables.get(table))
    if source.tables.keys() == restored.tables.keys() and source.others != restored.others:
        yield _equal(Cause.OTHER_OBJECTS, name)


def _judge_table(name: str, source: TableDigest | None, restored: TableDigest | None) -> Iterator[Finding]:
    if source is None or restored is None:
        yield _equal(Cause.TABLE_MISSING if restored is None else Cause.TABLE_EXTRA, name)
        return
    if source.definition != restored.definition:
        yield _equal(Cause.DEFINITION, name)
    if source.rows != restored.rows:
        yield _equal(Cause.ROWS, name, f"{source.rows} na origem, {restored.rows} na cópia")
    elif source.content != restored.content:
        yield _equal(Cause.CONTENT, name)
    if source.next_id != restored.next_id:
        yield _equal(Cause.SEQUENCE, name, f"próximo número {source.next_id} na origem, {restored.next_id} na cópia")


def judge_resting(schema: str, resting: DatabaseFacts, found: DatabaseFacts) -> tuple[Finding, ...]:
    """What differs from the source's own count of the tables that were at rest while it was copied."""
    findings = []
    if resting.structure != found.structure:
        findings.append(_equal(Cause.STRUCTURE, schema, "a impressão da estrutura difere da origem"))
    for table, facts in sorted(resting.tables.items()):
        copied = found.tables.get(table)
        if copied is None:
            findings.append(_equal(Cause.TABLE_MISSING, f"{schema}.{table}"))
        elif copied != facts:
            detail = f"{facts.rows} linhas contadas na origem, {copied.rows} na cópia"
            findings.append(_equal(Cause.WITNESS, f"{schema}.{table}", detail))
    return tuple(findings)


def judge_clocks(
    taken_at: datetime, finished_at: datetime, now: datetime, skew_seconds: Mapping[str, float]
) -> tuple[Finding, ...]:
    """Whose clock makes the moment of a backup doubtful."""
    findings = [
        _stored(Cause.CLOCK, server, f"{abs(seconds):.0f} s {'adiantado' if seconds > 0 else 'atrasado'}")
        for server, seconds in sorted(skew_seconds.items())
        if abs(seconds) > CLOCK_TOLERANCE.total_seconds()
    ]
    if taken_at > now + CLOCK_TOLERANCE:
        findings.append(_stored(Cause.CLOCK, "manifesto", "a cópia diz ser de um momento que ainda não chegou"))
    if finished_at < taken_at:
        findings.append(_stored(Cause.CLOCK, "manifesto", "a cópia diz ter acabado antes de começar"))
    return tuple(findings)


def judge_age(taken_at: datetime, written_at: Mapping[str, datetime]) -> tuple[Finding, ...]:
    """Which objects are older than the backup that they are said to be of, by the S3 server's own memory."""
    return tuple(
        _stored(Cause.STALE, key, f"gravado em {moment:%d/%m/%Y %H:%M} (UTC), antes da cópia")
        for key, moment in written_at.items()
        if moment < taken_at - CLOCK_TOLERANCE
    )


def judge_attachments(attachments: Mapping[str, Attachment], files: Mapping[str, StoredFile]) -> FileVerdict:
    """Which attachments the backup does not hold as their rows say; of an inactive row, SEI may have lost the file."""
    by_md5 = {attachment.md5: path for path, attachment in attachments.items()}
    findings = []
    for path, attachment in sorted(attachments.items()):
        found = files.get(path)
        if found is None:
            if attachment.active:
                findings.append(_equal(Cause.FILE_MISSING, path))
        elif found.md5 == attachment.md5 and found.size_bytes == attachment.size_bytes:
            continue
        elif found.size_bytes == 0:
            findings.append(_equal(Cause.FILE_EMPTY, path, f"{attachment.size_bytes} bytes no banco"))
        elif (other := by_md5.get(found.md5)) not in {None, path}:
            findings.append(_equal(Cause.FILE_SWAPPED, path, f"é o conteúdo de {other}"))
        elif found.size_bytes != attachment.size_bytes:
            detail = f"{attachment.size_bytes} bytes no banco, {found.size_bytes} na cópia"
            findings.append(_equal(Cause.FILE_SIZE, path, detail))
        else:
            findings.append(_equal(Cause.FILE_CHANGED, path))
    present = sum(path in files for path in attachments)
    return FileVerdict(tuple(findings), present)


def classify_orphans(
    attachments: Collection[str], files: Mapping[str, StoredFile], *, taken_at: datetime, with_pen: bool
) -> Orphans:
    """What lies in the repository beside the `attachments`; `taken_at` is the moment that the databases show."""
    taken_ns = int(taken_at.timestamp()) * 10**9
    classes: Counter[str] = Counter()
    for path in files.keys() - set(attachments):
        file = files[path]
        if path.startswith(_PEN) and not with_pen:
            classes["of_no_module"] += 1
        elif file.size_bytes == 0:
            classes["empty"] += 1
        else:
            classes["newer" if file.modified_ns >= taken_ns else "older"] += 1
    return Orphans(**{name: classes[name] for name in Orphans._fields})


def _stored(cause: Cause, subject: str, detail: str) -> Finding:
    return Finding(level=Level.STORED, cause=cause, subject=subject, detail=detail)


def _equal(cause: Cause, subject: str, detail: str = "") -> Finding:
    return Finding(level=Level.EQUAL, cause=cause, subject=subject, detail=detail)
