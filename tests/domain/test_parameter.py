"""Parameters and schedules of the catalogue, for one environment."""

import pytest
from pydantic import ValidationError

from blocks.catalog import Catalog
from domain.environment import Purpose
from domain.parameter import Parameter, parameter_values

FACTS = {"remetente": "sei@x.example", "uf": "mg", "upload_mb": "110"}
SEI = Catalog().parameters().sei


def test_values_speak_of_the_environment_and_its_purpose() -> None:
    values = {purpose: parameter_values(SEI, purpose, FACTS, live=False) for purpose in Purpose}
    for found in values.values():
        assert found["SEI_EMAIL_SISTEMA"] == "sei@x.example"
        assert found["SEI_SUFIXO_EMAIL"] == ".mg.gov.br"
        assert found["SEI_TAM_MB_DOC_EXTERNO"] == "110"
    warning = "SEI_MSG_AVISO_CADASTRO_USUARIO_EXTERNO"
    assert "ambiente de treinamento" in values[Purpose.TREINAMENTO][warning]
    assert warning not in values[Purpose.PRODUCAO], "in production the text is the prefeitura's"


def test_a_live_prefeitura_decides_what_was_only_a_beginning() -> None:
    before = parameter_values(SEI, Purpose.PRODUCAO, FACTS, live=False)
    after = parameter_values(SEI, Purpose.PRODUCAO, FACTS, live=True)
    assert before.keys() - after.keys() == {parameter.name for parameter in SEI if parameter.initial}
    assert "SEI_TAM_MB_DOC_EXTERNO" in after


def test_a_parameter_without_a_value_or_with_an_unknown_fact_is_refused() -> None:
    with pytest.raises(ValidationError, match="não tem valor"):
        Parameter(name="SEI_X", reason="Por quê.")
    with pytest.raises(ValidationError, match=r"\{prefeito\} não existe: use remetente, uf, upload_mb"):
        Parameter(name="SEI_X", value="{prefeito}", reason="Por quê.")


def test_a_task_keeps_its_hours_in_a_version_that_the_catalogue_does_not_know() -> None:
    rule = next(rule for rule in Catalog().schedules().sei if rule.command.endswith("confirmarPublicacaoInterna"))
    assert (rule.of("4.0.12").when, rule.of("4.1.1").when) == ("0", "00:00,01:00")
    unknown = rule.of("5.0.0")
    assert (unknown.active, unknown.periodicity, unknown.when) == (True, None, None)
