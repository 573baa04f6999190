"""A correction and a module's new version are releases too, and a release that contradicts itself does not build."""

import pytest
from pydantic import ValidationError

from domain.upgrade.complexity import Complexity
from domain.upgrade.release import Release, ReleaseKind, ReleaseTable, ScriptStep
from tests.domain.upgrade.examples import make_release

STEP = {"tipo": "script", "sistema": "sei", "caminho": "sei/scripts/a.php", "minutos": 2, "reversivel": False}
FIX = {
    "codigo": "4.1.0-correcao.1",
    "tipo": "correcao",
    "complexidade": "baixa",
    "atualizacoes": [
        {
            "de": ["4.1"],
            "passos": [
                {
                    "tipo": "sql",
                    "sistema": "sei",
                    "arquivo": "correcoes/menu.sql",
                    "sha256": "0" * 64,
                    "minutos": 1,
                    "reversivel": True,
                    "tabelas": ["serie"],
                },
                {
                    "tipo": "configuracao",
                    "grupo": "SEI",
                    "chave": "TamSenhaUsuarioExterno",
                    "valor": 10,
                    "minutos": 1,
                    "reversivel": True,
                },
                {"tipo": "reindexacao", "nucleos": ["protocolos"], "minutos": 90, "reversivel": True},
            ],
        }
    ],
}
MODULE = {
    "codigo": "pen-3.7.0",
    "tipo": "modulo",
    "complexidade": "media",
    "modulo": "pen",
    "versao_modulo": "3.7.0",
    "atualizacoes": [{"de": ["4.0", "4.1"], "passos": [STEP]}],
}


def test_a_correction_says_what_it_does_in_order_and_whether_it_can_be_undone() -> None:
    upgrade = Release.model_validate(FIX).upgrade_from("4.1.4")
    assert upgrade
    assert [step.told for step in upgrade.steps] == [
        "SQL correcoes/menu.sql no SEI",
        "configuração SEI.TamSenhaUsuarioExterno",
        "reindexação do Solr (protocolos)",
    ]
    assert (upgrade.minutes, upgrade.reversible, upgrade.tables) == (92, True, ("serie",))
    assert Release.model_validate(FIX).upgrade_from("4.0.12") is None


def test_a_module_is_a_release_with_scripts_of_its_own() -> None:
    release = Release.model_validate(MODULE)
    upgrade = release.upgrade_from("4.0.12.15")
    assert upgrade and isinstance(upgrade.steps[0], ScriptStep)
    assert upgrade.steps[0].needs_credentials
    assert not upgrade.reversible
    assert (release.kind, release.complexity, release.sei_line) == (ReleaseKind.MODULE, Complexity.MEDIUM, "")


def test_only_versions_of_sei_are_found_by_version() -> None:
    table = ReleaseTable(
        default="4.1.0",
        releases=(make_release("4.1.0"), Release.model_validate(FIX), Release.model_validate(MODULE)),
    )
    assert [release.code for release in table.core] == ["4.1.0"]
    assert table.find("pen-3.7.0") is None
    assert table.find("4.1.0-correcao.1") is None, "no number of SEI's own that an environment could be of"
    assert table.find_any("pen-3.7.0") == Release.model_validate(MODULE)
    with pytest.raises(ValidationError, match=r"a versão padrão 4\.0\.0 não está"):
        ReleaseTable(default="4.0.0", releases=table.releases)
    with pytest.raises(ValidationError, match=r"4\.1\.0 aparece mais de uma vez"):
        ReleaseTable(default="4.1.0", releases=(make_release("4.1.0"), make_release("4.1.0")))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tipo": "nucleo"}, "precisa de sei, sip e recursos"),
        ({"versao_modulo": None}, "modulo e versao_modulo são do tipo modulo"),
        ({"atualizacoes": []}, "não diz em que linhas se aplica"),
        ({"atualizacoes": [*MODULE["atualizacoes"], {"de": ["4.1"], "passos": [STEP]}]}, "dois caminhos"),
        ({"atualizacoes": [{"de": ["4.1"], "passos": []}]}, "passos"),
        ({"atualizacoes": [{"de": ["4.1"], "passos": [STEP | {"caminho": "../a.php"}]}]}, "caminho"),
        ({"atualizacoes": [{"de": ["4.1"], "passos": [STEP | {"minutos": 0}]}]}, "minutos"),
        ({"atualizacoes": [{"de": ["4.1"], "passos": [{**STEP, "tipo": "magia"}]}]}, "magia"),
    ],
)
def test_a_release_that_contradicts_itself_is_refused(change: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Release.model_validate(MODULE | change)


def test_a_correction_with_a_number_of_its_own_is_a_version_that_environments_are_of_and_none_are_born_in() -> None:
    numbered = Release.model_validate(FIX | {"codigo": "4.1.5", "sei": "4.1.5", "sip": "3.1.5"})
    table = ReleaseTable(default="4.1.0", releases=(make_release("4.1.0"), numbered))
    assert table.find("4.1.5") == numbered
    assert [release.code for release in table.core] == ["4.1.0"]
    with pytest.raises(ValidationError, match=r"a versão padrão 4\.1\.5 não está"):
        ReleaseTable(default="4.1.5", releases=table.releases)
