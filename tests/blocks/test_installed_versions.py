"""Which versions are installed is read from three places and from both databases, and never from a file."""

import pytest

from blocks.catalog import Catalog
from blocks.installed_versions import read_installed_versions
from domain.upgrade.versions import InstalledVersions, judge_versions
from tests.blocks.conftest import ENVIRONMENT, one_version
from tests.blocks.instance import Databases


def read(databases: Databases) -> InstalledVersions:
    return read_installed_versions(databases.server, ENVIRONMENT, Catalog().modules())


def problems_of(databases: Databases) -> list[str]:
    return judge_versions(read(databases), Catalog().releases())


def test_a_reference_agrees_with_itself(databases: Databases, version: str) -> None:
    found = read(databases)
    assert {found.sei, found.resources} == {version}
    assert found.sip and found.sip.startswith("3.")
    assert found.modules == ()
    assert problems_of(databases) == []


@one_version
@pytest.mark.parametrize(
    ("database", "change", "problem"),
    [
        ("sei", "UPDATE infra_parametro SET valor = '4.0.0' WHERE nome = 'SEI_VERSAO'", "o SEI ficou para trás"),
        ("sip", "UPDATE infra_parametro SET valor = '4.0.0' WHERE nome = 'SEI_VERSAO'", "o SIP ficou para trás"),
        ("sip", "UPDATE infra_parametro SET valor = '3.0.1' WHERE nome = 'SIP_VERSAO'", "pede o SIP da linha 3.1"),
        ("sip", "UPDATE infra_parametro SET valor = '' WHERE nome = 'SIP_VERSAO'", "SIP_VERSAO no SIP não existe"),
        ("sip", "DELETE FROM infra_parametro WHERE nome = 'SEI_VERSAO'", "SEI_VERSAO no SIP não existe"),
    ],
)
def test_a_place_that_was_left_behind_is_named(databases: Databases, database: str, change: str, problem: str) -> None:
    databases.rows(database, change)
    assert any(problem in told for told in problems_of(databases))


@one_version
def test_modules_are_found_under_every_name_and_compared(databases: Databases) -> None:
    for database, name, value in (
        ("sei", "VERSAO_MODULO_PEN", "3.7.0"),
        ("sip", "VERSAO_MODULO_PEN", "3.6.2"),
        ("sei", "VERSAO_MODULO_WSSEI", "2.2.0"),
        ("sei", "MD_LOGIN_UNICO", "1.0.0"),
        ("sip", "VERSAO_MODULO_DA_CASA", "1.0"),
    ):
        databases.rows(database, "INSERT INTO infra_parametro (nome, valor) VALUES (%s, %s)", (name, value))
    found = {module.parameter: (module.code, module.version) for module in read(databases).modules}
    assert found == {
        "VERSAO_MODULO_PEN": ("pen", None),
        "VERSAO_MODULO_WSSEI": ("wssei", "2.2.0"),
        "MD_LOGIN_UNICO": ("login-unico", "1.0.0"),
        "VERSAO_MODULO_DA_CASA": (None, "1.0"),
    }
    assert problems_of(databases) == ["o módulo pen é 3.7.0 no SEI e 3.6.2 no SIP"]
