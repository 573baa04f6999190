"""The code of one version as its maker would deliver it, as far as upgrades see it: its update scripts.

SEI's own scripts are not ours to have (`sei.md`, licensing). These do what their outside shows: they sign in to a
database with two lines of standard input and bring it from some lines to one version, statement by statement.
"""

import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from blocks.settings import PROJECT_ROOT
from domain.model import Frozen
from domain.reference import Database
from domain.upgrade.release import Release, ReleaseTable

CODE_FILE = "codigo.json"
SIP_SCRIPT = "sip/scripts/atualizar_versao_sip.php"
RESOURCES_SCRIPT = "sip/scripts/atualizar_recursos_sei.php"
SEI_SCRIPT = "sei/scripts/atualizar_versao_sei.php"
_RESOURCE_TABLES = frozenset({"item_menu", "menu", "perfil", "recurso", "rel_perfil_item_menu", "rel_perfil_recurso"})
_SEI_SYSTEM_ID = 100000100


class CodeStatement(Frozen):
    """One change of a database; `told` is what the script writes before it."""

    table: str
    sql: str
    values: tuple[int | str | None, ...] = ()
    told: str

    @property
    def is_resource_of_sei(self) -> bool:
        """Whether the script of SEI's recursos brings it: a row of SEI's in the tables of rights and menus."""
        return self.table in _RESOURCE_TABLES and _SEI_SYSTEM_ID in self.values


class ScriptCode(Frozen):
    """One update script: the parameter by which it knows the installed version, and what it brings."""

    title: str
    database: Database
    parameter: str
    version: str
    start_lines: tuple[str, ...]
    first_install: bool = False
    statements: tuple[CodeStatement, ...]


class VendorCode(Frozen):
    """The scripts of one version, by path."""

    version: str
    scripts: dict[str, ScriptCode]


def core_code(
    release: Release, releases: ReleaseTable, sip: Iterable[CodeStatement], sei: Iterable[CodeStatement]
) -> VendorCode:
    """The three scripts of a version of SEI, over the statements that it brings to each database."""
    starts = {line for upgrade in release.upgrades for line in upgrade.from_lines}
    sip_starts = {known.sip_line for known in releases.core if known.sei_line in starts}
    in_sip = [statement for statement in sip if not _sets_version(statement)]
    common = {"start_lines": tuple(sorted(starts))}
    scripts: Mapping[str, Mapping[str, object]] = {
        SIP_SCRIPT: {
            "title": "SIP",
            "database": "sip",
            "parameter": "SIP_VERSAO",
            "version": release.sip_version,
            "start_lines": tuple(sorted(sip_starts)),
            "statements": tuple(statement for statement in in_sip if not statement.is_resource_of_sei),
        },
        RESOURCES_SCRIPT: {
            "title": "SEI (RECURSOS NO SIP)",
            "database": "sip",
            "parameter": "SEI_VERSAO",
            "version": release.resources_version,
            "statements": tuple(statement for statement in in_sip if statement.is_resource_of_sei),
            **common,
        },
        SEI_SCRIPT: {
            "title": "SEI",
            "database": "sei",
            "parameter": "SEI_VERSAO",
            "version": release.sei_version,
            "statements": tuple(statement for statement in sei if not _sets_version(statement)),
            **common,
        },
    }
    return VendorCode(
        version=release.version, scripts={path: ScriptCode.model_validate(code) for path, code in scripts.items()}
    )


def _sets_version(statement: CodeStatement) -> bool:
    """The scripts write the versions themselves, at their end."""
    return statement.table == "infra_parametro" and bool({"SEI_VERSAO", "SIP_VERSAO"} & set(statement.values))


def lay_code(code_dir: Path, code: VendorCode) -> Path:
    """Write the code into the lab's directory of codes, in place of what was there, and tell where."""
    home = code_dir / code.version
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700, parents=True)
    (home / CODE_FILE).write_text(code.model_dump_json(indent=1), encoding="utf-8")
    python, root = shlex.quote(sys.executable), shlex.quote(str(PROJECT_ROOT))
    for path in code.scripts:
        program = home / path
        program.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        program.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {python} -m lab.sei_standin.update_script "$0"\n')
        program.chmod(0o700)
    return home
