"""`./implanta environment clone`: production copied without anybody's personal data."""

from typing import Annotated

import typer

from cli.output import JsonOption, errors_as_lines, out, print_json


def clone(
    source: Annotated[str, typer.Argument(help="Ambiente de origem, de produção (timoteo-producao).")],
    target: Annotated[str, typer.Argument(help="Ambiente de destino (timoteo-homologacao); criado se não existe.")],
    confirm: Annotated[
        str | None, typer.Option("--confirm", help="Nome do destino, digitado de novo, se ele tem trabalho de pessoas.")
    ] = None,
    with_documents: Annotated[
        bool, typer.Option("--with-documents", help="Manter texto e arquivos dos documentos públicos.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Copia a produção para a homologação ou o treinamento, com os dados pessoais mascarados.

    Exemplo: ./implanta environment clone timoteo-producao timoteo-homologacao
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.clone_environment import clone_environment

        with explaining_failures():
            report = clone_environment(source, target, confirmation=confirm, with_documents=with_documents)
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    out.print(f"{target}: cópia neutralizada de {source}; {report.change}")
    for fact in report.facts:
        out.print(f"  {fact}")
