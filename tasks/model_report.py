"""What the Prefect UI shows of document models."""

from datetime import date

from domain.document_model.drift import FleetDrift
from domain.document_model.plan import PlanReport
from tasks.inspection import publish_markdown
from tasks.step import step


@step("resultado do modelo")
def publish_plan(environment: str, plan: PlanReport, verdict: str) -> None:
    """Publish a plan as one table, its entries with where the catalog decides them."""
    lines = [
        f"# {environment}: {verdict}",
        "",
        f"{len(plan.steps)} itens diferem, {plan.unchanged} estão como declarados.",
    ]
    if plan.changes:
        lines += ["", "| Item | Decidido em |", "|---|---|"]
        lines += [f"| {_cell(entry.told)} | {entry.source or 'retirado do catálogo'} |" for entry in plan.changes]
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


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
