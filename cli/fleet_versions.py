"""`./implanta upgrade map|incident`: who has which version, and which environment is in trouble."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import JsonOption, errors_as_lines, out, print_json, print_markdown, write_file


def incident(
    environment: Annotated[str, typer.Argument(help="Ambiente (timoteo-producao).")],
    role: Annotated[str, typer.Option("--role", help="Equipe ou papel de quem registra (suporte); nunca o nome.")],
    reason: Annotated[str, typer.Option("--reason", help="O que há, que fica registrado; sem nomes de pessoas.")],
    over: Annotated[bool, typer.Option("--over", help="O incidente acabou.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Registra um incidente de um ambiente, ou o fim dele: com um aberto no estado, ninguém mais é atualizado.

    \b
    Exemplo: ./implanta upgrade incident timoteo-producao --role suporte --reason 'Lentidão na assinatura'
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.incidents import close_incident, open_incident, open_incidents

        change = (close_incident if over else open_incident)(environment, role, reason)
        number = open_incidents()[environment]
    if as_json:
        print_json({"environment": environment, "open": number, "change": change.model_dump(mode="json")})
        return
    out.print(f"{environment}: {number} incidente(s) aberto(s).", highlight=False)


def show_map(
    target: Annotated[Path | None, typer.Option("--to", help="Grava a figura (.png).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Mostra que versão cada ambiente tem, quanto está atrás do estado, o que não combina e o que difere da referência.

    \b
    Exemplo: ./implanta upgrade map
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.version_map import version_map

        found = version_map()
        if target:
            from blocks.version_picture import draw_versions

            write_file(target, draw_versions(found))
    if as_json:
        print_json(found.model_dump(mode="json") | {"counts": found.counts})
        return
    print_markdown(found.markdown())
