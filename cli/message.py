"""`./implanta message list|preview|announce|send`: what prefeituras are written, and whether it went out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.municipality import open_registry
from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from datetime import datetime

    from domain.environment import Purpose
    from domain.message import Letter
    from domain.municipality import Municipality
    from registry import MessageRecord

app = typer.Typer(no_args_is_help=True)

Ref = Annotated[str, typer.Argument(help="Nome curto (timoteo) ou código IBGE do município.")]
COLUMNS = {"key": "Mensagem", "created_at": "Na fila desde", "state": "Situação", "by_role": "Quem recebeu"}
# What a preview shows for whoever gets the message, and for the mailbox that it comes from.
EXAMPLE_PERSON = "Nome do contato"
EXAMPLE_ADDRESS = "contato@exemplo.invalid"


@app.command("list")
def list_all(ref: Ref, as_json: JsonOption = False) -> None:
    """Lista as mensagens de um município e diz quais já saíram. Exemplo: ./implanta message list timoteo"""
    with errors_as_lines():
        registry = open_registry()
        found = registry.find_municipality(ref)
        messages = registry.messages(found.ibge)
    if as_json:
        print_json([message.model_dump(mode="json", exclude={"done"}) for message in messages])
        return
    as_rows([_row(message) for message in messages], COLUMNS, f"Mensagens a {found.name}")


@app.command("preview")
def preview(
    event: Annotated[str, typer.Argument(help="Evento de catalog/messages.yaml, como adesao.")],
    ref: Ref,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Diretório dos arquivos; sem ele, mostra o texto.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Mostra uma mensagem com dados de exemplo, em texto, HTML e convite; nada é enviado.

    Exemplo: ./implanta message preview convite_capacitacao timoteo
    """
    with errors_as_lines():
        letter = _example(event, open_registry().find_municipality(ref))
        written = _write(letter, event, out_dir) if out_dir else []
    if as_json:
        print_json(
            {**letter.model_dump(include={"subject", "text", "html", "calendar"}), "files": list(map(str, written))}
        )
        return
    for path in written:
        out.print(str(path), soft_wrap=True, highlight=False, markup=False)
    if not written:
        out.print(f"Assunto: {letter.subject}\n\n{letter.text}", soft_wrap=True, highlight=False, markup=False)


@app.command("send")
def send(as_json: JsonOption = False) -> None:
    """Envia agora o que está na fila e já pode sair, de todos os municípios. Exemplo: ./implanta message send"""
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.messages import send_messages

        with explaining_failures():
            report = send_messages()
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    out.print(report.summary())
    if report.outage:
        out.print(f"O servidor de e-mail não atendeu: {report.outage}", highlight=False, markup=False, soft_wrap=True)


@app.command("announce")
def announce(
    event: Annotated[str, typer.Argument(help="Evento que se manda à mão: janela_manutencao ou incidente.")],
    to: Annotated[list[str] | None, typer.Option("--to", help="Nome curto do município. Repita para vários.")] = None,
    to_all: Annotated[
        bool, typer.Option("--all", help="Todos os municípios; com --environment, os que têm esse ambiente.")
    ] = False,
    environment: Annotated[
        str | None,
        typer.Option("--environment", help="Ambiente de que se fala: treinamento, homologacao ou producao."),
    ] = None,
    said: Annotated[
        list[str] | None, typer.Option("--set", help="Uma variável do evento, como motivo='…'. Repita para todas.")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option("--reference", help="O que o distingue, como inc-2027-41; com #1 no fim, corrige o anterior."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Põe na fila um aviso que uma pessoa decide mandar, uma vez por prefeitura e referência.

    Exemplo: ./implanta message announce janela_manutencao --to timoteo --environment treinamento
    --set motivo='Atualização do SEI.' --set inicio=2097-05-08T22:00 --set fim=2097-05-09T02:00
    """
    with errors_as_lines():
        from cli.prefect import connect
        from domain.errors import InvalidInputError

        if bool(to) == to_all:
            raise InvalidInputError("Não se sabe a quem avisar", f"evento {event}", "Use --to ou --all, um dos dois.")
        variables, purpose = _variables(said or []), _purpose(environment)
        connect()
        from tasks.announcements import announce as queue

        report = queue(event, variables, municipalities=None if to_all else to, purpose=purpose, reference=reference)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        out.print(f"{report.queued} avisos na fila, de {len(report.changes)} prefeituras.", highlight=False)
    with errors_as_lines():
        report.raise_if_any_failed()


def _purpose(environment: str | None) -> "Purpose | None":
    from domain.environment import Purpose
    from domain.errors import InvalidInputError

    if environment is None or environment in list(Purpose):
        return None if environment is None else Purpose(environment)
    raise InvalidInputError(f"Não há ambiente {environment!r}", "--environment", f"Use {', '.join(Purpose)}.")


def _variables(said: list[str]) -> dict[str, str]:
    from domain.errors import InvalidInputError

    pairs = [one.partition("=") for one in said]
    if wrong := [one for one, (_, sign, _) in zip(said, pairs, strict=True) if not sign]:
        raise InvalidInputError(f"Não é uma variável: {wrong[0]!r}", "--set", "Escreva nome=valor.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _example(event: str, municipality: "Municipality") -> "Letter":
    from datetime import UTC, datetime

    from blocks.catalog import Catalog
    from blocks.message_templates import Told, write_letter
    from domain.message import Recipient, message_key, recipient_digest

    table = Catalog().messages()
    rule = table.rule(event)
    key = message_key(rule.event, municipality.ibge, "exemplo")
    all_alike = Told(
        key=key,
        rule=rule,
        variables=rule.examples,
        municipality=municipality,
        programme=table.programme,
        created_at=datetime.now(tz=UTC),
    )
    somebody = Recipient(
        name=EXAMPLE_PERSON,
        email=EXAMPLE_ADDRESS,
        role=rule.roles[0],
        digest=recipient_digest(key, EXAMPLE_ADDRESS),
    )
    return write_letter(all_alike, somebody, EXAMPLE_ADDRESS)


def _write(letter: "Letter", event: str, directory: Path) -> list[Path]:
    from domain.errors import InvalidInputError

    contents = {"txt": f"Assunto: {letter.subject}\n\n{letter.text}", "html": letter.html, "ics": letter.calendar}
    files = {directory / f"{event}.{kind}": content for kind, content in contents.items() if content is not None}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            # The calendar's line breaks are its own: CRLF.
            path.write_text(content, encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidInputError(
            f"Não foi possível gravar a prévia ({error.strerror})", str(directory), "Indique outro diretório em --out."
        ) from None
    return list(files)


def _row(message: "MessageRecord") -> dict[str, object]:
    by_role = [f"{role}: {count}" for role, count in message.sent_by_role.items()]
    by_role += [
        f"{role}: {count} recusado{'s' if count > 1 else ''}" for role, count in message.refused_by_role.items()
    ]
    by_role += [
        f"{role}: {count} não chegou" if count == 1 else f"{role}: {count} não chegaram"
        for role, count in message.returned_by_role.items()
    ]
    return {
        "key": message.key,
        "created_at": _local(message.created_at),
        "state": _state(message),
        "by_role": ", ".join(by_role) or "–",
    }


def _state(message: "MessageRecord") -> str:
    if message.sent_at is not None:
        returned = sum(message.returned_by_role.values())
        back = f"; não chegou a {returned}" if returned else ""
        return f"enviada em {_local(message.sent_at)}{back}"
    if message.dropped_at is not None:
        why = (
            "venceu antes de sair a todos" if message.dropped_because == "expired" else "deixou de valer e foi retirada"
        )
        return f"{why}, em {_local(message.dropped_at)}"
    if not message.attempts:
        return "na fila"
    return f"não saiu em {message.attempts} tentativas; a próxima, a partir de {_local(message.next_attempt_at)}"


def _local(moment: "datetime") -> str:
    from domain.calendar import local_moment

    return local_moment(moment)
