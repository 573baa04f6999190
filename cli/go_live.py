"""`./implanta go-live schedule`: the day on which a prefeitura begins to work in production."""

from datetime import datetime
from typing import Annotated

import typer

from cli.output import JsonOption, errors_as_lines, out, print_json

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep the name of the only command."""


@app.command("schedule")
def schedule(
    municipality: Annotated[str, typer.Argument(help="Nome curto do município (timoteo).")],
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
