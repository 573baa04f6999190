"""A person's answer to a gate, given as a form in the Prefect UI."""

from typing import Annotated, Literal

from prefect import flow
from prefect.deployments import run_deployment
from pydantic import Field

from flows.stage import MUNICIPALITY
from tasks.history import record_decision


@flow(name="decisão", flow_run_name="{municipality} · decisão · {gate}")
def approve(
    municipality: str = MUNICIPALITY,
    gate: Literal["go-live"] = Field(
        "go-live",
        description="go-live: a entrada da prefeitura em produção.",
        json_schema_extra={"title": "Portão"},
    ),
    decision: Literal["aprovar", "recusar"] = Field(
        description="Escolha uma das duas.", json_schema_extra={"title": "Decisão"}
    ),
    role: Annotated[str, Field(min_length=3)] = Field(
        description="Papel de quem decide, como está nos contatos do município: ponto focal. Não escreva o nome.",
        json_schema_extra={"title": "Papel"},
    ),
    reason: Annotated[str, Field(min_length=5)] = Field(
        description="Fica no registro, ao lado da decisão.", json_schema_extra={"title": "Motivo"}
    ),
) -> None:
    """Record who decided, what and why; then run the implantation again, which passes the gate or stays."""
    record_decision(municipality, gate, "approve" if decision == "aprovar" else "reject", role, reason)
    # A run that is past its checklist would not see this decision: the next one waits for it to end.
    run_deployment("implantação/implantacao", parameters={"municipality": municipality, "wait_seconds": 900}, timeout=0)
