"""What the Prefect UI shows of imports of users."""

from domain.report import table_cell
from domain.users_report import UsersReport
from tasks.inspection import publish_markdown
from tasks.step import step

SHOWN_STEPS = 200


@step("resultado dos usuários")
def publish_users(environment: str, report: UsersReport) -> None:
    """Publish what is done or planned: counts, reasons to wait, the rows that go back, then person by person."""
    title = f"{environment}: {'usuários aplicados' if report.batch else 'plano dos usuários'}"
    lines = [f"# {title}", "", f"{report.summary()[0].upper()}{report.summary()[1:]}.", ""]
    if report.batch:
        lines += [f"Lote `{report.batch}`. Para desfazer: `./implanta users undo {environment} {report.batch}`.", ""]
    lines += [f"- **{reason}**" for reason in report.waiting_for]
    if report.refusals:
        lines += ["", f"Linhas que voltam para correção, em `{report.returned}`:" if report.returned else "", ""]
        lines += _table("Linha e motivo", report.refusals)
    if report.remarks:
        lines += ["", *_table("Observação", report.remarks)]
    if report.told:
        lines += ["", *_table("O que muda", report.told)]
    publish_markdown(f"usuarios-{environment}", lines, title)


def _table(heading: str, sentences: tuple[str, ...]) -> list[str]:
    lines = [f"| {heading} |", "|---|"]
    lines += [f"| {table_cell(sentence)} |" for sentence in sentences[:SHOWN_STEPS]]
    if len(sentences) > SHOWN_STEPS:
        lines.append(f"| … e mais {len(sentences) - SHOWN_STEPS} |")
    return lines
