"""The document model as an operator handles it, on the environments that the demo made."""

import json
from pathlib import Path

import pytest

from domain.document_model.model import BASE
from domain.errors import IntegrityError
from flows.check_models import check_models
from flows.validate_models import validate_models
from registry import Registry
from tasks.document_model import apply_document_model, inspect_document_model
from tasks.instance import Instance, load_instance
from tasks.model_validation import VALIDATED, require_valid_model, validate_document_model
from tests.cli.conftest import CommandLine
from tests.cli.examples import example_of

pytestmark = pytest.mark.timeout(900)  # the first one waits for two whole demos

TARGET = "timoteo-treinamento"


@pytest.fixture
def cli(fleet: Registry) -> CommandLine:
    assert fleet
    return CommandLine()


@pytest.fixture
def instance(fleet: Registry) -> Instance:
    assert fleet
    return load_instance(TARGET)


def execute(instance: Instance, statement: str, *values: str) -> int:
    with instance.server.transaction(instance.name.database_sei) as cursor:
        return int(cursor.execute(statement, values))


def test_after_the_demo_nothing_is_missing_and_the_plan_is_empty(cli: CommandLine) -> None:
    plan = json.loads(cli.run(*example_of("seed plan"), "--json").stdout)
    assert [step for step in plan["steps"] if step["action"] != "manter"] == []
    assert plan["unchanged"] > 900
    assert plan["local"] == {}


def test_what_somebody_changed_is_planned_told_and_put_back_by_exactly_that_plan(
    cli: CommandLine, instance: Instance
) -> None:
    assert execute(instance, "UPDATE tarja_assinatura SET texto = 'rasurada' WHERE sta_tarja_assinatura = 'S'") == 1
    shown = cli.run(*example_of("seed plan"))
    assert shown.exit_code == 0
    assert "rasurada" in shown.stdout
    digest = json.loads(cli.run("seed", "plan", TARGET, "--json").stdout)["digest"]
    assert digest[:12] in shown.stdout
    execute(instance, "UPDATE tipo_conferencia SET sin_ativo = 'N' WHERE descricao = 'Cópia Simples'")
    told = cli.refuse("seed", "apply", TARGET, "--plan", digest[:12], exit_code=30)
    assert "O plano mudou desde que foi mostrado" in told
    applied = cli.run(*example_of("seed apply"))
    assert (applied.exit_code, applied.stderr) == (0, "")
    again = json.loads(cli.run(*example_of("seed apply"), "--json").stdout)
    assert [step for step in again["steps"] if step["action"] != "manter"] == []


def test_every_value_says_where_it_comes_from(cli: CommandLine) -> None:
    (found, *_) = json.loads(cli.run(*example_of("seed explain"), "--json").stdout)
    assert {line["layer"] for line in found["lines"]} >= {BASE}
    assert any("catalog/document_model/base/" in line["source"] for line in found["lines"])
    assert "De onde vem" in cli.run(*example_of("seed explain")).stdout
    assert "Nenhum item do modelo se chama" in cli.refuse("seed", "explain", TARGET, "Teletransporte")


def test_an_environment_is_exported_into_a_folder_of_its_own_only(cli: CommandLine, tmp_path: Path) -> None:
    instead = {"./modelo-timoteo": str(tmp_path / "modelo")}
    outcome = cli.run(*example_of("seed export", instead))
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert (tmp_path / "modelo" / "tipos_procedimento.yaml").read_text(encoding="utf-8").startswith("# Exportado de")
    assert "A pasta já tem arquivos do modelo" in cli.refuse(*example_of("seed export", instead))


def test_the_fleets_drift_names_what_is_missing_changed_and_local(cli: CommandLine, instance: Instance) -> None:
    assert cli.run(*example_of("seed drift")).exit_code == 0
    execute(instance, "UPDATE tarja_assinatura SET texto = 'rasurada' WHERE sta_tarja_assinatura = 'S'")
    execute(instance, "INSERT INTO tipo_conferencia VALUES (900, 'Carimbo da casa', 'S')")
    try:
        fleet = check_models()
        (mine,) = [report for report in fleet.reports if report.environment == TARGET]
        assert fleet.failures == {}
        assert len(mine.changed) == 1
        assert "alterado nesta instância" in mine.changed[0]
        assert mine.local == ("tipos_conferencia: Carimbo da casa",)
        others = [report for report in fleet.reports if report.environment.startswith(("timoteo-p", "rio-doce-"))]
        assert others
        assert not any(report.drifted for report in others)
    finally:
        execute(instance, "DELETE FROM tipo_conferencia WHERE id_tipo_conferencia = 900")
        assert cli.run("seed", "apply", TARGET).exit_code == 0
    assert not inspect_document_model.fn(TARGET).drifted


def test_an_instance_is_judged_by_every_rule_and_what_breaks_one_is_named(
    cli: CommandLine, fleet: Registry, instance: Instance
) -> None:
    assert cli.run(*example_of("seed apply")).exit_code == 0
    judged = json.loads(cli.run(*example_of("seed verify"), "--json").stdout)
    assert [suite for suite in judged["suites"] if any(rule["broken"] for rule in suite["rules"])] == []
    assert {"tipos_procedimento", "series", "assuntos", "unidades", "contadores"} <= {
        suite["name"] for suite in judged["suites"]
    }
    assert "Validação do modelo" in cli.run(*example_of("seed verify")).stdout
    execute(instance, "UPDATE tarja_assinatura SET texto = '' WHERE sta_tarja_assinatura = 'S'")
    refused = cli.run(*example_of("seed verify"))
    assert refused.exit_code == 40
    assert "tarja 'assinatura_senha' não cumpre: tem texto" in refused.stdout
    assert "não passou na validação" in refused.stderr
    with pytest.raises(IntegrityError, match="timoteo-treinamento: 1 ponto"):
        validate_models()
    kept = fleet.newest_event(VALIDATED, ibge=instance.municipality.ibge, environment=TARGET)
    assert kept is not None
    assert kept.details["passed"] is False
    assert kept.details["problems"] == ["tarja 'assinatura_senha' não cumpre: tem texto"]
    assert cli.run(*example_of("seed apply")).exit_code == 0
    assert cli.run(*example_of("seed verify")).exit_code == 0
    assert validate_models().failures == {}


def test_the_lifecycle_judges_a_model_once_for_each_that_was_applied(fleet: Registry, instance: Instance) -> None:
    ibge = instance.municipality.ibge
    require_valid_model(TARGET)
    judged = fleet.newest_event(VALIDATED, ibge=ibge, environment=TARGET)
    require_valid_model(TARGET)
    assert fleet.newest_event(VALIDATED, ibge=ibge, environment=TARGET) == judged
    execute(instance, "UPDATE tarja_assinatura SET texto = '' WHERE sta_tarja_assinatura = 'S'")
    assert not validate_document_model(TARGET).passed
    with pytest.raises(IntegrityError, match="não passou na validação"):
        require_valid_model(TARGET)
    apply_document_model(TARGET)
    assert require_valid_model(TARGET).total == 0
