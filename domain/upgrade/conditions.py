"""What must hold before an environment is upgraded, and what must hold when the steps have run."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from pydantic import Field, NonNegativeInt

from domain.model import Frozen
from domain.reference import Database, ReferenceRows, Sha256, minor_line, missing_rows
from domain.structure import Structure, differences, primary_key
from domain.upgrade.release import Release, ReleaseKind, ReleaseTable, ScriptStep, Upgrade
from domain.upgrade.rows_plan import RELEASE_TABLES, is_counter
from domain.upgrade.versions import InstalledVersions, is_version, judge_versions, order_of

_MODULE_PREFIX = "md_"
_PLACE = re.compile(r"(?:tabela )?(?P<place>[^:]+): ")


class Drift(NamedTuple):
    """One difference from a reference: `place` (`sei.protocolo`) is what a person accepts it by."""

    place: str
    told: str

    def __str__(self) -> str:
        return f"{self.place}: {self.told}"


def own_differences(expected: Structure, found: Structure, *, has_modules: bool) -> list[str]:
    """Where a structure differs from its reference; the own tables of installed modules are no difference."""
    known = expected.tables.keys()
    kept = {
        table: parts
        for table, parts in found.tables.items()
        if table in known or not (has_modules and table.startswith(_MODULE_PREFIX))
    }
    return differences(expected, found.model_copy(update={"tables": kept}))


def find_drift(kind: Database, expected: Structure, found: Structure, *, has_modules: bool) -> list[Drift]:
    """The same, each by its place."""
    drift = [_drift(kind, text) for text in own_differences(expected, found, has_modules=has_modules)]
    with_columns = {one.place for one in drift if one.told.startswith("coluna ")}  # then their order says no more
    return [one for one in drift if not (one.place in with_columns and one.told.startswith("ordem das colunas"))]


def find_missing_rows(kind: Database, expected: ReferenceRows, found: ReferenceRows) -> list[Drift]:
    """Which tables lack rows of their reference."""
    return [_drift(kind, text) for text in missing_rows(expected, found)]


def _drift(kind: Database, text: str) -> Drift:
    match = _PLACE.match(text)
    place = match["place"] if match else text
    return Drift(f"{kind}.{place}", text[match.end() :] if match else text)


def unaccepted(drift: Collection[Drift], accepted: Collection[str]) -> list[Drift]:
    """What nobody accepted by its place."""
    return [one for one in drift if one.place not in accepted]


def judge_start(found: InstalledVersions, registered: Release, target: Release, releases: ReleaseTable) -> list[str]:
    """Why the installed version is not one from which the target is reached; empty when it is."""
    problems = judge_versions(found, releases)
    if not found.sei or not is_version(found.sei):
        return problems
    if minor_line(found.sei) != registered.sei_line:
        problems.append(f"o registro diz {registered.version} e o banco do SEI está na {found.sei}")
    if target.kind is ReleaseKind.MODULE and (newest := _newest(found, target)):
        problems.append(f"o módulo {target.module} já está na {newest}")
    if target.kind is ReleaseKind.FIX and order_of(found.sei) >= order_of(str(target.sei_version)):
        problems.append(f"o banco do SEI já está na {found.sei}")
    elif target.kind is ReleaseKind.CORE and minor_line(found.sei) == target.sei_line:
        problems.append(f"o banco do SEI já está na linha {target.sei_line} ({found.sei})")
    elif target.upgrade_from(found.sei) is None:
        lines = ", ".join(line for upgrade in target.upgrades for line in upgrade.from_lines) or "nenhuma linha"
        problems.append(f"não há caminho da {found.sei} para a {target.version}, que parte de: {lines}")
    return problems


def _newest(found: InstalledVersions, target: Release) -> str | None:
    """The installed version of a release's module, where that is no older one."""
    versions = sorted(found.versions_of(str(target.module)).values(), key=order_of)
    return versions[-1] if versions and order_of(versions[-1]) >= order_of(str(target.module_version)) else None


def judge_arrival(found: InstalledVersions, target: Release, releases: ReleaseTable) -> list[str]:
    """Which place does not say the target's line, or the very number of a correction or module; empty when all do."""
    wanted = {
        "SEI_VERSAO no SEI": (found.sei, target.sei_version),
        "SIP_VERSAO no SIP": (found.sip, target.sip_version),
        "SEI_VERSAO no SIP": (found.resources, target.resources_version),
    }
    exactly = target.kind is ReleaseKind.FIX
    key: Callable[[str], object] = order_of if exactly else minor_line
    problems = [
        f"{place} é {value or 'vazio'} e devia ser {version if exactly else f'da linha {minor_line(version)}'}"
        for place, (value, version) in wanted.items()
        if version and (not is_version(value) or key(str(value)) != key(version))
    ]
    if target.kind is ReleaseKind.MODULE:
        problems += _judge_module(found, target)
    return problems or judge_versions(found, releases)


def _judge_module(found: InstalledVersions, target: Release) -> Iterator[str]:
    """Its parameter in each database for which it has a script."""
    way, versions = target.upgrade_from(str(found.sei)), found.versions_of(str(target.module))
    systems = {step.system for step in way.steps if isinstance(step, ScriptStep)} if way else set()
    for system in sorted(systems):
        value = versions.get(system)
        if value != target.module_version:
            told = value or "vazio"
            yield f"o módulo {target.module} no {system.upper()} é {told} e devia ser {target.module_version}"


class TableContent(Frozen):
    """What the rows of one table hold over some of its columns: equal for equal rows, in whatever order."""

    rows: NonNegativeInt
    digest: Sha256


TenantContents = Mapping[Database, Mapping[str, TableContent]]


class Moment(Frozen):
    """What an upgrade must leave as it was: the prefeitura's rows, and whatever was odd in them already."""

    read_at: float = Field(description="Seconds of the database server's clock, before anything was read.")
    columns: dict[Database, dict[str, tuple[str, ...]]] = Field(description="Over which the contents are taken.")
    contents: dict[Database, dict[str, TableContent]]
    broken_keys: tuple[str, ...] = ()
    files: Sha256 | None = Field(default=None, description="Of the names, sizes and times of the backup's files.")
    oddities: tuple[str, ...] | None = Field(
        default=None, description="Rules of meaning that did not hold; None where nobody judged them."
    )


def common_columns(before: Structure, target: Structure) -> dict[str, tuple[str, ...]]:
    """The columns that a table keeps, by table; of one that the target has not, those that it has."""
    return {
        table: _kept(_columns(parts), _columns(target.tables[table]) if table in target.tables else None)
        for table, parts in before.tables.items()
    }


def _columns(parts: Mapping[str, str]) -> tuple[str, ...]:
    prefix = "coluna "
    return tuple(name.removeprefix(prefix) for name in parts if name.startswith(prefix))


def _kept(columns: tuple[str, ...], target: tuple[str, ...] | None) -> tuple[str, ...]:
    return columns if target is None else tuple(column for column in columns if column in target)


def tenant_columns(
    kind: Database, before: Structure, target: Structure, declared: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """The prefeitura's own tables, with the columns that they keep: not what a release brings, nor what only counts.

    Of those whose rows the release says it changes only the primary key: nothing else of them is compared.
    """
    return {
        table: (primary_key(before.tables[table]) if table in declared else ()) or columns
        for table, columns in common_columns(before, target).items()
        if table not in RELEASE_TABLES[kind] and not is_counter(table) and columns
    }


def declared_tables(upgrade: Upgrade, kind: Database) -> frozenset[str]:
    """The tables of one database whose rows the release says it changes."""
    return frozenset(table for step in upgrade.steps if getattr(step, "system", "sei") == kind for table in step.tables)


def columns_left(
    columns: Mapping[str, tuple[str, ...]], found: Structure, declared: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """The columns over which contents are taken afterwards: of a table that was to be changed, those that it kept.

    What a module does to its own tables no reference tells beforehand.
    """
    return {
        table: tuple(column for column in names if column in _columns(found.tables.get(table, {})))
        if table in declared
        else names
        for table, names in columns.items()
    }


def judge_contents(before: TenantContents, after: TenantContents, upgrade: Upgrade) -> list[str]:
    """What happened to the prefeitura's rows that the release did not say; empty when nothing did.

    Of a table that the release says it changes no row may be gone.
    """
    problems = []
    for kind in sorted(before):
        declared = declared_tables(upgrade, kind)
        for table, content in sorted(before[kind].items()):
            found = after.get(kind, {}).get(table)
            if found is None:
                if content.rows:
                    problems.append(f"{kind}.{table}: tinha {content.rows} linhas e não existe mais")
            elif found.rows < content.rows or (table not in declared and found.rows != content.rows):
                problems.append(f"{kind}.{table}: tinha {content.rows} linhas e tem {found.rows}")
            elif table not in declared and found.digest != content.digest:
                problems.append(f"{kind}.{table}: o conteúdo mudou, e a versão não diz que o muda")
    return problems
