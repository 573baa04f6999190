"""`./implanta bench NAME`: measurements, each a ratio within one run with its limit."""

import typer

from cli.output import JsonOption, errors_as_lines, out, print_json

app = typer.Typer(no_args_is_help=True)


@app.command()
def overhead(as_json: JsonOption = False) -> None:
    """Quanto custa a orquestração: o ciclo pelo Prefect e pelas mesmas funções. Exemplo: ./implanta bench overhead"""
    with errors_as_lines():
        from bench.overhead import measure

        result = measure()
    if as_json:
        print_json(result.as_json())
        raise typer.Exit(0 if result.holds else 1)
    for name, figure in result.figures.items():
        out.print(f"{name}: {figure.value:.2f} {figure.unit}")
    for name, ratio in result.ratios.items():
        out.print(f"{name}: {ratio.value:.2f} (limite {ratio.limit}) {'ok' if ratio.holds else 'EXCEDIDO'}")
    raise typer.Exit(0 if result.holds else 1)
