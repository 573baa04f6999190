"""`./implanta backup keys export|import`: the keys of the backups, kept where losing Prefect does not lose them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import JsonOption, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from pydantic import SecretStr

app = typer.Typer(no_args_is_help=True)

PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="Arquivo com a frase secreta; sem ele, ela é pedida no terminal.")
]


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Arquivo novo, que só a frase secreta abre.")],
    password_file: PasswordFile = None,
    as_json: JsonOption = False,
) -> None:
    """Grava as chaves de todas as cópias em um arquivo cifrado, para guardar fora do Prefect.

    Exemplo: ./implanta backup keys export chaves.json --password-file frase.txt
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from domain.errors import InvalidInputError
        from tasks.backup_keys import export_keys

        if file.exists():
            raise InvalidInputError("O arquivo já existe", str(file), "Escolha outro nome: o antigo pode ser preciso.")
        content, number = export_keys(passphrase(password_file, confirm=True))
        file.touch(mode=0o600)
        file.write_bytes(content)
    if as_json:
        print_json({"file": str(file), "keys": number})
        return
    out.print(f"{file}: {number} chaves. Guarde-o fora do Prefect, e a frase em outro lugar.", highlight=False)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Arquivo gravado por backup keys export.")],
    password_file: PasswordFile = None,
    as_json: JsonOption = False,
) -> None:
    """Devolve ao Prefect as chaves que ele perdeu; as que ele tem ficam.

    Exemplo: ./implanta backup keys import chaves.json --password-file frase.txt
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from domain.errors import InvalidInputError
        from tasks.backup_keys import import_keys

        if not file.is_file():
            raise InvalidInputError("O arquivo de chaves não existe", str(file), "Confira o caminho.")
        change = import_keys(file.read_bytes(), passphrase(password_file, confirm=False))
    if as_json:
        print_json(change.model_dump())
        return
    out.print(f"{change.created} chaves devolvidas ao Prefect, {change.unchanged} já estavam lá", highlight=False)


def passphrase(file: Path | None, *, confirm: bool) -> "SecretStr":
    """What opens a file of keys, from a file or from the terminal."""
    from pydantic import SecretStr

    if file is not None:
        from domain.errors import InvalidInputError

        if not file.is_file():
            raise InvalidInputError("O arquivo da frase secreta não existe", str(file), "Confira o caminho.")
        return SecretStr(file.read_text(encoding="utf-8").rstrip("\r\n"))
    return SecretStr(typer.prompt("Frase secreta", hide_input=True, confirmation_prompt=confirm, err=True))
