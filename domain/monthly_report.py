"""The monthly report to a prefeitura: what came into its SEI, and what happened to it."""

import re
from datetime import date, timedelta
from typing import Self

from pydantic import JsonValue, NonNegativeInt

from domain.errors import InvalidInputError
from domain.instruments.words import MONTHS, long_day
from domain.model import Frozen
from domain.monitoring.availability import Availability


class Month(Frozen):
    """A month of the calendar."""

    first: date

    @classmethod
    def before(cls, day: date) -> Self:
        """The last whole month before a day."""
        return cls(first=(day.replace(day=1) - timedelta(days=1)).replace(day=1))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The month of `2027-05`.

        Raises:
            InvalidInputError: it is none.
        """
        if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
            raise InvalidInputError(f"{text!r} não é um mês", "relatório mensal", "Escreva como 2027-05.")
        return cls(first=date.fromisoformat(f"{text}-01"))

    @property
    def after(self) -> date:
        """The first day that is not in it."""
        return (self.first + timedelta(days=31)).replace(day=1)

    def holds(self, day: date) -> bool:
        """Whether a day is in it."""
        return self.first <= day < self.after

    @property
    def label(self) -> str:
        """`maio de 2027`."""
        return f"{MONTHS[self.first.month - 1]} de {self.first.year}"

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


class MonthOfUse(Frozen):
    """What was done in a SEI in one month."""

    users: NonNegativeInt
    """People who did anything in a process."""
    processes: NonNegativeInt
    documents: NonNegativeInt


class MonthOfService(Frozen):
    """What the programme told the prefeitura in that month."""

    opened_on: date | None
    """The day on which production was opened, if that was in the month."""
    maintenances: NonNegativeInt
    incidents: NonNegativeInt
    availability: Availability | None = None
    """None where the monitoring saw nothing of it."""


def report_variables(month: Month, use: MonthOfUse, service: MonthOfService) -> dict[str, JsonValue]:
    """What the message of the report tells."""
    happened: list[JsonValue] = []
    if service.opened_on is not None:
        happened.append(f"O SEI entrou em produção em {long_day(service.opened_on)}.")
    happened += [
        _counted(service.maintenances, "manutenção programada", "manutenções programadas", none="Nenhuma"),
        _counted(service.incidents, "incidente comunicado", "incidentes comunicados", none="Nenhum"),
    ]
    if service.availability is not None:
        happened.append(service.availability.told)
    return {
        "mes": month.label,
        "usuarios": use.users,
        "processos": use.processes,
        "documentos": use.documents,
        "ocorrencias": happened,
    }


def _counted(count: int, one: str, many: str, *, none: str) -> str:
    return f"{none} {one}." if not count else f"{count} {one if count == 1 else many}."
