"""Releases and modules of the tests."""

from domain.upgrade.complexity import Complexity
from domain.upgrade.modules import ModuleTable
from domain.upgrade.release import Release, ReleaseTable, Upgrade


def make_release(
    code: str = "4.1.0", *, sei: str = "4.1.1", sip: str = "3.1.1", upgrades: tuple[Upgrade, ...] = ()
) -> Release:
    return Release(
        code=code,
        complexity=Complexity.HIGH,
        sei_version=sei,
        sip_version=sip,
        resources_version=code,
        upgrades=upgrades,
    )


def make_releases() -> ReleaseTable:
    return ReleaseTable(
        default="4.1.0", releases=(make_release("4.0.0", sei="4.0.0", sip="3.0.0"), make_release("4.1.0"))
    )


def make_modules() -> ModuleTable:
    return ModuleTable.model_validate(
        {
            "modulos": [
                {
                    "codigo": "pen",
                    "nome": "Tramita",
                    "parametro": "VERSAO_MODULO_PEN",
                    "fonte": "teste",
                    "compatibilidade": [
                        {
                            "modulo": {"de": "3.7.0", "ate": "3.7.0"},
                            "sei": [{"de": "4.0.0", "ate": "4.0.12"}, {"de": "4.1.1", "ate": "4.1.4"}],
                        },
                        {"modulo": {"linha": "4.0"}, "sei": [{"linha": "5.0"}]},
                    ],
                },
                {"codigo": "atos", "nome": "Atos", "fonte": "teste"},
            ]
        }
    )
