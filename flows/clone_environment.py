"""Copy a prefeitura's production over its homologation or training environment, without anybody's personal data."""

from datetime import datetime
from typing import Annotated

from prefect import flow
from pydantic import Field

from domain.environment import EnvironmentName
from domain.report import StageReport, StepResult
from flows.create_environment import create_environment
from flows.stage import tagged
from tasks.clone import choose_for_copy, judge_clone, record_clone, replace_by_neutralised_copy, stop_target
from tasks.history import exclusive
from tasks.instance import load_instance


@flow(name="cópia", flow_run_name="{source} · cópia para {target}")
def clone_environment(
    source: str = Field(description="Ambiente de origem: timoteo-producao."),
    target: str = Field(description="Ambiente de destino: timoteo-homologacao."),
    confirmation: str | None = Field(
        default=None, description="Nome do destino, digitado de novo, se ele tem trabalho de pessoas."
    ),
    with_documents: bool = Field(
        default=False, description="Manter o texto e os arquivos dos documentos públicos; os restritos nunca vão."
    ),
    from_backup: bool = Field(
        default=False, description="Copiar de uma cópia de segurança provada da origem, e não do que ela tem agora."
    ),
    backup: str | None = Field(
        default=None, description="Qual cópia de segurança: 20261128T010000Z. Vazio: a última provada."
    ),
    at: Annotated[
        datetime | None, Field(description="No lugar dela: a última provada até este momento (hora de Brasília).")
    ] = None,
    wait_seconds: int = Field(default=0, description="Segundos de espera por outra execução do município."),
) -> StageReport:
    """Create the target if there is none, replace its data, and give the copy its own keys, links and people."""
    name = EnvironmentName.parse(target)
    with exclusive(name.municipality, wait_seconds), tagged(name.municipality, name.purpose):
        exists = judge_clone(source, target, confirmation)
        stamp = choose_for_copy(source, backup, at, with_documents) if from_backup or backup or at else None
        if not exists:
            create_environment(name.municipality, name.purpose, load_instance(source).record.release_version)
        steps = {
            "aplicação do destino": stop_target(target),
            "cópia neutralizada": replace_by_neutralised_copy(target, source, with_documents, stamp),
            # Before the rest converges: a copy's own scheduler does less.
            "registro da cópia": record_clone(target, source, with_documents, stamp),
        }
        report = create_environment(name.municipality, name.purpose)
    copied = tuple(StepResult(name=label, change=change) for label, change in steps.items())
    return report.model_copy(update={"steps": (*copied, *report.steps)})
