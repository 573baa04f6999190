"""What the Prefect UI shows of a prefeitura's units."""

from domain.report import table_cell
from domain.units_plan import TreeReport
from tasks.inspection import publish_markdown
from tasks.step import step


@step("resultado das unidades")
def publish_units(environment: str, plan: TreeReport, verdict: str) -> None:
    """Publish a plan as one table; addresses of mail are not in it."""
    lines = [
        f"# {environment}: {verdict}",
        "",
        f"{len(plan.changes)} unidades diferem da planilha, {plan.unchanged} estão como ela diz.",
    ]
    if plan.steps:
        lines += ["", "| Unidade | O que muda |", "|---|---|"]
        lines += [f"| {table_cell(step.sigla)} | {table_cell(step.told)} |" for step in plan.steps]
    publish_markdown(f"unidades-{environment}", lines, f"Unidades de {environment}")
