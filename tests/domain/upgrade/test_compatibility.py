"""A module that nobody declared compatible with a version of SEI keeps it out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks.catalog import Catalog
from domain.upgrade.compatibility import incompatibilities
from domain.upgrade.modules import ModuleTable
from tests.domain.upgrade.examples import make_modules


@pytest.mark.parametrize(
    ("sei", "version", "problem"),
    [
        ("4.0.12", "3.7.0", None),
        ("4.1.4", "3.7.0", None),
        ("5.0.3", "4.0.2", None),
        ("4.0.12.15", "3.7.0", "Tramita 3.7.0 não serve ao SEI 4.0.12.15: nenhuma versão dele declara que serve"),
        ("4.1.0", "3.7.0", "Tramita 3.7.0 não serve ao SEI 4.1.0: nenhuma versão dele declara que serve"),
        ("5.0.3", "3.7.0", "Tramita 3.7.0 não serve ao SEI 5.0.3: use 4.0.x"),
        ("5.0.3", None, "Tramita: a versão instalada não é conhecida"),
        ("5.0.3", "quatro", "Tramita: a versão instalada não é conhecida"),
    ],
)
def test_a_version_of_a_module_is_for_some_versions_of_sei(sei: str, version: str | None, problem: str | None) -> None:
    assert incompatibilities(sei, {"pen": version}, make_modules()) == ([problem] if problem else [])


def test_what_nobody_verified_and_what_nobody_knows_are_refused() -> None:
    assert incompatibilities("4.1.1", {"xpto": "1.0.0", "atos": "1.0.0"}, make_modules()) == [
        "Atos: não há compatibilidade conferida com versão alguma do SEI",
        "o módulo xpto não está no catálogo de módulos",
    ]
    assert incompatibilities("4.1.1", {}, make_modules()) == []


@given(st.dictionaries(st.sampled_from([module.code for module in Catalog().modules().modules]), st.none()))
def test_one_more_module_never_makes_a_version_possible(installed: dict[str, None]) -> None:
    refused = incompatibilities("4.1.1", installed, Catalog().modules())
    assert len(refused) == len(installed)


def test_the_published_matrix_is_the_one_that_was_agreed() -> None:
    table = Catalog().modules()
    assert incompatibilities("4.1.1", {"pen": "3.7.0", "wssei": "2.2.0", "estatisticas": "2.0.1"}, table) == []
    assert incompatibilities("4.0.12.15", {"estatisticas": "2.0.1"}, table) == []
    assert len(incompatibilities("5.0.0", {"pen": "3.7.0", "wssei": "2.2.0", "estatisticas": "2.0.1"}, table)) == 2


def test_two_modules_may_not_share_a_parameter() -> None:
    one = {"codigo": "a", "nome": "A", "parametro": "X_VERSAO", "fonte": "teste"}
    with pytest.raises(ValidationError, match="o parâmetro X_VERSAO aparece duas vezes"):
        ModuleTable.model_validate({"modulos": [one, one | {"codigo": "b"}]})
