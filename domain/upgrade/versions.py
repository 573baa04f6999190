"""Versions of SEI, SIP and modules: how they are ordered, and what the parameters of two databases say together.

What is installed is what `infra_parametro` says in both databases, compared by minor line. Marker files are never
asked: after a restore they disagree with the databases (`sei.md` 1.4).
"""

import re
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from domain.catalog_entry import CatalogEntry
from domain.model import Frozen
from domain.reference import Database, MinorLine, Version, minor_line

if TYPE_CHECKING:
    from domain.upgrade.modules import ModuleTable
    from domain.upgrade.release import ReleaseTable

_PARTS = 4
_VERSION = re.compile(r"\d+(\.\d+){1,3}")


def order_of(version: str) -> tuple[int, ...]:
    """A key that orders versions of two to four parts: 4.0.12 < 4.0.12.15 < 4.1, and 4.1 is 4.1.0."""
    parts = [int(part) for part in version.split(".")]
    return tuple(parts + [0] * (_PARTS - len(parts)))


def is_version(text: str | None) -> bool:
    """Whether a parameter's text is a version at all."""
    return text is not None and _VERSION.fullmatch(text) is not None


class VersionRange(CatalogEntry):
    """Some versions: those of a line, those from one to another (both inclusive), or both conditions at once."""

    line: MinorLine | None = Field(default=None, alias="linha")
    first: Version | None = Field(default=None, alias="de")
    last: Version | None = Field(default=None, alias="ate")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.line is None and self.first is None and self.last is None:
            msg = "diga linha, de ou ate"
            raise ValueError(msg)
        if self.first and self.last and order_of(self.first) > order_of(self.last):
            msg = f"{self.first} vem depois de {self.last}"
            raise ValueError(msg)
        return self

    def __contains__(self, version: str) -> bool:
        return (
            (self.line is None or minor_line(version) == self.line)
            and (self.first is None or order_of(self.first) <= order_of(version))
            and (self.last is None or order_of(version) <= order_of(self.last))
        )

    @property
    def told(self) -> str:
        """The range as operators read it."""
        if self.first and self.first == self.last:
            return self.first
        if self.first and self.last:
            return f"{self.first} a {self.last}"
        told = f"{self.line}.x" if self.line else ""
        bound = f"a partir de {self.first}" if self.first else f"até {self.last}" if self.last else ""
        return " ".join(part for part in (told, bound) if part)


class InstalledModule(Frozen):
    """A module as the two databases know it; `code` is None for a parameter of no module of the catalog."""

    code: str | None
    parameter: str
    in_sei: str | None
    in_sip: str | None

    @property
    def version(self) -> str | None:
        """The version that both databases agree on; that of the only one which has it."""
        values = {value for value in (self.in_sei, self.in_sip) if value}
        return values.pop() if len(values) == 1 else None


class InstalledVersions(Frozen):
    """What the databases of one environment say is installed."""

    sei: str | None = Field(description="SEI_VERSAO in SEI.")
    sip: str | None = Field(description="SIP_VERSAO in SIP.")
    resources: str | None = Field(description="SEI_VERSAO in SIP: whose recursos, menus and perfis SIP has.")
    modules: tuple[InstalledModule, ...] = ()

    def versions_of(self, module: str) -> dict[Database, Version]:
        """The version of one module in each database that has one; of several parameters the newest counts."""
        found: dict[Database, Version] = {}
        for one in self.modules:
            places: dict[Database, str | None] = {"sei": one.in_sei, "sip": one.in_sip}
            for database, value in places.items():
                if one.code == module and value and is_version(value):
                    found[database] = max(value, found.get(database, value), key=order_of)
        return found

    def running(self, known: "ModuleTable") -> dict[str, Version]:
        """The modules that both databases agree on and that the catalog knows how to switch on, by their code."""
        found = {module.code: self.versions_of(module.code) for module in known.modules if module.registration}
        return {code: next(iter(values.values())) for code, values in found.items() if len(set(values.values())) == 1}


def judge_versions(found: InstalledVersions, releases: "ReleaseTable") -> list[str]:
    """Where the places disagree, in Portuguese; empty when the environment is of one line in all of them."""
    places = {"SEI_VERSAO no SEI": found.sei, "SIP_VERSAO no SIP": found.sip, "SEI_VERSAO no SIP": found.resources}
    problems = [
        f"{place} não existe" if value is None else f"{place} não é uma versão"
        for place, value in places.items()
        if not is_version(value)
    ]
    if found.sei and found.resources and is_version(found.sei) and is_version(found.resources):
        problems += _resources_problem(found.sei, found.resources)
    if found.sei and found.sip and is_version(found.sei) and is_version(found.sip):
        problems += _sip_problem(found.sei, found.sip, releases)
    return problems + [problem for module in found.modules for problem in _module_problem(module)]


def _resources_problem(sei: str, resources: str) -> list[str]:
    if minor_line(sei) == minor_line(resources):
        return []
    behind = "o SIP" if order_of(resources) < order_of(sei) else "o SEI"
    return [
        f"o SEI está na linha {minor_line(sei)} ({sei}) e os recursos do SEI no SIP na linha"
        f" {minor_line(resources)} ({resources}): {behind} ficou para trás"
    ]


def _sip_problem(sei: str, sip: str, releases: "ReleaseTable") -> list[str]:
    lines = {release.sip_line for release in releases.core if release.sei_line == minor_line(sei)}
    if not lines:
        return [f"a linha {minor_line(sei)} do SEI não está no catálogo de versões"]
    if minor_line(sip) in lines:
        return []
    return [
        f"o SIP está na linha {minor_line(sip)} ({sip}) e o SEI {sei} pede o SIP da linha {' ou '.join(sorted(lines))}"
    ]


def _module_problem(module: InstalledModule) -> list[str]:
    name = module.code or module.parameter
    if module.in_sei and module.in_sip and module.in_sei != module.in_sip:
        return [f"o módulo {name} é {module.in_sei} no SEI e {module.in_sip} no SIP"]
    if any(value is not None and not is_version(value) for value in (module.in_sei, module.in_sip)):
        return [f"{module.parameter} não é uma versão"]
    return []
