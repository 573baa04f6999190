"""A person's answer to a gate, given as a form in the Prefect UI."""

from typing import Literal

from prefect import flow
from prefect.deployments import run_deployment
from pydantic import Field

from tasks.history import record_decision


@flow(name="decisão", flow_run_name="{municipality} · decisão · {gate}")
def approve(
    municipality: str = Field(description="Nome curto do município, por exemplo timoteo."),
    gate: Literal["go-live"] = Field(description="Portão a decidir."),
    decision: Literal["approve", "reject"] = Field(description="approve aprova; reject recusa."),
    role: str = Field(min_length=3, description="Papel de quem decide, como registrado nos contatos: ponto focal."),
    reason: str = Field(min_length=5, description="Motivo, que fica registrado."),
) -> None:
    """Record who decided, what and why; then run the implantation again, which passes the gate or stays."""
    record_decision(municipality, gate, decision, role, reason)
    run_deployment("implantação/implantacao", parameters={"municipality": municipality}, timeout=0)
