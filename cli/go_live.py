"""`./implanta go-live check|schedule|undo`: what keeps a prefeitura from production, its day, and the way back."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.output import JsonOption, errors_as_lines, out, print_json, talk

if TYPE_CHECKING:
    from domain.go_live import GoLiveVerdict

app = typer.Typer(no_args_is_help=True)

Slug = Annotated[str, typer.Argument(help="Nome curto do município (timoteo).")]
_COLORS = {"passed": "green", "failed": "red", "waived": "yellow"}


@app.command("check")
def check(municipality: Slug, as_json: JsonOption = False) -> None:
    """Confere agora cada item da lista de verificação; sai com 30 se algum impede a entrada em produção.

    Exemplo: ./implanta go-live check timoteo
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from domain.environment import EnvironmentName, Purpose
        from domain.errors import GateClosedError
        from tasks.closing import closing_of
        from tasks.go_live import OPEN_ALREADY, run_checklist
        from tasks.history import exclusive
        from tasks.instance import load_instance
        from tasks.live import is_open

        environment = EnvironmentName(municipality=municipality, purpose=Purpose.PRODUCAO).slug
        instance = load_instance(environment)
        if is_open(instance):
            raise GateClosedError(
                OPEN_ALREADY.removesuffix("."), environment, "Confira-a com ./implanta environment verify."
            )
        with (
            talk.status("Conferindo a lista; a cópia restaurada e o teste de uso levam alguns segundos"),
            exclusive(municipality, 0),  # an implantation copies and tries the same environment
        ):
            verdict = run_checklist(instance)
        closing = closing_of(instance)
    if as_json:
        closed = closing.model_dump(mode="json") if closing else None
        print_json({"environment": environment, **verdict.model_dump(mode="json"), "closing": closed})
    else:
        _print(environment, verdict)
        if closing:
            out.print(escape(closing.reopening(environment)), highlight=False)
    if closing or not verdict.ready:
        raise typer.Exit(GateClosedError.exit_code)


def _print(environment: str, verdict: "GoLiveVerdict") -> None:
    table = Table(title=f"Entrada em produção · {environment}", title_justify="left", header_style="bold")
    table.add_column("Item", ratio=2)
    table.add_column("Resultado")
    table.add_column("Evidência", ratio=3)
    for line in verdict.lines:
        result = f"[{_COLORS[line.result]}]{line.result.label}[/]" if line.result else "não verificado"
        table.add_row(line.title, result, line.evidence)
    out.print(table)
    out.print("[bold]Pronta.[/]" if verdict.ready else f"[bold]Faltam {len(verdict.reasons)} item(ns).[/]")


@app.command("schedule")
def schedule(
    municipality: Slug,
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="O dia, como 2027-04-05.")],
    as_json: JsonOption = False,
) -> None:
    """Marca ou remarca o dia da entrada em produção e põe na fila o aviso, com convite de agenda.

    Exemplo: ./implanta go-live schedule timoteo 2097-04-05
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.announcements import announce_go_live

        change = announce_go_live(municipality, day.date())
    if as_json:
        print_json({"municipality": municipality, "day": day.date().isoformat(), "change": change.model_dump()})
        return
    what = "já estava marcada" if not change.total else "remarcada" if change.updated else "marcada"
    out.print(f"Entrada em produção {what}: {day:%d/%m/%Y}.", highlight=False)


@app.command("undo")
def undo(
    municipality: Slug,
    role: Annotated[str, typer.Option("--role", help="Papel de quem pede, como está nos contatos: ponto focal.")],
    reason: Annotated[str, typer.Option("--reason", help="Motivo, que fica registrado; sem nomes de pessoas.")],
    as_json: JsonOption = False,
) -> None:
    """Desfaz a entrada em produção enquanto ninguém criou nada nela.

    Exemplo: ./implanta go-live undo timoteo --role 'ponto focal' --reason 'Data adiada pelo ofício 14/2026'
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.undo_go_live import undo_go_live

        with talk.status("Fechando a produção"), explaining_failures():
            steps = undo_go_live(municipality, role, reason)
    if as_json:
        print_json({"municipality": municipality, "steps": [step.model_dump(mode="json") for step in steps]})
        return
    for step in steps:
        out.print(f"{step.name}: {step.change}")
    out.print(f"{municipality}: a produção está fechada, como antes da entrada.")
