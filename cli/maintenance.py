"""`./implanta environment maintenance`: an operator keeps the public out, or lets it in again."""

from enum import StrEnum
from typing import Annotated

import typer

from cli.output import JsonOption, errors_as_lines, out, print_json


class Switch(StrEnum):
    """What is typed; `domain` is not imported before a command runs."""

    ON = "on"
    OFF = "off"


def maintenance(
    target: Annotated[str, typer.Argument(help="Nome do ambiente (timoteo-producao).")],
    switch: Annotated[
        Switch, typer.Argument(help="on fecha o ambiente ao público; off deixa o público entrar de novo.")
    ],
    role: Annotated[str, typer.Option("--role", help="Equipe ou papel de quem decide (infraestrutura); nunca o nome.")],
    reason: Annotated[str, typer.Option("--reason", help="Motivo, que fica registrado; sem nomes de pessoas.")],
    as_json: JsonOption = False,
) -> None:
    """Fecha um ambiente ao público, com a página de manutenção, ou o reabre depois de conferir que ele atende.

    \b
    Exemplo: ./implanta environment maintenance timoteo-producao on --role infraestrutura --reason 'Troca de disco'
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from domain.maintenance import Door
        from flows.maintenance import maintenance as run
        from tasks.maintenance import require_impersonal

        require_impersonal(target, role, reason)  # before Prefect keeps it beside the run
        with explaining_failures():
            report = run(target, Door(switch.value), role, reason)
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    if report.closing is None:
        out.print(f"{target}: sem fechamento; {report.change}", highlight=False)
    else:
        out.print(f"{target}: {report.closing.told}; {report.change}", highlight=False)
