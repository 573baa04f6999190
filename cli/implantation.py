"""`./implanta implant`: run the implantation of one municipality here and now."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import JsonOption, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from domain.report import Journey


def run_implantation(municipality: str, wait_seconds: int = 0) -> "Journey":
    """Run the flow in this process, recorded by the Prefect server like any other run, after one that is going on.

    Raises:
        ImplantaError: as the failing step raised it.
        RetryableError: the Prefect server failed.
    """
    from cli.prefect import explaining_failures
    from flows.implantation import implantation

    with explaining_failures():
        return implantation(municipality, wait_seconds)


def implant(
    municipality: Annotated[str, typer.Argument(help="Nome curto do município (timoteo).")],
    as_json: JsonOption = False,
) -> None:
    """Executa a implantação até onde os portões permitem. Exemplo: ./implanta implant timoteo

    Termina com 0 se a prefeitura está em produção e com 30 se aguarda alguém.
    """
    from cli.journey import print_journey

    with errors_as_lines():
        from cli.prefect import connect

        connect()
        journey = run_implantation(municipality)
    if as_json:
        print_json({**journey.model_dump(mode="json"), "waiting_for": list(journey.waiting_for)})
    else:
        print_journey(journey)
    if journey.waiting_for:
        from domain.errors import GateClosedError

        out.print("")
        raise typer.Exit(GateClosedError.exit_code)
