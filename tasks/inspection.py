"""What the Prefect UI shows of inspections and of segregation."""

from collections.abc import Sequence
from datetime import date

from prefect.artifacts import create_markdown_artifact
from slugify import slugify

from blocks.settings import load_settings
from domain.inspection import FleetInspection, Inspection
from domain.report import table_cell
from domain.segregation import FleetSegregation
from tasks.prefect_errors import explaining_prefect
from tasks.step import step


@step("resultado da conferência")
def publish_inspection(environment: str, inspection: Inspection) -> None:
    """Publish what differs and what was proved, as one table and one list."""
    verdict = "confere" if not (inspection.drifted or inspection.problems) else "difere do declarado"
    lines = [f"# {environment}: {verdict}", ""]
    if inspection.drifted:
        lines += [*_table_of(inspection), ""]
    lines += [f"- **{problem}**" for problem in inspection.problems]
    lines += [f"- {fact}" for fact in inspection.facts]
    publish_markdown(f"conferencia-{environment}", lines, f"Conferência de {environment}")


@step("resultado dos desvios")
def publish_fleet_inspection(day: date, fleet: FleetInspection) -> None:
    """Publish how many are as declared, who could not be compared, then what differs in each of the others."""
    title = "Desvio dos ambientes"
    drifted, left_out = fleet.drifted, [one for one in fleet.inspections if not one.steps]
    as_declared, without = len(fleet.inspections) - len(drifted) - len(left_out), len(left_out) + len(fleet.failures)
    lines = [f"# {title}", "", f"{as_declared} conferem, {len(drifted)} diferem, {without} não foram comparados.", ""]
    lines += [f"- **{name}**: {why}" for name, why in fleet.failures.items()]
    lines += [f"- **{one.environment}**: {'; '.join(one.facts)}" for one in left_out]
    for one in drifted:
        lines += ["", f"## {one.environment}", "", *_table_of(one)]
    publish_markdown("desvio-dos-ambientes", lines, f"{title} em {day:%d/%m/%Y}")


def _table_of(inspection: Inspection) -> list[str]:
    rows = [(result.name, "; ".join(result.change.details) or str(result.change)) for result in inspection.drifted]
    return ["| Passo | O que mudaria |", "|---|---|", *(f"| {name} | {table_cell(what)} |" for name, what in rows)]


@step("resultado da segregação")
def publish_segregation(day: date, fleet: FleetSegregation) -> None:
    """Publish one line an environment, then every attempt that was not answered as it should be."""
    title = "Segregação da frota"
    lines = [f"# {title}", "", "| Ambiente | Vizinho | Tentativas recusadas | Abertas |", "|---|---|---|---|"]
    lines += [
        f"| {report.environment} | {report.neighbour or '—'} | {report.refused} | {len(report.open_doors)} |"
        for report in fleet.reports
    ]
    lines += ["", *(f"- **{problem}**" for problem in fleet.problems())]
    publish_markdown("segregacao", lines, f"{title} em {day:%d/%m/%Y}")


def publish_markdown(key: str, lines: Sequence[str], description: str) -> None:
    """Publish an artifact; each new one of a key is shown as its newest version."""
    with explaining_prefect(load_settings().prefect_api_url):
        create_markdown_artifact(key=slugify(key), markdown="\n".join(lines), description=description)
