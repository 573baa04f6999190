"""How much an environment may change from one proved backup to the next before somebody should look at it.

What is out of bounds is an alert, never a finding: that the copy is the source's was proved row by row, so the source
itself lost or gained what is told, and refusing the copy would help nobody. The copy becomes the next night's measure,
so data that were retired on purpose are told once and need no acceptance; the earlier copies stay as long as their
rule says.
"""

from collections.abc import Iterator

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from domain.backup.findings import Cause, Finding, Level
from domain.backup.manifest import BackupManifest
from domain.calendar import local_moment
from domain.catalog_entry import CatalogEntry
from domain.reference import Database


class GrowthRule(CatalogEntry):
    """The bounds, as `backup.yaml` has them: a loss counts when it is above both of its limits, a growth likewise."""

    tables: dict[Database, tuple[str, ...]] = Field(alias="tabelas")
    lost_percent: NonNegativeFloat = Field(alias="perda_percentual")
    lost_rows: NonNegativeInt = Field(alias="perda_linhas")
    emptied_rows: PositiveInt = Field(alias="esvaziada_linhas")
    times: PositiveInt = Field(alias="crescimento_vezes")
    gained_rows: NonNegativeInt = Field(alias="crescimento_linhas")
    gained_files: NonNegativeInt = Field(alias="crescimento_arquivos")
    stored_mib: NonNegativeInt = Field(alias="tamanho_mib")


_MIB = 1024 * 1024


def judge_growth(rule: GrowthRule, previous: BackupManifest, current: BackupManifest) -> tuple[Finding, ...]:
    """What changed more than it should since `previous`, the last backup that was proved before."""
    return tuple(_judge(rule, previous, current))


def _judge(rule: GrowthRule, previous: BackupManifest, current: BackupManifest) -> Iterator[Finding]:
    since = f"desde a cópia de {local_moment(previous.taken_at)}"
    for database, names in rule.tables.items():
        before, now = _rows(previous, database), _rows(current, database)
        for name in names:
            if name in before and _is_loss(rule, before[name], now.get(name, 0)):
                detail = f"{before[name]} linhas, agora {now.get(name, 0)}, {since}"
                yield _alert(Cause.GROWTH, f"{current.schemas[database]}.{name}", detail)
    files, files_now = previous.files.files, current.files.files
    if _is_loss(rule, files, files_now) or _is_gain(rule.times, rule.gained_files, files, files_now):
        yield _alert(Cause.GROWTH, "arquivos", f"{files} arquivos, agora {files_now}, {since}")
    rows, rows_now = previous.dump.rows, current.dump.rows
    if _is_gain(rule.times, rule.gained_rows, rows, rows_now):
        yield _alert(Cause.GROWTH, "bancos", f"{rows} linhas, agora {rows_now}, {since}")
    size, size_now = sorted((previous.stored_bytes, current.stored_bytes))
    if _is_gain(rule.times, rule.stored_mib * _MIB, size, size_now):
        detail = f"{previous.stored_bytes} bytes, agora {current.stored_bytes}, {since}"
        yield _alert(Cause.SIZE, current.environment, detail, Level.STORED)


def _rows(manifest: BackupManifest, database: Database) -> dict[str, int]:
    schema = manifest.dump.schemas.get(manifest.schemas[database])
    return {name: table.rows for name, table in schema.tables.items()} if schema else {}


def _is_loss(rule: GrowthRule, before: int, now: int) -> bool:
    lost = before - now
    emptied = now == 0 and before >= rule.emptied_rows
    return emptied or (lost > rule.lost_rows and lost * 100 > before * rule.lost_percent)


def _is_gain(times: int, at_least: int, before: int, now: int) -> bool:
    return now - before > at_least and now > before * times


def _alert(cause: Cause, subject: str, detail: str, level: Level = Level.EQUAL) -> Finding:
    return Finding(level=level, cause=cause, subject=subject, detail=detail)
