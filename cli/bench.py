"""`./implanta bench NAME`: measurements, each a ratio within one run with its limit."""

from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cli.output import JsonOption, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from bench.result import BenchResult

app = typer.Typer(no_args_is_help=True)


@app.command()
def overhead(as_json: JsonOption = False) -> None:
    """Quanto custa a orquestração: o ciclo pelo Prefect e pelas mesmas funções. Exemplo: ./implanta bench overhead"""
    with errors_as_lines():
        from bench.overhead import measure

        _report(measure(), as_json=as_json)


@app.command()
def environment(as_json: JsonOption = False) -> None:
    """Quanto leva criar ambientes: bancos, um inteiro, vinte. Exemplo: ./implanta bench environment"""
    with errors_as_lines():
        from bench.environment import measure

        _report(measure(), as_json=as_json)


@app.command()
def seed(as_json: JsonOption = False) -> None:
    """Quanto custa aplicar um modelo de documentos inteiro. Exemplo: ./implanta bench seed"""
    with errors_as_lines():
        from bench.seed import measure

        _report(measure(), as_json=as_json)


@app.command()
def users(as_json: JsonOption = False) -> None:
    """Quanto custa importar dez mil pessoas, contra o piso e linha a linha. Exemplo: ./implanta bench users"""
    with errors_as_lines():
        from bench.users import measure

        _report(measure(), as_json=as_json)


@app.command()
def backup(as_json: JsonOption = False) -> None:
    """Quanto custa uma noite de cópia provada, contra o roteiro de um operador. Exemplo: ./implanta bench backup"""
    with errors_as_lines():
        from bench.backup import measure

        _report(measure(), as_json=as_json)


@app.command()
def night(as_json: JsonOption = False) -> None:
    """Quanto leva a noite de quarenta ambientes, e quanto a de todos levaria. Exemplo: ./implanta bench night"""
    with errors_as_lines():
        from bench.night import measure

        _report(measure(), as_json=as_json)


@app.command()
def fleet(
    environments: Annotated[
        int, typer.Option("--environments", min=4, help="Quantos ambientes a frota tem; menos é mais rápido.")
    ] = 853,
    as_json: JsonOption = False,
) -> None:
    """Quanto leva uma rotina da frota inteira, no perfil scale do laboratório, também se um worker e uma API morrem.

    Exemplo: ./implanta bench fleet
    """
    with errors_as_lines():
        from bench.fleet import measure

        _report(measure(environments), as_json=as_json)


@app.command()
def upgrade(as_json: JsonOption = False) -> None:
    """Quanto uma atualização fecha o ambiente, contra os passos sozinhos. Exemplo: ./implanta bench upgrade"""
    with errors_as_lines():
        from bench.upgrade import measure

        _report(measure(), as_json=as_json)


@app.command()
def planning(as_json: JsonOption = False) -> None:
    """Quanto leva planejar uma campanha por Minas e pelo Brasil inteiro. Exemplo: ./implanta bench planning"""
    with errors_as_lines():
        from bench.campaign_planning import measure_planning

        _report(measure_planning(), as_json=as_json)


@app.command()
def board(as_json: JsonOption = False) -> None:
    """Quanto o painel demora a responder, com Minas e com o Brasil inteiro. Exemplo: ./implanta bench board"""
    with errors_as_lines():
        from bench.board import measure

        _report(measure(), as_json=as_json)


@app.command()
def sweep(as_json: JsonOption = False) -> None:
    """Quanto leva uma varredura da monitoração, de 50 e de 853 ambientes. Exemplo: ./implanta bench sweep"""
    with errors_as_lines():
        from bench.sweep import measure

        _report(measure(), as_json=as_json)


def _report(result: "BenchResult", *, as_json: bool) -> NoReturn:
    if as_json:
        print_json(result.as_json())
        raise typer.Exit(0 if result.holds else 1)
    for name, figure in result.figures.items():
        out.print(f"{name}: {figure.value:.2f} {figure.unit}")
    for name, ratio in result.ratios.items():
        out.print(f"{name}: {ratio.value:.2f} (limite {ratio.limit}) {'ok' if ratio.holds else 'EXCEDIDO'}")
    raise typer.Exit(0 if result.holds else 1)
