"""`./implanta upgrade`: one environment from its version to the next, tried on a copy first, and undone if it fails."""

from datetime import datetime
from typing import Annotated, Any

import typer

from cli.output import (
    JsonOption,
    ReasonOption,
    RoleOption,
    Target,
    as_rows,
    errors_as_lines,
    print_json,
    print_markdown,
    talk,
)

app = typer.Typer(no_args_is_help=True)

To = Annotated[str, typer.Option("--to", help="Versão de destino, como em release list (4.1.0).")]
Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", help="Diferença da referência que se aceita, por nome (sei.protocolo); repita."),
]
_MOMENT = ["%Y-%m-%d %H:%M"]


@app.command("run")
def run(
    environment: Target,
    to: To,
    role: RoleOption = None,
    reason: ReasonOption = None,
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", help="Nome do ambiente, digitado de novo, se é produção fora de janela anunciada."),
    ] = None,
    accept: Accept = None,
    window_from: Annotated[
        datetime | None, typer.Option("--from", formats=_MOMENT, help="Começo da janela anunciada (hora de Brasília).")
    ] = None,
    window_until: Annotated[
        datetime | None, typer.Option("--until", formats=_MOMENT, help="Fim da janela anunciada (hora de Brasília).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Atualiza um ambiente: fecha, guarda, executa os passos da versão, confere e reabre; se algo falha, desfaz tudo.

    \b
    Exemplo: ./implanta upgrade run timoteo-treinamento --to 4.1.0 --role infraestrutura --reason 'Versão nova'
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.upgrade_environment import upgrade_environment
        from tasks.instance import load_instance
        from tasks.maintenance import require_impersonal

        load_instance(environment)
        require_impersonal(environment, role or "", reason or "", *(accept or ()))  # before Prefect keeps it
        with talk.status("Atualizando"), explaining_failures():
            report = upgrade_environment(environment, to, role, reason, confirm, accept, window_from, window_until)
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    print_markdown(report.markdown())


@app.command("rehearse")
def rehearse(environment: Target, to: To, accept: Accept = None, as_json: JsonOption = False) -> None:
    """Ensaia a atualização em uma cópia restaurada do ambiente: quanto levaria e o que falharia; sai com 40 se falha.

    \b
    Exemplo: ./implanta upgrade rehearse timoteo-treinamento --to 4.1.0
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.rehearse_upgrade import rehearse_upgrade

        with talk.status("Ensaiando"), explaining_failures():
            record = rehearse_upgrade(environment, to, accept)
    if as_json:
        print_json(record.model_dump(mode="json"))
        return
    print_markdown(record.markdown(environment))


@app.command("history")
def history(environment: Target, as_json: JsonOption = False) -> None:
    """Lista as atualizações e os ensaios de um ambiente, com o que deu errado e onde está o que os scripts disseram.

    \b
    Exemplo: ./implanta upgrade history timoteo-treinamento
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from domain.calendar import local_moment
        from tasks.instance import load_any_instance
        from tasks.upgrade import list_logs
        from tasks.upgrading import list_upgrades, rehearsals_of

        instance = load_any_instance(environment)
        upgrades, rehearsals = list_upgrades(instance), rehearsals_of(instance)
        logs = {found.number: list_logs(instance, found) for found in upgrades}
    if as_json:
        print_json(
            {
                "upgrades": [
                    found.model_dump(mode="json") | {"result": found.result, "logs": list(logs[found.number])}
                    for found in upgrades
                ],
                "rehearsals": [record.model_dump(mode="json") for record in rehearsals],
            }
        )
        return
    rows: list[tuple[Any, dict[str, str]]] = [
        (
            found.begun_at,
            {
                "at": local_moment(found.begun_at),
                "what": f"{found.from_version} → {found.to_version}",
                "result": found.result,
                "backup": found.stamp,
                "why": f"{found.failure.step}: {found.failure.cause}" if found.failure else found.reason,
                "logs": logs[found.number][0].rpartition("/")[0] if logs[found.number] else "",
            },
        )
        for found in upgrades
    ]
    rows += [
        (
            record.at,
            {
                "at": local_moment(record.at),
                "what": f"ensaio da {record.release}",
                "result": "aprovado" if record.ok else "reprovado",
                "backup": record.stamp,
                "why": f"{record.failure.step}: {record.failure.cause}"
                if record.failure
                else f"{record.seconds:.0f} s",
                "logs": "",
            },
        )
        for record in rehearsals
    ]
    columns = {"at": "Quando", "what": "O que", "result": "Resultado", "backup": "Cópia", "why": "Por quê"}
    as_rows([row for _, row in sorted(rows, key=lambda row: row[0])], columns | {"logs": "Registros"}, environment)
