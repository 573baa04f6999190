"""Started by Prefect's automations: one mail to the programme's team of a run that crashed, failed or never came."""

from enum import StrEnum
from typing import Annotated

from prefect import flow

from flows.forms import asked
from tasks.self_alert import tell_team


class Situation(StrEnum):
    """What was seen."""

    CRASHED = "execução interrompida"
    FAILED = "conferência com falha"
    SILENT = "rotina sem notícia"


@flow(name="aviso", flow_run_name="aviso · {situation}")
def alert(
    situation: Annotated[Situation, asked("Situação", "O que o Prefect viu.")],
    subject: str = asked(
        "Execução ou rotina", "O nome da execução ou da rotina, como aparece no Prefect.", max_length=200
    ),
) -> None:
    """Write to the team; where no box is named, or the mail server is down, the run's own name is what tells."""
    tell_team(subject, situation.value)
