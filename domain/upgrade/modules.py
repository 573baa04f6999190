"""The modules of SEI that prefeituras may have: `catalog/modules.yaml`."""

from collections.abc import Iterable
from typing import Self

from pydantic import Field, model_validator

from domain.catalog_entry import CatalogEntry
from domain.upgrade.versions import VersionRange

_PARAMETER = r"^[A-Z][A-Z0-9_]*$"
_SCRIPT = r"^[\w-]+(/[\w-]+)*\.php$"


class Compatibility(CatalogEntry):
    """Which versions of SEI some versions of a module were published for."""

    module: VersionRange = Field(alias="modulo")
    sei: tuple[VersionRange, ...] = Field(min_length=1)


class ModuleScripts(CatalogEntry):
    """The scripts that install a module, in the code's tree; none where a module changes nothing in a database."""

    sip: tuple[str, ...] = ()
    sei: tuple[str, ...] = ()


class Module(CatalogEntry):
    """One module, as its makers publish it."""

    code: str = Field(alias="codigo", pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    name: str = Field(alias="nome", min_length=1)
    class_name: str | None = Field(default=None, alias="classe", description="Key in `SEI/Modulos`.")
    directory: str | None = Field(default=None, alias="diretorio", description="Value in `SEI/Modulos`.")
    parameter: str | None = Field(default=None, alias="parametro", pattern=_PARAMETER)
    old_parameters: tuple[str, ...] = Field(default=(), alias="parametros_antigos")
    parameter_may_lag: bool = Field(
        default=False, alias="parametro_pode_atrasar", description="It names the last version with a database step."
    )
    restricted: bool = Field(default=False, alias="restrito", description="Not published: given by its makers only.")
    scripts: ModuleScripts = Field(default_factory=ModuleScripts)
    compatibility: tuple[Compatibility, ...] = Field(default=(), alias="compatibilidade")
    notes: str = Field(default="", alias="observacoes")
    source: str = Field(alias="fonte", min_length=1)

    @property
    def registration(self) -> dict[str, str]:
        """Its entry in `SEI/Modulos`: class to directory, which is the module's code where nothing else is known.

        Empty where its class is not known: such a one cannot be switched on.
        """
        return {self.class_name: self.directory or self.code} if self.class_name else {}

    @property
    def parameters(self) -> tuple[str, ...]:
        """Every name under which its version may be found, today's first."""
        return (*([self.parameter] if self.parameter else []), *self.old_parameters)


class ModuleTable(CatalogEntry):
    """The modules of `catalog/modules.yaml`."""

    modules: tuple[Module, ...] = Field(alias="modulos")

    @model_validator(mode="after")
    def _has_each_once(self) -> Self:
        for what, names in {
            "o módulo": [module.code for module in self.modules],
            "o parâmetro": [name for module in self.modules for name in module.parameters],
        }.items():
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                msg = f"{what} {repeated[0]} aparece duas vezes"
                raise ValueError(msg)
        return self

    def registrations(self, codes: Iterable[str]) -> dict[str, str]:
        """`SEI/Modulos` with these modules switched on: class to directory."""
        wanted = set(codes)
        return {
            name: directory
            for module in self.modules
            if module.code in wanted
            for name, directory in module.registration.items()
        }

    def find(self, code: str) -> Module | None:
        """The module of this code."""
        return next((module for module in self.modules if module.code == code), None)

    def of_parameter(self, name: str) -> Module | None:
        """The module whose version this parameter of `infra_parametro` holds."""
        return next((module for module in self.modules if name in module.parameters), None)
