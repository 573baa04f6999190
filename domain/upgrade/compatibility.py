"""Whether the modules that an environment has may run on a version of SEI.

An old module on a new core breaks pages (`sei.md` 7), so what nobody declared compatible is refused.
"""

from collections.abc import Mapping

from domain.upgrade.modules import Module, ModuleTable
from domain.upgrade.versions import is_version


def incompatibilities(sei_version: str, installed: Mapping[str, str | None], table: ModuleTable) -> list[str]:
    """Why these modules (code to version, None when unknown) refuse this version of SEI; empty when all take it."""
    return [
        problem
        for code, version in sorted(installed.items())
        if (problem := _problem(sei_version, code, version, table.find(code)))
    ]


def supports(module: Module, module_version: str, sei_version: str) -> bool:
    """Whether this version of the module was published for this version of SEI."""
    return any(
        module_version in entry.module and any(sei_version in span for span in entry.sei)
        for entry in module.compatibility
    )


def _problem(sei_version: str, code: str, version: str | None, module: Module | None) -> str | None:
    if module is None:
        return f"o módulo {code} não está no catálogo de módulos"
    if not module.compatibility:
        return f"{module.name}: não há compatibilidade conferida com versão alguma do SEI"
    if version is None or not is_version(version):
        return f"{module.name}: a versão instalada não é conhecida"
    if supports(module, version, sei_version):
        return None
    fitting = [entry.module.told for entry in module.compatibility if any(sei_version in span for span in entry.sei)]
    told = f"use {' ou '.join(fitting)}" if fitting else "nenhuma versão dele declara que serve"
    return f"{module.name} {version} não serve ao SEI {sei_version}: {told}"
