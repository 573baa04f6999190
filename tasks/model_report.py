"""What the Prefect UI shows of document models."""

from datetime import date

from domain.calendar import local_moment
from domain.document_model.drift import FleetDrift
from domain.document_model.plan import PlanReport
from domain.document_model.verdict import FleetVerdict, ModelVerdict
from domain.report import table_cell
from tasks.inspection import publish_markdown
from tasks.step import step

_LISTED = 100


@step("resultado do modelo")
def publish_plan(environment: str, plan: PlanReport, verdict: str) -> None:
    """Publish a plan as one table, its entries with where the catalog decides them."""
    lines = [
        f"# {environment}: {verdict}",
        "",
        f"{len(plan.changes)} itens diferem, {len(plan.steps) - len(plan.changes)} diferem e ficam como a prefeitura os"
        f" tem, {plan.unchanged} estão como declarados.",
    ]
    if plan.changes:
        lines += ["", "| Item | Decidido em |", "|---|---|"]
        lines += [f"| {table_cell(entry.told)} | {entry.source or 'retirado do catálogo'} |" for entry in plan.changes]
    publish_markdown(f"modelo-{environment}", lines, f"Modelo de documentos de {environment}")


@step("resultado do desvio")
def publish_drift(day: date, fleet: FleetDrift) -> None:
    """Publish one line an environment, then every difference."""
    lines = [
        "# Modelo de documentos da frota",
        "",
        "| Ambiente | Faltam | Mudaram | Da prefeitura | Locais | Conformes |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {report.environment} | {len(report.missing)} | {len(report.changed)} | {len(report.kept)}"
        f" | {len(report.local)} | {report.unchanged} |"
        for report in fleet.reports
    ]
    lines += ["", *(f"- **{name}**: {why}" for name, why in fleet.failures.items())]
    for report in fleet.reports:
        told = [*report.missing, *report.changed]
        if told:
            lines += ["", f"## {report.environment}", "", *(f"- {line}" for line in told)]
    publish_markdown("modelo-da-frota", lines, f"Modelo de documentos da frota em {day:%d/%m/%Y}")


@step("resultado da validação")
def publish_verdict(environment: str, verdict: ModelVerdict) -> None:
    """Publish one line a suite, then every entry that breaks a rule: the programme's first."""
    lines = [
        f"# {environment}: {'modelo válido' if verdict.passed else 'modelo com problemas'}",
        "",
        f"{verdict.rules} regras em {len(verdict.suites)} conjuntos, em {local_moment(verdict.judged_at)}.",
        "",
        "| | O que se confere | Itens em uso | Regras | Não cumprem | Locais |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {'✔' if suite.passed else '✖'} | {suite.label} | {suite.rows} | {len(suite.rules)}"
        f" | {suite.broken} | {suite.local} |"
        for suite in verdict.suites
    ]
    for title, told in (("O que corrigir", verdict.problems), ("Itens que não são do programa", verdict.remarks)):
        if told:
            lines += ["", f"## {title}", "", *(f"- {sentence}" for sentence in told[:_LISTED])]
        if len(told) > _LISTED:
            lines += [f"- … e mais {len(told) - _LISTED}"]
    publish_markdown(f"validacao-do-modelo-{environment}", lines, f"Validação do modelo de {environment}")


@step("resultado da validação")
def publish_fleet_verdict(day: date, fleet: FleetVerdict) -> None:
    """Publish one line an environment, those that did not pass first."""
    lines = [
        "# Validação dos modelos da frota",
        "",
        "| | Ambiente | Regras | Não cumprem | Locais |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {'✔' if verdict.passed else '✖'} | {verdict.environment} | {verdict.rules} | {len(verdict.problems)}"
        f" | {len(verdict.remarks)} |"
        for verdict in sorted(fleet.verdicts, key=lambda verdict: (verdict.passed, verdict.environment))
    ]
    lines += ["", *(f"- **{name}**: {why}" for name, why in fleet.failures.items())]
    for verdict in fleet.verdicts:
        if not verdict.passed:
            lines += ["", f"## {verdict.environment}", "", *(f"- {told}" for told in verdict.problems[:_LISTED])]
    publish_markdown("validacao-dos-modelos", lines, f"Validação dos modelos da frota em {day:%d/%m/%Y}")
