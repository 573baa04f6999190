"""Bring an environment back to one of its proved backups."""

from datetime import datetime
from time import monotonic
from typing import Annotated

from prefect import flow

from domain.environment import EnvironmentName
from domain.report import StepResult
from domain.restoration import RestoreReport
from flows.create_environment import create_environment
from flows.forms import WaitSeconds, asked
from flows.stage import Procedure, carry_out, tagged
from flows.verify_environment import ENVIRONMENT
from tasks.history import exclusive
from tasks.restore import (
    close_for_restoration,
    compare_directory,
    finish_restoration,
    publish_restoration,
    reconcile_files,
    replace_databases,
    save_what_is_there,
    stop_for_restoration,
)
from tasks.restore_begin import begin_restoration

BEFORE_THE_START: Procedure = (
    ("borda fechada", close_for_restoration),
    ("aplicação parada", stop_for_restoration),
    ("cópia do que havia", save_what_is_there),
    ("bancos", replace_databases),
    ("arquivos", reconcile_files),
    ("diretório", compare_directory),
)
AFTER_THE_START: Procedure = (("fim da restauração", finish_restoration),)

Backup = Annotated[
    str | None,
    asked("Cópia", "Qual cópia, como em ./implanta backup list: 20261128T010000Z. Vazio: a última provada."),
]
Moment = Annotated[
    datetime | None,
    asked(
        "Até o momento",
        "No lugar da cópia: como estava antes deste momento (hora de Brasília), pela última cópia provada"
        " até ele e pelo log binário do servidor.",
    ),
]
Confirmation = Annotated[
    str | None,
    asked("Confirmação", "Nome do ambiente, digitado de novo, se é produção ou se há trabalho feito depois da cópia."),
]
Role = Annotated[
    str | None,
    asked("Papel", "Equipe ou papel de quem decide: infraestrutura. Não escreva o nome. Na produção, obrigatório."),
]
Reason = Annotated[
    str | None,
    asked("Motivo", "Fica no registro. Não escreva nomes. Na produção, obrigatório."),
]


@flow(name="restauração", flow_run_name="{environment} · restauração")
def restore_environment(
    environment: str = ENVIRONMENT,
    backup: Backup = None,
    at: Moment = None,
    confirmation: Confirmation = None,
    role: Role = None,
    reason: Reason = None,
    wait_seconds: WaitSeconds = 0,
) -> RestoreReport:
    """Put databases and files of a backup in the place of what there is, which is backed up before.

    With a moment, and where the database server keeps a binary log, the databases are as they were just before it.

    Killed anywhere, the next run goes on. Keys, links, mail and limits are then converged to those in force now, and
    the whole is proved as after a creation; a production is let to the public by an operator only.
    """
    started = monotonic()
    name = EnvironmentName.parse(environment)
    with exclusive(name.municipality, wait_seconds), tagged(name.municipality, name.purpose):
        begin_restoration(environment, backup, at, confirmation, role, reason)
        return bring_back(name, (), started)


def bring_back(name: EnvironmentName, before: tuple[StepResult, ...], started: float) -> RestoreReport:
    """Everything from the closed edge to the report, for a restoration that was begun; `before` was done for it."""
    steps = (*before, *carry_out(BEFORE_THE_START, name.slug))
    begun = monotonic()
    delivered = create_environment(name.municipality, name.purpose)
    change = delivered.change.model_copy(update={"details": ()})  # a line for each of a hundred would hide the rest
    converged = StepResult(name="ambiente convergido e certificado", change=change, seconds=monotonic() - begun)
    steps = (*steps, converged, *carry_out(AFTER_THE_START, name.slug))
    return publish_restoration(name.slug, steps, delivered.facts, monotonic() - started)
