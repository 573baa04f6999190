"""The agendador: runs the scheduled tasks of every environment that are due, each at most once a minute."""

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.change import Change
from domain.errors import ImplantaError, InvalidInputError
from lab.sei_standin.code_version import code_problem
from lab.sei_standin.database import Row, fetch_all
from lab.sei_standin.environments import Environment, Environments, local_now
from lab.sei_standin.replication import replicate_all_units, replicate_all_users

logger = logging.getLogger(__name__)

System = Literal["sip", "sei"]
Command = Callable[[Environment, datetime], Change]

_SECONDS_PER_MINUTE = 60
_TIME_OF_DAY = re.compile(r"(\d{1,2})(?::(\d{2}))?")
_LAST_MINUTE = 59
_LAST_HOUR = 23
_STARTED = "UPDATE infra_agendamento_tarefa SET dth_ultima_execucao = %s, sin_sucesso = 'N' WHERE comando = %s"
_ENDED_WELL = "UPDATE infra_agendamento_tarefa SET dth_ultima_conclusao = %s, sin_sucesso = 'S' WHERE comando = %s"


def _beat(_environment: Environment, _now: datetime) -> Change:
    return Change()


# What the stand-in does of `infra_agendamento_tarefa`; all other tasks are left as they are.
COMMANDS: Mapping[System, Mapping[str, Command]] = {
    "sip": {
        "AgendamentoRN::testarAgendamento": _beat,
        "AgendamentoRN::replicarTodosUsuariosSEI": replicate_all_users,
        "AgendamentoRN::replicarUnidadesHierarquiaSEI": replicate_all_units,
    },
    "sei": {"AgendamentoRN::testarAgendamento": _beat},
}


@dataclass(frozen=True)
class Schedule:
    """When a task runs (`sei.md` 2.6): N at minutes of each hour, D at hours of each day.

    Raises:
        InvalidInputError: another kind of period, or a list that cannot be read.
    """

    kind: str
    complement: str

    def __post_init__(self) -> None:
        if self.kind not in {"N", "D"}:
            raise self._refused()
        for moment in self._moments():
            match = _TIME_OF_DAY.fullmatch(moment)
            if match is None or (self.kind == "N" and match[2]):
                raise self._refused()
            if int(match[1]) > (_LAST_MINUTE if self.kind == "N" else _LAST_HOUR) or int(match[2] or 0) > _LAST_MINUTE:
                raise self._refused()

    def _moments(self) -> list[str]:
        return [part.strip() for part in self.complement.split(",")]

    def _refused(self) -> InvalidInputError:
        return InvalidInputError(
            f"Periodicidade {self.kind!r} {self.complement!r} não entendida",
            "infra_agendamento_tarefa",
            "Use N com minutos (0, 5, 10) ou D com horas (3 ou 00:00,01:00).",
        )

    def is_due(self, now: datetime, last_run: datetime | None) -> bool:
        """Whether the task runs in this minute and did not yet."""
        if last_run is not None and last_run.replace(second=0, microsecond=0) == now.replace(second=0, microsecond=0):
            return False
        for moment in self._moments():
            first, _, minute = moment.partition(":")
            if self.kind == "N" and now.minute == int(first):
                return True
            if self.kind == "D" and (now.hour, now.minute) == (int(first), int(minute or 0)):
                return True
        return False


@dataclass(frozen=True)
class Outcome:
    """What became of one command: what it changed, or why it failed, in words for the operator."""

    change: Change
    problem: str | None = None


def run_command(environment: Environment, command: str, now: datetime) -> Outcome:
    """Run a scheduled task now, active or not, in every system that has it."""
    systems = [system for system, commands in COMMANDS.items() if command in commands]
    if not systems:
        return Outcome(Change(), f"A tarefa {command} não existe no substituto do SEI")
    if environment.stopped:
        return Outcome(Change(), "A aplicação está parada")
    if not environment.scheduled:
        return Outcome(Change(), "Esta aplicação não tem agendador")
    outcomes = [_run(environment, system, command, now) for system in systems]
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    return Outcome(Change.sum(outcome.change for outcome in outcomes), "; ".join(problems) or None)


def run_due(environments: Environments, now: datetime) -> None:
    """Run what is due in this minute, in every environment that has an agendador and is not stopped.

    One environment's trouble is logged and stops no other.
    """
    for environment in environments.list_all():
        if not environment.scheduled:
            continue
        for system, commands in COMMANDS.items():
            try:
                tasks = _list_active(environment, system)
            except ImplantaError as e:
                logger.error("agendamento ambiente=%s sistema=%s erro=%s", environment.slug, system, e)
                continue
            for task in tasks:
                if task["comando"] in commands and _is_due(environment, task, now):
                    _run(environment, system, task["comando"], now)


def _list_active(environment: Environment, system: System) -> list[Row]:
    with environment.sip() if system == "sip" else environment.sei() as cursor:
        return fetch_all(
            cursor,
            "SELECT comando, sta_periodicidade_execucao, periodicidade_complemento, dth_ultima_execucao"
            " FROM infra_agendamento_tarefa WHERE sin_ativo = 'S' ORDER BY id_infra_agendamento_tarefa",
        )


def _is_due(environment: Environment, task: Row, now: datetime) -> bool:
    try:
        schedule = Schedule(task["sta_periodicidade_execucao"], task["periodicidade_complemento"] or "")
    except InvalidInputError as e:
        logger.error("agendamento ambiente=%s comando=%s erro=%s", environment.slug, task["comando"], e)
        return False
    return schedule.is_due(now, task["dth_ultima_execucao"])


def _run(environment: Environment, system: System, command: str, now: datetime) -> Outcome:
    try:
        if problem := code_problem(environment):
            return Outcome(Change(), problem)
        # In a transaction of its own: the start is on record whatever becomes of the task.
        _record(environment, system, _STARTED, now, command)
        change = COMMANDS[system][command](environment, now)
        _record(environment, system, _ENDED_WELL, local_now(), command)
    except ImplantaError as e:
        logger.error("agendamento ambiente=%s comando=%s falhou: %s", environment.slug, command, e)
        return Outcome(Change(), str(e))
    logger.info("agendamento ambiente=%s comando=%s %s", environment.slug, command, change)
    return Outcome(change)


def _record(environment: Environment, system: System, query: str, moment: datetime, command: str) -> None:
    with environment.sip() if system == "sip" else environment.sei() as cursor:
        cursor.execute(query, (moment, command))


class Scheduler:
    """A thread that wakes at the start of each minute."""

    def __init__(self, environments: Environments) -> None:
        self._environments = environments
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="agendador", daemon=True)

    def start(self) -> None:
        """Begin, with the minute that is running."""
        self._thread.start()

    def stop(self) -> None:
        """End; a task that is running ends first."""
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                run_due(self._environments, local_now())
            except Exception as e:  # the agendador outlives whatever one minute brings
                logger.error("agendamento erro=%s", type(e).__name__)
            self._stopping.wait(_SECONDS_PER_MINUTE - time.time() % _SECONDS_PER_MINUTE)
