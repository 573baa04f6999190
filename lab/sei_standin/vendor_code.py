"""The code of one version as its maker would deliver it, as far as upgrades see it: its update scripts.

SEI's own scripts are not ours to have (`sei.md`, licensing). These do what their outside shows: they sign in to a
database with two lines of standard input and bring it from some lines to one version, statement by statement.
"""

import shlex
import shutil
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from blocks.settings import PROJECT_ROOT
from domain.model import Frozen
from domain.reference import Database
from domain.upgrade.package import DatabasePackage, Statement, Value
from domain.upgrade.release import Release, ReleaseTable
from domain.upgrade.rows_plan import VERSION_PARAMETERS

CODE_FILES = "codigo*.json"
"""What SEI's own code and the packages merged over it bring, one file each, at the root of the tree."""
SIP_SCRIPT = "sip/scripts/atualizar_versao_sip.php"
RESOURCES_SCRIPT = "sip/scripts/atualizar_recursos_sei.php"
SEI_SCRIPT = "sei/scripts/atualizar_versao_sei.php"
SEI_SYSTEM_ID = 100000100


class Way(Frozen):
    """What a script brings to a database that has these tables; that of a release package, or a part of it."""

    tables: tuple[str, ...] = ()
    statements: tuple[Statement, ...]


def way_of(part: DatabasePackage) -> Way:
    """A package's way for one of the databases."""
    return Way(tables=tuple(sorted(part.before.tables)), statements=part.statements)


class ScriptCode(Frozen):
    """One update script: the parameter by which it knows the installed version, and what it brings.

    Of several ways it goes the one whose tables are most like those that it finds: the official reference databases
    and the project's reduced ones are of one version and not of one structure.
    """

    title: str
    database: Database
    parameter: str
    version: str
    start_lines: tuple[str, ...]
    first_install: bool = False
    ways: tuple[Way, ...] = ()

    def statements_for(self, tables: Collection[str]) -> tuple[Statement, ...]:
        """What it brings to a database with these tables."""
        found = set(tables)
        nearest = min(self.ways, key=lambda way: len(found ^ set(way.tables)), default=None)
        return nearest.statements if nearest else ()


class VendorCode(Frozen):
    """The scripts of one version of SEI or of a module, by path."""

    version: str
    module: str = ""
    scripts: dict[str, ScriptCode]
    directories: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its directory, as the catalog calls the release."""
        return f"{self.module}-{self.version}" if self.module else self.version


def core_code(release: Release, releases: ReleaseTable, sip: Iterable[Way] = (), sei: Iterable[Way] = ()) -> VendorCode:
    """The three scripts of a version or correction of SEI, over what it brings to each database.

    The script of the recursos brings, and checks, what is SEI's own in SIP; the script of SIP all else. There is
    none of the recursos where the release says no version of them.
    """
    starts = {line for upgrade in release.upgrades for line in upgrade.from_lines}
    sip_starts = {known.sip_line for known in releases.core if known.sei_line in starts}
    in_sip, in_sei = tuple(sip), tuple(sei)
    lines = tuple(sorted(starts))
    scripts = {
        SIP_SCRIPT: ScriptCode(
            title="SIP",
            database="sip",
            parameter="SIP_VERSAO",
            version=str(release.sip_version),
            start_lines=tuple(sorted(sip_starts)),
            ways=tuple(_part(way, lambda row: SEI_SYSTEM_ID not in row) for way in in_sip),
        ),
        SEI_SCRIPT: ScriptCode(
            title="SEI",
            database="sei",
            parameter="SEI_VERSAO",
            version=str(release.sei_version),
            start_lines=lines,
            ways=tuple(_part(way, lambda _: True) for way in in_sei),
        ),
    }
    if release.resources_version:
        scripts[RESOURCES_SCRIPT] = ScriptCode(
            title="SEI (RECURSOS NO SIP)",
            database="sip",
            parameter="SEI_VERSAO",
            version=release.resources_version,
            start_lines=lines,
            ways=tuple(_part(way, lambda row: SEI_SYSTEM_ID in row, only_rows=True) for way in in_sip),
        )
    return VendorCode(version=release.version, scripts=scripts)


def _part(way: Way, belongs: Callable[[tuple[Value, ...]], bool], *, only_rows: bool = False) -> Way:
    """The part of a way that is one script's, without what sets versions: scripts write theirs at their end."""
    statements = []
    for statement in way.statements:
        rows = tuple(row for row in statement.rows if belongs(row) and not _sets_version(statement, row))
        if rows or not (statement.rows or only_rows):
            statements.append(statement.model_copy(update={"rows": rows}))
    return way.model_copy(update={"statements": tuple(statements)})


def _sets_version(statement: Statement, row: tuple[Value, ...]) -> bool:
    return statement.table == "infra_parametro" and bool(set(VERSION_PARAMETERS) & set(row))


def lay_code(code_dir: Path, code: VendorCode) -> Path:
    """Write the code into the lab's directory of codes, in place of what was there, and tell where."""
    home = code_dir / code.name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700, parents=True)
    for directory in code.directories:
        (home / directory).mkdir(mode=0o700, parents=True)
    mark = f"-{code.module}" if code.module else ""
    (home / CODE_FILES.replace("*", mark)).write_text(code.model_dump_json(), encoding="utf-8")
    python, root = shlex.quote(sys.executable), shlex.quote(str(PROJECT_ROOT))
    for path in code.scripts:
        program = home / path
        program.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        program.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {python} -m lab.sei_standin.update_script "$0"\n')
        program.chmod(0o700)
    return home
