"""A database server that is lost, and its environments on another: in which order, and what came of each."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Self

from pydantic import NonNegativeFloat

from domain.backup.night import Candidate
from domain.backup.sizes import shown_seconds
from domain.calendar import local_moment
from domain.environment import Purpose
from domain.fleet_failures import FleetFailures
from domain.model import Frozen
from domain.report import table_cell
from domain.restoration import RestoreReport

_NEVER = datetime.min.replace(tzinfo=UTC)


def in_order_of_rebuilding(candidates: Iterable[Candidate]) -> tuple[str, ...]:
    """Productions first, where a city waits; then whoever lost most: the longest without a proved backup."""

    def turn(candidate: Candidate) -> tuple[bool, datetime, str]:
        return (candidate.purpose is not Purpose.PRODUCAO, candidate.proved_at or _NEVER, candidate.environment)

    return tuple(candidate.environment for candidate in sorted(candidates, key=turn))


class RebuildReport(Frozen):
    """What came of every environment of a lost server, in the order in which they had their turn."""

    server: str
    on: str
    rebuilt: dict[str, RestoreReport]
    failures: FleetFailures
    seconds: NonNegativeFloat

    @classmethod
    def of(cls, server: str, on: str, results: Mapping[str, object], seconds: float) -> Self:
        """Sort what came of each environment: its report, or the error with which it failed."""
        return cls(
            server=server,
            on=on,
            rebuilt={name: result for name, result in results.items() if isinstance(result, RestoreReport)},
            failures=FleetFailures.of(results),
            seconds=seconds,
        )

    def markdown(self) -> list[str]:
        """The table that operators read: what needs a person first."""
        lines = [
            f"# Servidor {self.server} reconstruído em {self.on}",
            "",
            f"**{len(self.rebuilt)} ambientes de volta e certificados, {len(self.failures.reasons)} não.**"
            f" Tempo total: {shown_seconds(self.seconds)} ({self.seconds:.1f} s).",
            "",
            "| Ambiente | Resultado | Dados de | Segundos | O que falta |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {name} | **não voltou**: {table_cell(why)} | | | |" for name, why in self.failures.reasons.items()
        ]
        lines += [
            f"| {name} | certificado | {local_moment(report.taken_at)} | {report.seconds:.1f}"
            f" | {table_cell(report.next_step)} |"
            for name, report in self.rebuilt.items()
        ]
        return lines

    def raise_if_any_failed(self) -> None:
        """Fail the run as its worst environment failed.

        Raises:
            ImplantaError: of the kind of the worst failure.
        """
        self.failures.raise_if_any(
            "{number} ambientes não voltaram",
            f"Veja a tabela no artefato reconstrucao-{self.server}; corrija e execute de novo: só eles são feitos.",
        )
