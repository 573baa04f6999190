"""`./implanta webhook list|show|deliver|replay|secret`: what other systems told us, and what it started."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.municipality import open_registry
from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json
from cli.webhook_outgoing import endpoint_app, resend, sent

if TYPE_CHECKING:
    from domain.webhook.contracts import Source
    from domain.webhook.delivery import WebhookState
    from registry import WebhookRecord

app = typer.Typer(no_args_is_help=True)
app.add_typer(endpoint_app, name="endpoint", help="Sistemas que são avisados do que acontece.")
app.command("sent")(sent)
app.command("resend")(resend)

SourceName = Annotated[str, typer.Argument(help="Origem: adesao, rh, capacitacao, chamado, balde, versao-…")]
Number = Annotated[str, typer.Argument(help="Número da mensagem (webhook-id).")]

_STATES = {"na-fila": "accepted", "iniciado": "started", "com-falha": "failed"}


@app.command("list")
def list_all(
    state: Annotated[
        str | None, typer.Option("--state", help="Só as que estão assim: na-fila, iniciado ou com-falha.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Lista as mensagens mais novas e onde cada uma está. Exemplo: ./implanta webhook list"""
    with errors_as_lines():
        rows = [_row(record) for record in open_registry().webhooks.list(_state(state))]
    if as_json:
        print_json(rows)
        return
    columns = {
        "source": "Origem",
        "id": "Número",
        "municipality": "Município",
        "received_at": "Recebida",
        "told": "Situação",
        "attempts": "Tentativas",
    }
    as_rows(rows, columns, "Webhooks")


@app.command("show")
def show(source: SourceName, number: Number, as_json: JsonOption = False) -> None:
    """Mostra uma mensagem e a execução que ela iniciou. Exemplo: ./implanta webhook show rh msg-1"""
    from domain.errors import InvalidInputError

    with errors_as_lines():
        record = open_registry().webhooks.find(_source(source).value, number)
        if record is None:
            raise InvalidInputError(f"Não há webhook {number!r} de {source}", "fila", "Veja ./implanta webhook list.")
    if as_json:
        print_json({**_row(record), "body": record.body})
        return
    out.print(
        f"{record.source.value}/{record.webhook_id}, {record.municipality}: {record.state.label}", highlight=False
    )
    out.print(f"Recebida em {record.received_at:%d/%m/%Y %H:%M:%S} UTC; tentativas: {record.attempts}", highlight=False)
    if record.flow_run_id:
        out.print(f"Execução no Prefect: {record.flow_run_id}", highlight=False)
    if record.problem:
        out.print(f"Problema: {record.problem}", highlight=False, markup=False, soft_wrap=True)
    out.print(record.body or "A mensagem já não é guardada.", highlight=False, markup=False, soft_wrap=True)


@app.command("deliver")
def deliver(as_json: JsonOption = False) -> None:
    """Inicia agora o que está na fila, como o gateway faz sozinho. Exemplo: ./implanta webhook deliver"""
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.webhooks import deliver_due

        done = deliver_due()
    if as_json:
        print_json(done.model_dump())
    else:
        out.print(f"iniciados: {done.started}; esperando: {done.postponed}; com falha: {done.failed}")
        for problem in done.problems:
            out.print(problem, highlight=False, markup=False, soft_wrap=True)
    if done.failed or done.postponed:
        raise typer.Exit(20 if done.failed else 10)  # as the errors of these kinds


@app.command("replay")
def replay(source: SourceName, number: Number, as_json: JsonOption = False) -> None:
    """Põe de volta na fila uma mensagem que falhou. Exemplo: ./implanta webhook replay rh msg-1"""
    from datetime import UTC, datetime

    with errors_as_lines():
        record = open_registry().webhooks.replay(_source(source).value, number, datetime.now(tz=UTC))
    if as_json:
        print_json(_row(record))
        return
    out.print(f"{record.source.value}/{record.webhook_id}: {record.state.label}", highlight=False)


@app.command("secret")
def secret(
    source: SourceName,
    target: Annotated[
        Path | None, typer.Option("--to", help="Arquivo em que o segredo novo é escrito, só para o dono da conta.")
    ] = None,
    retire: Annotated[
        bool, typer.Option("--retire", help="Deixa de aceitar o segredo anterior, em vez de criar outro.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Cria o segredo de uma origem, ou o seguinte; o anterior vale até --retire.

    Exemplo: ./implanta webhook secret rh --to rh.segredo
    """
    from domain.errors import InvalidInputError

    with errors_as_lines():
        found = _source(source)
        if retire == (target is not None):
            raise InvalidInputError(
                "Diga uma coisa só: --to ARQUIVO ou --retire", "linha de comando", "Veja o comando com --help."
            )
        from cli.prefect import connect

        connect()
        told = _retire(found) if target is None else _rotate(found, target)
    if as_json:
        print_json({"source": found.value, "file": str(target) if target else None, "told": told})
        return
    out.print(told, highlight=False, markup=False, soft_wrap=True)


def _rotate(source: "Source", target: Path) -> str:
    from blocks.private_files import replace_private_file
    from domain.errors import InvalidInputError
    from tasks.webhook_secrets import find_secrets, rotate_secret

    if not target.parent.is_dir():  # before the secret exists, which nobody would have seen
        raise InvalidInputError("O diretório não existe", str(target.parent), "Crie-o, ou escolha outro.")
    before = find_secrets(source)
    if before is not None and before.previous_secret is not None:
        raise InvalidInputError(
            "O segredo anterior desta origem ainda vale",
            source.value,
            f"Confira que quem envia usa o novo e execute ./implanta webhook secret {source.value} --retire.",
        )
    made = rotate_secret(source)
    replace_private_file(target, made.secret.get_secret_value().encode("ascii") + b"\n")
    kept = "" if before is None else " O anterior vale até --retire."
    return f"Segredo de {source.value} em {target}: entregue-o a quem envia e apague o arquivo.{kept}"


def _retire(source: "Source") -> str:
    from tasks.webhook_secrets import retire_previous

    if retire_previous(source):
        return f"Só o segredo mais novo de {source.value} vale, em até um minuto."
    return f"{source.value} não tinha segredo anterior."


def _source(name: str) -> "Source":
    from domain.errors import InvalidInputError
    from domain.webhook.contracts import Source

    try:
        return Source(name)
    except ValueError:
        raise InvalidInputError(
            f"Origem desconhecida: {name}", "linha de comando", f"Use {', '.join(Source)}."
        ) from None


def _state(name: str | None) -> "WebhookState | None":
    from domain.errors import InvalidInputError
    from domain.webhook.delivery import WebhookState

    if name is None:
        return None
    if name not in _STATES:
        raise InvalidInputError(f"Situação desconhecida: {name}", "--state", f"Use {', '.join(_STATES)}.")
    return WebhookState(_STATES[name])


def _row(record: "WebhookRecord") -> dict[str, object]:
    return {
        "source": record.source.value,
        "id": record.webhook_id,
        "municipality": record.municipality,
        "received_at": record.received_at,
        "state": record.state.value,
        "told": record.state.label,
        "attempts": record.attempts,
        "decided_at": record.decided_at,
        "flow_run_id": record.flow_run_id,
        "problem": record.problem,
    }
