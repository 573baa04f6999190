"""Which versions the databases of one environment say are installed (`sei.md` 2.3): read here, never from markers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from blocks.mariadb import MariaDBServer
from domain.environment import EnvironmentName
from domain.upgrade.modules import ModuleTable
from domain.upgrade.versions import InstalledModule, InstalledVersions

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# How modules call the parameter of their version; what the catalog names is found whatever it is called.
_MODULE_PARAMETERS = ("VERSAO\\_MODULO\\_%", "MD\\_%VERSAO%", "%\\_VERSAO\\_MODULO\\_%")


def read_installed_versions(
    server: MariaDBServer, environment: EnvironmentName, modules: ModuleTable
) -> InstalledVersions:
    """The three places of the core, and every module's parameter in both databases.

    Raises as `MariaDBServer.transaction`.
    """
    with server.transaction(environment.database_sei) as cursor:
        sei = _versions(cursor, modules)
    with server.transaction(environment.database_sip) as cursor:
        sip = _versions(cursor, modules)
    core = {"SEI_VERSAO", "SIP_VERSAO"}
    names = sorted((sei.keys() | sip.keys()) - core)
    return InstalledVersions(
        sei=sei.get("SEI_VERSAO"),
        sip=sip.get("SIP_VERSAO"),
        resources=sip.get("SEI_VERSAO"),
        modules=tuple(_module(name, sei, sip, modules) for name in names),
    )


def _versions(cursor: "Cursor", modules: ModuleTable) -> Mapping[str, str]:
    named = ("SEI_VERSAO", "SIP_VERSAO", *(name for module in modules.modules for name in module.parameters))
    cursor.execute(
        "SELECT nome, valor FROM infra_parametro WHERE valor IS NOT NULL AND valor <> ''"
        " AND (nome IN %s OR nome LIKE %s OR nome LIKE %s OR nome LIKE %s)",
        (named, *_MODULE_PARAMETERS),
    )
    return {str(name): str(value).strip() for name, value in cursor.fetchall()}


def _module(name: str, sei: Mapping[str, str], sip: Mapping[str, str], modules: ModuleTable) -> InstalledModule:
    module = modules.of_parameter(name)
    return InstalledModule(
        code=module.code if module else None, parameter=name, in_sei=sei.get(name), in_sip=sip.get(name)
    )
