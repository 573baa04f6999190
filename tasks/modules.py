"""Which modules of SEI an environment has: its databases alone say so, and everything else is derived from them."""

from blocks.catalog import Catalog
from blocks.installed_versions import read_installed_versions
from domain.reference import Version
from domain.upgrade.versions import InstalledVersions
from tasks.instance import Instance, is_copy


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


def modules_switched_on(instance: Instance) -> dict[str, Version]:
    """Those that its application works with: none in a copy of production, which others would take for production.

    Modules such as Tramita.gov.br (PEN) send to other bodies, by what the copied databases say.
    """
    return {} if is_copy(instance) else installed_modules(instance)
