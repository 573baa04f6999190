"""`./implanta webhook endpoint …`, `webhook sent` and `webhook resend`: what other systems are told."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.municipality import open_registry
from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from blocks.webhook_secrets import WebhookSecrets

endpoint_app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Nome do endereço, como monitoracao.")]
SecretFile = Annotated[
    Path, typer.Option("--to", help="Arquivo em que o segredo novo é escrito, só para o dono da conta.")
]


@endpoint_app.command("add")
def add(
    name: Name,
    url: Annotated[str, typer.Option("--url", help="Endereço HTTPS que recebe os avisos, sem senha nem ?.")],
    target: SecretFile,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Só este tipo, como copia.recusada; repita. Sem isso, todos.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Registra um sistema que recebe os avisos do que acontecer daqui em diante, e cria o segredo dele.

    \b
    Exemplo: ./implanta webhook endpoint add monitoracao --url https://avisos.exemplo/sei --to monitoracao.segredo
    """
    with errors_as_lines():
        _require_directory(target)
        from cli.prefect import connect

        connect()
        from tasks.outgoing import add_endpoint

        _write(target, add_endpoint(name, url, types or ()))
    _tell(
        name,
        target,
        f"{name} registrado; segredo em {target}: entregue-o a quem recebe e apague o arquivo.",
        as_json=as_json,
    )


@endpoint_app.command("list")
def list_all(as_json: JsonOption = False) -> None:
    """Lista os endereços e como cada um está. Exemplo: ./implanta webhook endpoint list"""
    with errors_as_lines():
        rows = [
            {
                "name": record.name,
                "url": record.url,
                "types": list(record.types),
                "state": record.state.value,
                "refused_since": record.refused_since,
                "created_at": record.created_at,
                "told": record.state.label,
                "told_types": ", ".join(record.types) or "todos",
            }
            for record in open_registry().outgoing.endpoints()
        ]
    if as_json:
        print_json(rows)
        return
    columns = {
        "name": "Nome",
        "url": "Endereço",
        "told_types": "Tipos",
        "told": "Situação",
        "refused_since": "Recusa desde",
    }
    as_rows(rows, columns, "Endereços dos avisos")


@endpoint_app.command("remove")
def remove(name: Name, as_json: JsonOption = False) -> None:
    """Esquece um endereço, os avisos a ele e o segredo. Exemplo: ./implanta webhook endpoint remove monitoracao"""
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.outgoing import remove_endpoint

        remove_endpoint(name)
    _tell(name, None, f"{name} removido.", as_json=as_json)


@endpoint_app.command("rotate")
def rotate(
    name: Name,
    target: Annotated[
        Path | None, typer.Option("--to", help="Arquivo em que o segredo novo é escrito, só para o dono da conta.")
    ] = None,
    retire: Annotated[
        bool, typer.Option("--retire", help="Deixa de assinar com o segredo anterior, em vez de criar outro.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Cria o segredo seguinte de um endereço; assina-se também com o anterior até --retire.

    \b
    Exemplo: ./implanta webhook endpoint rotate monitoracao --to monitoracao.segredo
    """
    from domain.errors import InvalidInputError

    with errors_as_lines():
        if retire == (target is not None):
            raise InvalidInputError(
                "Diga uma coisa só: --to ARQUIVO ou --retire", "linha de comando", "Veja o comando com --help."
            )
        open_registry().outgoing.endpoint(name)
        if target is not None:
            _require_directory(target)
        from cli.prefect import connect

        connect()
        from tasks.outgoing import block_name
        from tasks.webhook_secrets import find_secrets, retire_previous, rotate_secret

        known = find_secrets(block_name(name))
        if target is None:
            text = (
                f"Só se assina com o segredo mais novo de {name}."
                if retire_previous(block_name(name))
                else f"{name} não tinha segredo anterior."
            )
        elif known is not None and known.previous_secret is not None:
            raise InvalidInputError(
                "Ainda se assina com o segredo anterior deste endereço",
                name,
                f"Confira que quem recebe usa o novo e execute ./implanta webhook endpoint rotate {name} --retire.",
            )
        else:
            _write(target, rotate_secret(block_name(name)))
            text = f"Segredo de {name} em {target}; assina-se também com o anterior até --retire."
    _tell(name, target, text, as_json=as_json)


@endpoint_app.command("test")
def test(name: Name, as_json: JsonOption = False) -> None:
    """Envia agora um aviso de teste; quem o aceita volta a receber, se estava posto de lado.

    \b
    Exemplo: ./implanta webhook endpoint test monitoracao
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from domain.errors import RetryableError
        from tasks.outgoing import try_endpoint

        answer = try_endpoint(name)
        if not answer.taken:
            raise RetryableError(
                f"O aviso de teste não foi aceito ({answer.problem})", name, "Corrija o endereço, ou quem recebe."
            )
    _tell(name, None, f"{name} aceitou o aviso de teste.", as_json=as_json)


def sent(
    endpoint: Annotated[str | None, typer.Option("--endpoint", help="Só os deste endereço.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Só os que não foram entregues a tempo.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lista os avisos mais novos a outros sistemas e onde cada um está. Exemplo: ./implanta webhook sent --failed"""
    from domain.webhook.endpoint import OutgoingState

    with errors_as_lines():
        found = open_registry().outgoing.list(endpoint, OutgoingState.FAILED if failed else None)
    rows = [{**record.model_dump(mode="json"), "told": record.state.label} for record in found]
    if as_json:
        print_json(rows)
        return
    columns = {
        "id": "Aviso",
        "endpoint": "Endereço",
        "type": "Tipo",
        "created_at": "Criado",
        "told": "Situação",
        "attempts": "Tentativas",
        "problem": "Problema",
    }
    as_rows(rows, columns, "Avisos a outros sistemas")


def resend(
    number: Annotated[int | None, typer.Argument(help="Número do aviso, como em webhook sent.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Todos desde este momento de Brasília: 2026-12-01 ou 2026-12-01T08:00."),
    ] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint", help="Só os deste endereço.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Envia de novo um aviso, ou todos desde um momento, com os mesmos números.

    Exemplo: ./implanta webhook resend 12
    """
    from datetime import datetime

    from domain.calendar import BRASILIA
    from domain.errors import InvalidInputError

    with errors_as_lines():
        if (number is None) == (since is None):
            raise InvalidInputError(
                "Diga um aviso ou --since, um só dos dois", "linha de comando", "Veja o comando com --help."
            )
        try:
            moment = None if since is None else datetime.fromisoformat(since)
        except ValueError:
            raise InvalidInputError("--since não é um momento", str(since), "Use 2026-12-01T08:00.") from None
        if moment is not None and moment.tzinfo is None:
            moment = moment.replace(tzinfo=BRASILIA)
        from cli.prefect import connect

        connect()
        from tasks.outgoing import resend as put_back

        found = put_back(number=number, since=moment, endpoint=endpoint)
    if as_json:
        print_json({"queued": found})
        return
    out.print(f"Na fila de novo: {found}.", highlight=False)


def _require_directory(target: Path) -> None:
    from domain.errors import InvalidInputError

    if not target.parent.is_dir():  # before the secret exists, which nobody would have seen
        raise InvalidInputError("O diretório não existe", str(target.parent), "Crie-o, ou escolha outro.")


def _write(target: Path, made: "WebhookSecrets") -> None:
    from blocks.private_files import replace_private_file

    replace_private_file(target, made.secret.get_secret_value().encode("ascii") + b"\n")


def _tell(name: str, target: Path | None, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"endpoint": name, "file": str(target) if target else None, "told": text})
        return
    out.print(text, highlight=False, markup=False, soft_wrap=True)
