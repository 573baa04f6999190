"""Which code an application runs: a version of SEI, with the packages of modules that are merged over it.

A module comes as a tree of its own for the same directories (`sei.md` 5.5): what an environment runs is of one version
of SEI and of one version of each of its modules.
"""

from pydantic import Field

from domain.model import Frozen
from domain.reference import Version

PACKAGES_DIRECTORY = "modulos"
"""Beside the codes of SEI, for hosts that merge packages themselves: a directory for each version of a module."""


class Code(Frozen):
    """The code of one environment."""

    version: Version = Field(description="Of SEI, as the catalog's releases call it.")
    modules: dict[str, Version] = Field(default_factory=dict, description="Version of each module, by its code.")

    @property
    def packages(self) -> tuple[str, ...]:
        """What is merged over SEI's own code, as the catalog calls their releases: `pen-3.7.0`."""
        return tuple(f"{module}-{version}" for module, version in sorted(self.modules.items()))

    @property
    def name(self) -> str:
        """What operators call it, and the directory in which they put it: `4.1.0`, `4.1.0+pen-3.7.0+wssei-2.2.0`."""
        return "+".join((self.version, *self.packages))
