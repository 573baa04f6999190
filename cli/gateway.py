"""`./implanta gateway serve`: the pages where people choose their own password, and the webhooks of other systems."""

from typing import Annotated

import typer

from cli.output import errors_as_lines

app = typer.Typer(no_args_is_help=True)


@app.callback()
def gateway() -> None:
    """Páginas para as pessoas, e webhooks dos outros sistemas."""


@app.command("serve")
def serve(
    host: Annotated[str, typer.Option("--host", help="Endereço IP em que as páginas são servidas.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Porta em que as páginas são servidas.")] = 8600,
    proxy: Annotated[
        list[str] | None,
        typer.Option("--proxy", help="IP da borda, a única de quem se aceita X-Forwarded-For; repita para várias."),
    ] = None,
) -> None:
    """Serve troca de senha, primeiro acesso e webhooks até ser encerrado. Exemplo: ./implanta gateway serve --port 8600

    Código de saída: 0 encerrado por sinal; 20 sem configuração, ou a porta está ocupada.
    """
    with errors_as_lines():
        from blocks.settings import load_settings
        from cli.prefect import settle
        from gateway.serving import serve as run

        # Prefect may come later than we do: until then a page says that the service is down.
        settle(load_settings())
        run(host, port, proxy or ())
