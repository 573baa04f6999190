"""`./implanta support submit|answer|list|show|link`: tickets of the help desk."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.municipality import open_registry
from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json, talk

if TYPE_CHECKING:
    from domain.ticket import Ticket, TicketReport

app = typer.Typer(no_args_is_help=True)

Slug = Annotated[str, typer.Argument(help="Nome curto do município (timoteo).")]
Number = Annotated[str, typer.Argument(help="Número do chamado na central.")]


@app.command("submit")
def submit(
    municipality: Slug,
    number: Number,
    kind: Annotated[str, typer.Option("--kind", help="O que se pede: senha, usuario ou copia.")],
    environment: Annotated[str, typer.Option("--environment", help="Ambiente (timoteo-producao).")],
    request: Annotated[Path, typer.Option("--request", help="Arquivo JSON do pedido: solicitante e o mais do tipo.")],
    as_json: JsonOption = False,
) -> None:
    """Abre um chamado e o atende, se as regras deixam.

    Exemplo: ./implanta support submit timoteo 2027-15 --kind senha --environment timoteo-treinamento --request p.json
    """
    from domain.errors import InvalidInputError

    with errors_as_lines():
        if not request.is_file():
            raise InvalidInputError("Arquivo não encontrado", str(request), "Confira o caminho.")
        from cli.prefect import connect

        connect()
        from tasks.ticket_record import send_ticket

        found = open_registry().find_municipality(municipality)
        ticket = send_ticket(found.slug, number, kind, environment, request.read_bytes())
        report = _answer(ticket)
    _show(report, as_json=as_json)


@app.command("answer")
def answer(municipality: Slug, number: Number, as_json: JsonOption = False) -> None:
    """Continua um chamado que esperava, como depois de uma aprovação.

    Exemplo: ./implanta support answer timoteo 2027-15
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.ticket_record import require_ticket

        report = _answer(require_ticket(municipality, number))
    _show(report, as_json=as_json)


@app.command("list")
def list_all(municipality: Slug, as_json: JsonOption = False) -> None:
    """Lista os chamados de uma prefeitura e onde cada um está. Exemplo: ./implanta support list timoteo"""
    with errors_as_lines():
        from tasks.ticket_record import list_reports

        reports = list_reports(open_registry().find_municipality(municipality).ibge)
    if as_json:
        print_json([_row(report) for report in reports])
        return
    columns = {"ticket": "Chamado", "title": "Pedido", "environment": "Ambiente", "told": "Situação"}
    as_rows([_row(report) for report in reports], columns, f"Chamados de {municipality}")


@app.command("show")
def show(municipality: Slug, number: Number, as_json: JsonOption = False) -> None:
    """Mostra um chamado: situação, motivos e decisões. Exemplo: ./implanta support show timoteo 2027-15"""
    with errors_as_lines():
        from tasks.ticket_record import report_of, require_ticket

        registry = open_registry()
        found = registry.find_municipality(municipality)
        ticket = require_ticket(found.slug, number)
        report = report_of(found.ibge, ticket.id)
        decisions = [
            {"when": one.decided_at, "decision": one.decision, "reason": one.reason}
            for one in registry.decisions(found.ibge, ticket.gate)
        ]
    if report is None:
        return
    if as_json:
        print_json({**_row(report), "decisions": decisions})
        return
    out.print(f"{report.title}, {ticket.environment}: {report.told}", highlight=False, markup=False, soft_wrap=True)
    as_rows(decisions, {"when": "Quando", "decision": "Decisão", "reason": "Motivo"}, "Decisões")


@app.command("link")
def link(
    municipality: Slug,
    number: Number,
    role: Annotated[
        str, typer.Option("--role", help="Papel de quem dá o link, que fica registrado (atendimento); nunca o nome.")
    ] = "atendimento",
    as_json: JsonOption = False,
) -> None:
    """Dá o link, que vale pouco tempo, do que uma cópia para consulta pôs no balde da prefeitura.

    Exemplo: ./implanta support link timoteo 2027-15
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.consultation import link_of

        lent, address, minutes = link_of(open_registry().find_municipality(municipality).slug, number, role)
    if as_json:
        print_json({"object": lent.key, "sha256": lent.sha256, "until": lent.until, "link": address})
        return
    out.print(address, highlight=False, markup=False, soft_wrap=True)
    talk.print(f"Vale {minutes} minutos, para quem o tiver: entregue-o a quem pediu, fora do e-mail.", highlight=False)
    talk.print(f"Confira o que chegar: SHA-256 {lent.sha256}", highlight=False, soft_wrap=True)


def _answer(ticket: "Ticket") -> "TicketReport":
    from cli.prefect import explaining_failures
    from flows.support import answer_ticket

    with explaining_failures():
        return answer_ticket(ticket)


def _row(report: "TicketReport") -> dict[str, object]:
    ticket = report.ticket
    return {
        "ticket": ticket.id,
        "kind": ticket.kind,
        "title": report.title,
        "environment": ticket.environment,
        "state": report.state.value,
        "reasons": list(report.reasons),
        "told": report.told,
    }


def _show(report: "TicketReport", *, as_json: bool) -> None:
    from domain.ticket import TicketState

    if as_json:
        print_json(_row(report))
    else:
        out.print(f"{report.ticket}: {report.told}", highlight=False, markup=False, soft_wrap=True)
    codes = {TicketState.WAITING: 30, TicketState.REFUSED: 20}  # as the errors of these kinds
    if report.state in codes:
        raise typer.Exit(codes[report.state])
