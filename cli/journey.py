"""A journey as a table."""

from rich.table import Table

from cli.output import out
from domain.report import Journey


def print_journey(journey: Journey) -> None:
    """Print one run: each stage, what it did, how long it took, and what is waited for."""
    table = Table(title=f"Implantação de {journey.municipality}", title_justify="left", header_style="bold")
    for heading, justify in (("Etapa", "left"), ("Onde", "left"), ("O que foi feito", "left"), ("Duração", "right")):
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for stage in journey.stages:
        done = "[yellow]aguardando[/]" if stage.waiting_for else str(stage.change)
        table.add_row(stage.stage.label, stage.subject, done, f"{stage.seconds:.1f} s")
    out.print(table)
    for reason in journey.waiting_for:
        out.print(f"[yellow]Aguardando:[/] {reason}")
