"""`./implanta backup restore|rebuild|export`: what a proved backup gives back."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.output import (
    BackupOption,
    JsonOption,
    ReasonOption,
    RoleOption,
    Target,
    as_rows,
    errors_as_lines,
    out,
    print_json,
    print_markdown,
    talk,
)


def restore(
    environment: Target,
    backup: BackupOption = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at",
            formats=["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"],
            help="No lugar de --backup: como estava antes deste momento, pela última cópia provada até ele e pelo log"
            " binário do servidor; com --to, ou sem log binário, só a cópia.",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="Outro ambiente do município, que a recebe com os dados pessoais mascarados."),
    ] = None,
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", help="Nome do ambiente, digitado de novo, se é produção ou se há trabalho a perder."),
    ] = None,
    role: RoleOption = None,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
) -> None:
    """Põe uma cópia provada no lugar do que há em um ambiente, depois de guardar uma cópia do que há.

    Exemplo: ./implanta backup restore timoteo-treinamento
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from cli.prefect import explaining_failures
        from flows.restore_environment import restore_environment
        from tasks.instance import load_instance
        from tasks.maintenance import require_impersonal

        load_instance(environment)
        require_impersonal(environment, role or "", reason or "")  # before Prefect keeps it beside the run
        if to is not None:
            _restore_elsewhere(environment, to, backup, at, confirm, as_json)
            return
        with talk.status("Restaurando"), explaining_failures():
            report = restore_environment(environment, backup, at, confirm, role, reason)
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    print_markdown(report.markdown())


def _restore_elsewhere(
    source: str, target: str, backup: str | None, at: datetime | None, confirm: str | None, as_json: bool
) -> None:
    from cli.prefect import explaining_failures
    from flows.clone_environment import clone_environment

    with talk.status("Restaurando e mascarando"), explaining_failures():
        report = clone_environment(source, target, confirmation=confirm, from_backup=True, backup=backup, at=at)
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    out.print(f"{target}: cópia de segurança de {source}, neutralizada; {report.change}", highlight=False)
    for fact in report.facts:
        out.print(f"  {fact}", highlight=False)


def rebuild(
    server: Annotated[str, typer.Argument(help="Servidor de banco perdido, como no bloco do Prefect (principal).")],
    on: Annotated[str, typer.Option("--on", help="Servidor que recebe os ambientes.")],
    confirm: Annotated[str, typer.Option("--confirm", help="Nome do servidor perdido, digitado de novo.")] = "",
    role: Annotated[
        str, typer.Option("--role", help="Equipe ou papel de quem decide (infraestrutura); nunca o nome.")
    ] = "infraestrutura",
    reason: Annotated[
        str, typer.Option("--reason", help="Motivo, que fica registrado; sem nomes de pessoas.")
    ] = "servidor de banco perdido",
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Só este ambiente; repita para vários. Sem isso, todos.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Restaura em outro servidor, produções primeiro, os ambientes de um servidor de banco perdido.

    Exemplo: ./implanta backup rebuild segundo --on principal --confirm segundo
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from cli.prefect import explaining_failures
        from flows.rebuild_server import rebuild_server
        from tasks.maintenance import require_impersonal

        require_impersonal(server, role, reason)  # before Prefect keeps it beside the run
        with talk.status("Reconstruindo"), explaining_failures():
            report = rebuild_server(server, on, confirm, role, reason, only)
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    print_markdown(report.markdown())


def export(
    environment: Target,
    out_dir: Annotated[Path, typer.Option("--out", help="Diretório novo, que só o dono lê; nada é escrito fora dele.")],
    backup: BackupOption = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Uma tabela inteira, como sei.protocolo; repita para várias.")
    ] = None,
    process: Annotated[
        str | None, typer.Option("--process", help="Tudo de um processo, pelo número, com os arquivos dos anexos.")
    ] = None,
    role: Annotated[
        str, typer.Option("--role", help="Equipe ou papel de quem consulta (infraestrutura); nunca o nome.")
    ] = "operação",
    reason: Annotated[
        str, typer.Option("--reason", help="Motivo, que fica registrado; sem nomes de pessoas.")
    ] = "consulta",
    as_json: JsonOption = False,
) -> None:
    """Tira de uma cópia, em CSV e sem tocar no ambiente, tabelas ou tudo o que é de um processo.

    Exemplo: ./implanta backup export timoteo-producao --table sei.orgao --out ./consulta
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.backup_export import Wanted
        from tasks.backup_export import export as run
        from tasks.instance import load_any_instance

        with talk.status("Restaurando num servidor de rascunho"):
            wanted = Wanted(tuple(table or ()), process, backup)
            done = run(load_any_instance(environment), wanted, out_dir, role, reason)
    if as_json:
        print_json({**done._asdict(), "directory": str(out_dir)})
        return
    as_rows(
        [{"table": name, "rows": count} for name, count in sorted(done.rows.items())],
        {"table": "Tabela", "rows": "Linhas"},
        f"Da cópia {done.stamp}, em {out_dir}",
    )
    if done.files:
        out.print(f"{done.files} arquivos de anexos")
