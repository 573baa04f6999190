"""A person's answer to a gate, given as a form in the Prefect UI."""

from datetime import date
from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from domain.ticket import GATE_PREFIX, TicketId
from flows.forms import asked
from flows.stage import MUNICIPALITY
from tasks.gates import start_implantation
from tasks.history import record_answer
from tasks.ticket_record import start_ticket
from tasks.waivers import item_gate

Until = Annotated[date | None, asked("Até", "Último dia em que a dispensa vale.")]
Item = Annotated[
    str | None,
    asked(
        "Item da lista",
        "Código do item da lista de verificação que se dispensa, como em catalog/gates.yaml: capacidade.",
    ),
]
TicketNumber = Annotated[
    TicketId | None,
    asked("Chamado", "Número do chamado, com o portão chamado."),
]


@flow(name="decisão", flow_run_name="{municipality} · decisão · {gate}")
def approve(
    municipality: str = MUNICIPALITY,
    gate: Literal["go-live", "capacitacao", "chamado"] = asked(
        "Portão",
        "go-live: a entrada da prefeitura em produção. capacitacao: o portão que espera as turmas."
        " chamado: um pedido da central de atendimento.",
        "go-live",
    ),
    decision: Literal["aprovar", "recusar", "dispensar", "retirar dispensa"] = asked(
        "Decisão",
        "O go-live e o chamado se aprovam ou recusam; a capacitação, ou um item da lista, se dispensa por"
        " um tempo, ou se retira a dispensa.",
    ),
    role: Annotated[str, Field(min_length=3)] = asked(
        "Papel", "Papel de quem decide, como está nos contatos do município: ponto focal. Não escreva o nome."
    ),
    reason: Annotated[str, Field(min_length=5)] = asked(
        "Motivo", "Fica no registro, ao lado da decisão. Não escreva nomes."
    ),
    until: Until = None,
    item: Item = None,
    ticket: TicketNumber = None,
) -> None:
    """Record who decided, what and why; then run what waits for it again, which passes the gate or stays."""
    if gate == "chamado":
        number = ticket or ""
        record_answer(municipality, f"{GATE_PREFIX}{number}", decision, role, reason, until)
        start_ticket(municipality, number)
    else:
        record_answer(municipality, item_gate(item) if item else gate, decision, role, reason, until)
        start_implantation(municipality)
