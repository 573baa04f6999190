"""`./implanta approve`: a person's answer to a gate, as in the Prefect form."""

from datetime import datetime
from typing import Annotated

import typer

from cli.municipality import open_registry
from cli.output import JsonOption, errors_as_lines, out, print_json

GATE_PREFIX = "chamado-"  # as in domain.ticket, which every help would load
_NOUNS = {"approve": "aprovação", "reject": "recusa", "waive": "dispensa", "revoke": "retirada da dispensa"}


def approve(
    municipality: Annotated[str, typer.Argument(help="Nome curto do município (timoteo).")],
    name: Annotated[str, typer.Option("--name", help="Nome de quem decide; fica no registro.")],
    reason: Annotated[str, typer.Option("--reason", help="Motivo, que fica registrado; sem nomes de pessoas.")],
    gate: Annotated[str, typer.Option("--gate", help="Portão: go-live, capacitacao ou chamado-NÚMERO.")] = "go-live",
    until: Annotated[
        datetime | None,
        typer.Option("--until", formats=["%Y-%m-%d"], help="Com --gate capacitacao ou --item: dispensa até este dia."),
    ] = None,
    item: Annotated[
        str | None,
        typer.Option("--item", help="Item da lista de verificação da entrada em produção que se dispensa."),
    ] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Recusar, ou retirar a dispensa.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Registra a decisão sobre um portão; o da capacitação e alguns itens do go-live se dispensam, com --until.

    Exemplo: ./implanta approve timoteo --name 'Ana Lima' --reason 'Ofício 12/2026'
    """
    with errors_as_lines():
        from tasks.waivers import GO_LIVE_GATE, answer_gate, item_gate

        gate = item_gate(item) if item else gate.strip().lower()
        is_ticket = gate.startswith(GATE_PREFIX)
        if is_ticket:
            from cli.prefect import connect

            connect()  # who may decide is told by the request, which is in the prefeitura's bucket
        if gate == GO_LIVE_GATE or is_ticket:
            answer = "recusar" if reject else "aprovar"
        else:
            answer = "retirar dispensa" if reject else "dispensar"
        found = open_registry().find_municipality(municipality)
        ruling = answer_gate(found, gate, answer, name=name, reason=reason, until=until.date() if until else None)
    if as_json:
        print_json({"slug": found.slug, "gate": gate, "decision": ruling})
        return
    following = (
        f"support answer {found.slug} {gate.removeprefix(GATE_PREFIX)}" if is_ticket else f"implant {found.slug}"
    )
    out.print(f"{found.slug}: {_NOUNS[ruling]} registrada. Execute ./implanta {following}.", soft_wrap=True)
