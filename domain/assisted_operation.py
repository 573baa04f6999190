"""The first weeks of a prefeitura in production: watched more closely, and then handed over to regular service."""

from collections.abc import Mapping
from datetime import date
from typing import Self

from pydantic import Field, NonNegativeInt, PositiveInt

from domain.calendar import BusinessCalendar
from domain.errors import IntegrityError
from domain.fleet_failures import FleetFailures
from domain.model import Frozen
from domain.paperwork import Paperwork
from domain.report import table_cell


class Watch(Frozen):
    """How long one prefeitura is watched, and how far that has come."""

    day: NonNegativeInt = Field(description="Business days since the opening; the day of the opening is 0.")
    of: PositiveInt

    @property
    def over(self) -> bool:
        """Whether the last day has passed."""
        return self.day > self.of


def watch_on(opened: date, today: date, business_days: int, calendar: BusinessCalendar) -> Watch:
    """How far the assisted operation of a prefeitura is that was opened on a day."""
    return Watch(day=calendar.business_days_between(opened, today), of=business_days)


class Watched(Frozen):
    """One look at one prefeitura: what it has made since the opening, and what is wrong."""

    environment: str
    watch: Watch
    made: Paperwork
    errors: NonNegativeInt = Field(description="Errors that SEI logged in the last 24 hours (`infra_log`).")
    problems: tuple[str, ...] = ()
    closed: str | None = Field(default=None, description="Who closed it to the public, when and why; no problem.")
    handed_over: bool = False


class AssistedReport(Frozen):
    """Everybody who is watched, in the order in which they were asked for."""

    lines: tuple[Watched, ...] = ()
    failures: FleetFailures = Field(default_factory=FleetFailures)

    @classmethod
    def of(cls, results: Mapping[str, Watched | BaseException]) -> Self:
        """Sort what each environment's step gave: its line, or the error with which it failed."""
        return cls(
            lines=tuple(result for result in results.values() if isinstance(result, Watched)),
            failures=FleetFailures.of(results),
        )

    def markdown(self) -> list[str]:
        """The table that operators read: what is wrong first."""
        ailing = sum(bool(line.problems) for line in self.lines)
        lines = [
            "# Operação assistida",
            "",
            f"{len(self.lines)} em acompanhamento, {ailing} com problema, {len(self.failures.reasons)} sem resposta.",
            "",
            "| Ambiente | Dia útil | Processos | Documentos | Assinaturas | Erros em 24 h | Situação |",
            "|---|---:|---:|---:|---:|---:|---|",
        ]
        lines += [
            f"| {name} | – | – | – | – | – | **sem resposta:** {table_cell(reason)} |"
            for name, reason in self.failures.reasons.items()
        ]
        lines += [
            f"| {line.environment} | {min(line.watch.day, line.watch.of)} de {line.watch.of} | {line.made.processos}"
            f" | {line.made.documentos} | {line.made.assinaturas} | {line.errors} | {_standing(line)} |"
            for line in sorted(self.lines, key=lambda line: not line.problems)
        ]
        return lines

    def raise_if_any_ails(self) -> None:
        """Fail the run when somebody could not be asked, or something is wrong with somebody.

        Raises:
            ImplantaError: of the kind of the worst failure, or IntegrityError for a problem that was seen.
        """
        see = "Veja o artefato operacao-assistida."
        self.failures.raise_if_any("{number} ambientes em operação assistida não foram conferidos", see)
        ailing = [line for line in self.lines if line.problems]
        if ailing:
            raise IntegrityError(
                f"{len(ailing)} ambientes em operação assistida com problema: {ailing[0].problems[0]}",
                ", ".join(line.environment for line in ailing),
                see,
            )


def _standing(line: Watched) -> str:
    if line.problems:
        return f"**{table_cell('; '.join(line.problems))}**"
    if line.closed:
        return table_cell(line.closed)
    return "passou ao atendimento regular" if line.handed_over else "em ordem"
