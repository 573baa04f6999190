"""Which modules of SEI an environment has: its databases alone say so, and everything else is derived from them."""

from blocks.catalog import Catalog
from blocks.installed_versions import read_installed_versions
from domain.reference import Version
from domain.upgrade.versions import InstalledVersions
from tasks.instance import Instance


def installed_versions(instance: Instance) -> InstalledVersions:
    """What both databases say is installed.

    Raises as `MariaDBServer.transaction`.
    """
    return read_installed_versions(instance.server, instance.name, Catalog().modules())


def installed_modules(instance: Instance) -> dict[str, Version]:
    """The version of each module that can be switched on, by its code."""
    if instance.record.reference_digest is None:  # there may be no databases yet
        return {}
    return installed_versions(instance).running(Catalog().modules())
