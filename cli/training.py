"""`./implanta training status|missing|class`: how far a prefeitura's people are, and who is still to finish what."""

from pathlib import Path
from typing import Annotated

import typer

from cli import training_class
from cli.municipality import open_registry
from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json

app = typer.Typer(no_args_is_help=True)
app.add_typer(
    training_class.app, name="class", help="Turmas: marcadas, remarcadas e canceladas, com convite de agenda."
)

Slug = Annotated[str, typer.Argument(help="Nome curto do município (timoteo).")]


@app.command("status")
def status(municipality: Slug, as_json: JsonOption = False) -> None:
    """Mostra o portão da capacitação como está hoje, por unidade. Exemplo: ./implanta training status timoteo"""
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.training import ensure_training_record, judge_record, judge_training_gate

        found = open_registry().find_municipality(municipality)
        ensure_training_record.fn(found.slug)
        gate, judged = judge_training_gate(found.slug), judge_record(found)
    units = judged[1].units if judged else ()
    if as_json:
        print_json(
            {
                "slug": found.slug,
                "open": not gate.reasons,
                "reasons": gate.reasons,
                "facts": gate.facts,
                "units": [line.model_dump() for line in units],
            }
        )
        return
    if units:
        columns = {
            "unidade": "Unidade",
            "users": "Usuários",
            "trained": "Capacitados",
            "administrators": "Administradores",
            "trained_administrators": "deles capacitados",
            "falta": "",
        }
        rows = [line.model_dump() | {"falta": "" if line.enough else "falta gente"} for line in units]
        as_rows(rows, columns, f"Capacitação · {found.name}")
    for fact in gate.facts:
        out.print(fact, highlight=False)
    for reason in gate.reasons:
        out.print(f"[bold]Fechado:[/] {reason}", highlight=False)
    if not gate.reasons:
        out.print("[bold]Portão aberto.[/]")


@app.command("missing")
def missing(
    municipality: Slug,
    target: Annotated[Path, typer.Option("--to", help="Arquivo XLSX que será criado, só para o dono da conta.")],
    as_json: JsonOption = False,
) -> None:
    """Escreve quem ainda não concluiu o quê, por nome, para a prefeitura.

    Exemplo: ./implanta training missing timoteo --to faltam.xlsx
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from blocks.private_files import replace_private_file
        from blocks.training_sheet import missing_sheet
        from tasks.training import missing_people

        found = open_registry().find_municipality(municipality)
        people = list(missing_people(found))
        replace_private_file(target, missing_sheet(people))
    if as_json:
        print_json({"slug": found.slug, "missing": len(people), "file": str(target)})
        return
    out.print(f"{len(people)} pessoas que faltam, em {target}: mande à prefeitura e apague o arquivo.")
