"""`./implanta environment`: what exists, where, and from which reference."""

import typer

from cli.municipality import open_registry
from cli.output import JsonOption, as_rows, errors_as_lines, print_json

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_all(as_json: JsonOption = False) -> None:
    """Lista os ambientes. Exemplo: ./implanta environment list"""
    with errors_as_lines():
        records = open_registry().list_environments()
    rows = [
        {
            "slug": record.slug,
            "purpose": record.purpose,
            "release": record.release_version,
            "reference": (record.reference_digest or "")[:12],
            "address": f"http://{record.hostname}/sei",
        }
        for record in records
    ]
    if as_json:
        print_json(rows)
        return
    columns = {"slug": "Ambiente", "release": "Versão", "reference": "Referência", "address": "Endereço"}
    as_rows(rows, columns, "Ambientes")
