"""A person's answer to a gate, given as a form in the Prefect UI."""

from datetime import date
from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from flows.stage import MUNICIPALITY
from tasks.gates import start_implantation
from tasks.history import record_answer
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


@flow(name="decisão", flow_run_name="{municipality} · decisão · {gate}")
def approve(
    municipality: str = MUNICIPALITY,
    gate: Literal["go-live", "capacitacao"] = Field(
        "go-live",
        description="go-live: a entrada da prefeitura em produção. capacitacao: o portão que espera as turmas.",
        json_schema_extra={"title": "Portão"},
    ),
    decision: Literal["aprovar", "recusar", "dispensar", "retirar dispensa"] = Field(
        description="O go-live se aprova ou recusa; a capacitação, ou um item da lista, se dispensa por um tempo, ou se"
        " retira a dispensa.",
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
) -> None:
    """Record who decided, what and why; then run the implantation again, which passes the gate or stays."""
    record_answer(municipality, item_gate(item) if item else gate, decision, role, reason, until)
    start_implantation(municipality)
