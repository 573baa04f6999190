"""`./implanta board …`: the board of the programme, for those who lead it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.door import door
from cli.output import JsonOption, errors_as_lines, out, print_json, write_file

if TYPE_CHECKING:
    from blocks.settings import Settings

app = typer.Typer(no_args_is_help=True)
app.command("door")(door)


@app.command("serve")
def serve(
    host: Annotated[str, typer.Option("--host", help="Endereço IP em que o painel é servido.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Porta em que o painel é servido.")] = 8700,
    proxy: Annotated[
        list[str] | None,
        typer.Option("--proxy", help="IP do proxy com TLS, o único de quem se aceita X-Forwarded; repita para vários."),
    ] = None,
) -> None:
    """Serve o painel até ser encerrado. Exemplo: ./implanta board serve --port 8700

    Código de saída: 0 encerrado por sinal; 20 sem configuração, ou a porta está ocupada.
    """
    with errors_as_lines():
        from blocks.settings import load_settings
        from painel.serving import serve as run

        run(load_settings(), host, port, proxy or ())


@app.command("url")
def url(as_json: JsonOption = False) -> None:
    """Diz onde está o painel e quem entra nele. Exemplo: ./implanta board url"""
    with errors_as_lines():
        from blocks.settings import load_settings

        settings = load_settings()
        address, people = _address(settings), _people(settings)
    if as_json:
        print_json({"url": address, "door": settings.door_url, **people})
        return
    out.print(f"Painel: {address}", highlight=False, soft_wrap=True)
    if settings.door_url:
        out.print(f"Prefect e painel, pela porta: {settings.door_url}", highlight=False, soft_wrap=True)
    if people:
        out.print(f"Entre como {people['login']}; a senha: {people['password']}", highlight=False, markup=False)


@app.command("open")
def open_board(as_json: JsonOption = False) -> None:
    """Abre o painel no navegador deste computador, se houver um. Exemplo: ./implanta board open"""
    import webbrowser

    with errors_as_lines():
        from blocks.settings import load_settings

        address = _address(load_settings())
    try:
        opened = webbrowser.open(address)
    except (OSError, webbrowser.Error):
        opened = False
    if as_json:
        print_json({"url": address, "opened": opened})
        return
    out.print(f"Painel: {address}" if opened else f"Abra no navegador: {address}", highlight=False, soft_wrap=True)


@app.command("export")
def export(
    target: Annotated[Path, typer.Argument(metavar="ARQUIVO", help="O arquivo a gravar: .xlsx ou .pdf.")],
    as_json: JsonOption = False,
) -> None:
    """Grava as tabelas do painel, lidas agora do registro. Exemplo: ./implanta board export painel.xlsx

    Código de saída: 0; 10 o registro não respondeu; 20 tipo ou lugar que não serve.
    """
    with errors_as_lines():
        from blocks.board_files import board_pdf, board_workbook
        from blocks.settings import load_settings
        from domain.board.tables import tables_of
        from domain.errors import InvalidInputError
        from registry.board import BoardReader
        from tasks import clock
        from tasks.board_reading import read_board

        if target.suffix not in {".xlsx", ".pdf"}:
            raise InvalidInputError(
                "Não sei gravar esse tipo de arquivo", str(target), "Use um nome que termine em .xlsx ou .pdf."
            )
        settings = load_settings()
        reader = BoardReader(settings.board_registry_url or settings.registry_url)
        board = read_board(reader, clock.now())
        reader.dispose()
        tables = tables_of(board)
        content = (board_workbook if target.suffix == ".xlsx" else board_pdf)(tables, board.taken_at)
        write_file(target, content, "Indique outro lugar.")
    if as_json:
        print_json({"file": str(target), "rows": {table.key: len(table.rows) for table in tables}})
        return
    out.print(f"Gravado em {target}", soft_wrap=True, highlight=False, markup=False)


@app.command("grants")
def grants(
    account: Annotated[
        str, typer.Argument(metavar="CONTA", help="A conta do painel no MariaDB do registro: painel@10.0.0.5.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Mostra as permissões que a conta do painel precisa no registro. Exemplo: ./implanta board grants painel@10.0.0.5

    Código de saída: 0; 20 conta mal escrita. São só de leitura e só das colunas que o painel mostra; quem administra o
    banco as executa.
    """
    with errors_as_lines():
        from blocks.settings import load_settings
        from registry.board import grants_for

        statements = grants_for(load_settings().registry_url, account)
    if as_json:
        print_json({"statements": statements})
        return
    for statement in statements:
        typer.echo(f"{statement};")


def _address(settings: "Settings") -> str:
    from domain.errors import InvalidInputError

    if settings.board_url is None:
        raise InvalidInputError(
            "Esta instalação não diz onde está o painel",
            "configuração board_url",
            "Escreva nela o endereço https dele.",
        )
    return settings.board_url


def _people(settings: "Settings") -> dict[str, str]:
    """Who may sign in, in a lab; elsewhere that is the operator's directory to say."""
    if settings.lab_dir is None:
        return {}
    from lab.painel import LOGINS
    from lab.state import load_state

    state = load_state(settings.lab_dir)
    return {"login": ", ".join(LOGINS), "password": state.painel.password.get_secret_value()}
