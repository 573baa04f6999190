"""A person's answer to a gate, given as a form in the Prefect UI."""

from datetime import date
from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from domain.ticket import GATE_PREFIX, TicketId
from flows.stage import MUNICIPALITY
from tasks.gates import start_implantation
from tasks.history import record_answer
from tasks.ticket_record import start_ticket
from tasks.waivers import item_gate

Until = Annotated[
    date | None, Field(description="Último dia em que a dispensa vale.", json_schema_extra={"title": "Até"})
]
Item = Annotated[
    str | None,
    Field(
        description="Código do item da lista de verificação que se dispensa, como em catalog/gates.yaml: capacidade.",
        json_schema_extra={"title": "Item da lista"},
    ),
]
TicketNumber = Annotated[
    TicketId | None,
    Field(description="Número do chamado, com o portão chamado.", json_schema_extra={"title": "Chamado"}),
]


@flow(name="decisão", flow_run_name="{municipality} · decisão · {gate}")
def approve(
    municipality: str = MUNICIPALITY,
    gate: Literal["go-live", "capacitacao", "chamado"] = Field(
        "go-live",
        description="go-live: a entrada da prefeitura em produção. capacitacao: o portão que espera as turmas."
        " chamado: um pedido da central de atendimento.",
        json_schema_extra={"title": "Portão"},
    ),
    decision: Literal["aprovar", "recusar", "dispensar", "retirar dispensa"] = Field(
        description="O go-live e o chamado se aprovam ou recusam; a capacitação, ou um item da lista, se dispensa por"
        " um tempo, ou se retira a dispensa.",
        json_schema_extra={"title": "Decisão"},
    ),
    role: Annotated[str, Field(min_length=3)] = Field(
        description="Papel de quem decide, como está nos contatos do município: ponto focal. Não escreva o nome.",
        json_schema_extra={"title": "Papel"},
    ),
    reason: Annotated[str, Field(min_length=5)] = Field(
        description="Fica no registro, ao lado da decisão. Não escreva nomes.", json_schema_extra={"title": "Motivo"}
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
