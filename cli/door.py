"""`./implanta board door`: the configuration of nginx for the door before Prefect, of an installation of one's own."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import JsonOption, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from domain.application_facts import RenderedFile

_DIRECTORY = Path("/etc/nginx/implanta")

Certificate = Annotated[Path, typer.Option("--certificate", help="Certificado da porta, PEM, com a cadeia.")]
Key = Annotated[Path, typer.Option("--key", help="Chave do certificado, PEM.")]
Board = Annotated[str, typer.Option("--board", help="Onde ./implanta board serve atende, visto da porta.")]
Directory = Annotated[Path, typer.Option("--directory", help="Onde os arquivos ficarão na máquina da porta.")]
MachinesPort = Annotated[int | None, typer.Option("--machines-port", help="Porta para workers de outras máquinas.")]
MachinesFrom = Annotated[
    list[str] | None,
    typer.Option("--machines-from", help="Rede em que esses workers estão, como 10.0.0.0/24; repita para várias."),
]
Out = Annotated[Path | None, typer.Option("--out", help="Diretório em que os arquivos são gravados.")]
WithSecrets = Annotated[
    bool, typer.Option("--with-secrets", help="Grava a conta do Prefect, em arquivo só do dono; exige --out.")
]


def door(
    certificate: Certificate = _DIRECTORY / "servidor.pem",
    key: Key = _DIRECTORY / "servidor.key",
    board: Board = "127.0.0.1:8700",
    directory: Directory = _DIRECTORY,
    machines_port: MachinesPort = None,
    machines_from: MachinesFrom = None,
    out_dir: Out = None,
    with_secrets: WithSecrets = False,
    as_json: JsonOption = False,
) -> None:
    """Mostra ou grava a configuração do nginx da porta. Exemplo: ./implanta board door --out ./porta --with-secrets

    Código de saída: 0; 20 falta configuração (door_url, prefect_api_auth), ou um valor não serve. Veja
    docs/endurecimento.md.
    """
    from domain.errors import InvalidInputError

    with errors_as_lines():
        if with_secrets and out_dir is None:
            raise InvalidInputError(
                "A conta do Prefect não é mostrada na tela", "--with-secrets", "Informe também --out com um diretório."
            )
        files = _render(
            certificate=certificate,
            key=key,
            board=board,
            directory=directory,
            machines_port=machines_port,
            machines_from=tuple(machines_from or ()),
            covered=not with_secrets,
        )
        if out_dir:
            from blocks.private_files import ensure_private_files

            ensure_private_files(out_dir, {file.name: file.content for file in files})
    if as_json:
        shown = [
            {"name": file.name, "secret": file.is_secret, "content": None if out_dir else file.content.decode()}
            for file in files
        ]
        print_json({"directory": str(directory), "files": shown})
        return
    for file in files:
        if out_dir:
            out.print(str(out_dir / file.name), soft_wrap=True, highlight=False, markup=False)
        else:
            sys.stdout.write(f"# ---- {file.name}\n{file.content.decode()}\n")


def _render(*, covered: bool, machines_port: int | None, **values: object) -> "tuple[RenderedFile, ...]":
    from urllib.parse import urlsplit

    from pydantic import ValidationError

    from blocks.door import HTTPS_PORT, DoorProxy, upstream_of
    from blocks.settings import load_settings
    from domain.errors import InvalidInputError

    settings = load_settings()
    address = urlsplit(settings.door_url or "")
    if address.scheme != "https" or not address.hostname:
        raise InvalidInputError(
            "Esta instalação não diz onde fica a porta", "configuração door_url", "Escreva nela o endereço https dela."
        )
    if settings.prefect_api_auth is None:
        raise InvalidInputError(
            "O Prefect desta instalação não tem conta para programas",
            "configuração prefect_api_auth",
            "Escolha usuario:senha, e dê o mesmo valor a PREFECT_SERVER_API_AUTH_STRING no servidor.",
        )
    if machines_port is not None and not values["machines_from"]:
        raise InvalidInputError(
            "A porta dos workers ficaria aberta a todos",
            "--machines-port",
            "Diga com --machines-from de que redes vêm.",
        )
    try:
        proxy = DoorProxy.model_validate(
            {
                "server_name": address.hostname,
                "public_port": address.port or HTTPS_PORT,
                "prefect": upstream_of(settings.prefect_api_url),
                "prefect_auth": settings.prefect_api_auth,
                "machines_port": machines_port,
                **values,
            }
        )
    except ValidationError as error:
        wrong = "; ".join(f"{part['loc'][0]}: {part['msg'].removeprefix('Value error, ')}" for part in error.errors())
        raise InvalidInputError(f"Um valor não serve: {wrong}", "linha de comando", "Corrija e repita.") from None
    return proxy.render(covered=covered)
