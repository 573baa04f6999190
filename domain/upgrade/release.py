"""The releases that the programme installs, and how an environment gets there: `catalog/releases.yaml`.

A new version of SEI, a correction of one, and a new version of a single module are the same thing here: steps, in the
order that this release asks for. The public sources disagree on the order of SEI's own scripts (`sei.md` 1.5), so the
order is data.
"""

import re
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, StringConstraints, model_validator

from domain.catalog_entry import CatalogEntry
from domain.reference import Database, MinorLine, Sha256, Version, minor_line
from domain.upgrade.complexity import Complexity
from domain.upgrade.script_output import ExpectedOutput

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Table = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
_NUMBER = re.compile(r"\d+(\.\d+){1,3}")
_FILE = r"^[\w-]+(/[\w-]+)*\.\w+$"


class ReleaseKind(StrEnum):
    """What a release brings."""

    CORE = "nucleo"
    FIX = "correcao"
    MODULE = "modulo"

    @property
    def label(self) -> str:
        """The kind as operators read it."""
        return {"nucleo": "versão do SEI", "correcao": "correção", "modulo": "módulo"}[self.value]


class _Step(CatalogEntry):
    """What every step says of itself."""

    minutes: PositiveInt = Field(alias="minutos", description="Expected, for one environment of usual size.")
    reversible: bool = Field(alias="reversivel", description="Whether doing less than restoring the backup undoes it.")
    tables: tuple[Table, ...] = Field(default=(), alias="tabelas", description="Tables whose tenant rows it changes.")

    @property
    def changes_tenant_data(self) -> bool:
        """Whether rows of the prefeitura change, beyond structure and catalogue."""
        return bool(self.tables)


class ScriptStep(_Step):
    """One of SEI's, SIP's or a module's own scripts."""

    kind: Literal["script"] = Field(alias="tipo")
    system: Database = Field(alias="sistema")
    path: str = Field(alias="caminho", pattern=_FILE)
    needs_credentials: bool = Field(default=True, alias="credenciais", description="Two lines on standard input.")
    expected: ExpectedOutput = Field(default_factory=lambda: ExpectedOutput.model_validate({}), alias="saida")

    @property
    def told(self) -> str:
        """The step as operators read it."""
        return f"script {self.path}"


class SqlStep(_Step):
    """A file of SQL that comes with a release."""

    kind: Literal["sql"] = Field(alias="tipo")
    system: Database = Field(alias="sistema")
    file: str = Field(alias="arquivo", pattern=_FILE)
    sha256: Sha256

    @property
    def told(self) -> str:
        """The step as operators read it."""
        return f"SQL {self.file} no {self.system.upper()}"


class ConfigurationStep(_Step):
    """A key of `ConfiguracaoSEI.php` or `ConfiguracaoSip.php`."""

    kind: Literal["configuracao"] = Field(alias="tipo")
    group: Text = Field(alias="grupo")
    key: Text = Field(alias="chave")
    value: str | int | bool = Field(alias="valor")

    @property
    def told(self) -> str:
        """The step as operators read it."""
        return f"configuração {self.group}.{self.key}"


class ReindexStep(_Step):
    """A whole new index in Solr."""

    kind: Literal["reindexacao"] = Field(alias="tipo")
    cores: tuple[Literal["protocolos", "bases-conhecimento", "publicacoes"], ...] = Field(alias="nucleos", min_length=1)

    @property
    def told(self) -> str:
        """The step as operators read it."""
        return f"reindexação do Solr ({', '.join(self.cores)})"


Step = Annotated[ScriptStep | SqlStep | ConfigurationStep | ReindexStep, Field(discriminator="kind")]


class Upgrade(CatalogEntry):
    """The way from some lines to a release."""

    from_lines: tuple[MinorLine, ...] = Field(alias="de", min_length=1, description="Of SEI.")
    reference_before: tuple[Sha256, ...] = Field(
        default=(), alias="referencia_antes", description="Digests of the references an environment may come from."
    )
    reference_after: tuple[Sha256, ...] = Field(
        default=(), alias="referencia_depois", description="Digests of the references it is compared with afterwards."
    )
    steps: tuple[Step, ...] = Field(alias="passos", min_length=1)

    @property
    def minutes(self) -> int:
        """How long all steps are expected to take."""
        return sum(step.minutes for step in self.steps)

    @property
    def reversible(self) -> bool:
        """Whether every step can be undone without restoring the backup."""
        return all(step.reversible for step in self.steps)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables whose tenant rows change."""
        return tuple(sorted({table for step in self.steps for table in step.tables}))


class Release(CatalogEntry):
    """One thing that can be installed, and what the databases say afterwards."""

    code: str = Field(alias="codigo", pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")
    kind: ReleaseKind = Field(default=ReleaseKind.CORE, alias="tipo")
    complexity: Complexity = Field(alias="complexidade")
    sei_version: Version | None = Field(default=None, alias="sei", description="SEI_VERSAO in SEI afterwards.")
    sip_version: Version | None = Field(default=None, alias="sip", description="SIP_VERSAO afterwards.")
    resources_version: Version | None = Field(default=None, alias="recursos", description="SEI_VERSAO in SIP.")
    module: str | None = Field(default=None, alias="modulo", description="Its code in `modules.yaml`.")
    module_version: Version | None = Field(default=None, alias="versao_modulo")
    upgrades: tuple[Upgrade, ...] = Field(default=(), alias="atualizacoes")

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.kind is ReleaseKind.CORE:
            if not (self.sei_version and self.sip_version and self.resources_version):
                msg = f"a versão {self.code} precisa de sei, sip e recursos"
                raise ValueError(msg)
            if not _NUMBER.fullmatch(self.code):
                msg = f"o código {self.code} não é uma versão"
                raise ValueError(msg)
        if (self.kind is ReleaseKind.MODULE) != bool(self.module and self.module_version):
            msg = f"modulo e versao_modulo são do tipo modulo, e só dele ({self.code})"
            raise ValueError(msg)
        if self.kind is ReleaseKind.MODULE and self.code != f"{self.module}-{self.module_version}":
            msg = f"o código {self.code} não é o do módulo com a sua versão ({self.module}-{self.module_version})"
            raise ValueError(msg)
        if self.kind is not ReleaseKind.CORE and not self.upgrades:
            msg = f"{self.code} não diz em que linhas se aplica"
            raise ValueError(msg)
        lines = [line for upgrade in self.upgrades for line in upgrade.from_lines]
        if len(set(lines)) < len(lines):
            msg = f"{self.code} tem dois caminhos a partir da mesma linha"
            raise ValueError(msg)
        return self

    @property
    def version(self) -> str:
        """What a release of SEI is called by everybody: its code."""
        return self.code

    @property
    def brings_sei(self) -> bool:
        """Whether an environment is of it afterwards: a version of SEI, or a correction that is one's next number."""
        return bool(self.sei_version and self.sip_version) and _NUMBER.fullmatch(self.code) is not None

    @property
    def can_be_installed(self) -> bool:
        """Whether it can be seen of an environment that it has it: a correction without a number cannot."""
        return self.brings_sei or self.kind is ReleaseKind.MODULE

    @property
    def sei_line(self) -> str:
        """The line of SEI that the databases must show; empty for what is not a version of SEI."""
        return minor_line(self.sei_version) if self.sei_version else ""

    @property
    def sip_line(self) -> str:
        """The line of SIP that the databases must show; empty as above."""
        return minor_line(self.sip_version) if self.sip_version else ""

    @property
    def notes_file(self) -> str:
        """Where its notes for the prefeituras are, in the catalog."""
        return f"releases/{self.code}.md"

    def upgrade_from(self, sei_version: str) -> Upgrade | None:
        """The way from an installed version of SEI; None when there is none."""
        line = minor_line(sei_version)
        return next((upgrade for upgrade in self.upgrades if line in upgrade.from_lines), None)


class ReleaseTable(CatalogEntry):
    """The releases of `catalog/releases.yaml`."""

    default: str = Field(alias="padrao", description="The version that new environments get.")
    releases: tuple[Release, ...] = Field(alias="versoes", min_length=1)

    @model_validator(mode="after")
    def _has_each_once(self) -> Self:
        codes = [release.code for release in self.releases]
        repeated = sorted({code for code in codes if codes.count(code) > 1})
        if repeated:
            msg = f"{', '.join(repeated)} aparece mais de uma vez"
            raise ValueError(msg)
        if self.default not in {release.version for release in self.core}:
            msg = f"a versão padrão {self.default} não está na lista de versões do SEI"
            raise ValueError(msg)
        return self

    @cached_property
    def core(self) -> tuple[Release, ...]:
        """The versions of SEI itself."""
        return tuple(release for release in self.releases if release.kind is ReleaseKind.CORE)

    @cached_property
    def of_sei(self) -> tuple[Release, ...]:
        """The versions of SEI itself, and the corrections of them that environments are of afterwards."""
        return tuple(release for release in self.releases if release.brings_sei)

    def find(self, version: str) -> Release | None:
        """The version or correction of SEI of exactly this name, or None when the programme does not know it."""
        return next((release for release in self.of_sei if release.version == version), None)

    def find_any(self, code: str) -> Release | None:
        """The release of this code, whatever its kind."""
        return next((release for release in self.releases if release.code == code), None)
