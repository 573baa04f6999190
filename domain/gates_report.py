"""What the night found at the gates."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from domain.fleet_failures import FleetFailures
from domain.model import Frozen
from domain.report import table_cell


class GateLine(Frozen):
    """One prefeitura at a gate; with `reasons` it is closed."""

    municipality: str
    facts: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def started(self) -> bool:
        """Whether the implantation was started again, for the gate is open."""
        return not self.reasons


class GatesReport(Frozen):
    """Every prefeitura that waited at the gate, in the order in which it was asked for."""

    lines: tuple[GateLine, ...] = ()
    failures: FleetFailures = Field(default_factory=FleetFailures)

    @classmethod
    def of(cls, results: Mapping[str, GateLine | BaseException | None]) -> Self:
        """Sort what each prefeitura's step gave: its line, nothing to tell, or the error with which it failed."""
        return cls(
            lines=tuple(result for result in results.values() if isinstance(result, GateLine)),
            failures=FleetFailures.of(results),
        )

    def markdown(self) -> list[str]:
        """The table that operators read: failures first, then what opened."""
        opened = [line for line in self.lines if not line.reasons]
        lines = [
            "# Portões da capacitação",
            "",
            f"Abertos: {len(opened)}; fechados: {len(self.lines) - len(opened)};"
            f" com falha: {len(self.failures.reasons)}.",
            "",
            "| Prefeitura | Portão | Por quê |",
            "|---|---|---|",
        ]
        lines += [f"| {name} | **falhou** | {table_cell(reason)} |" for name, reason in self.failures.reasons.items()]
        lines += [
            f"| {line.municipality} | {'fechado' if line.reasons else '**abriu**'} "
            f"| {table_cell(' '.join(line.reasons or line.facts))} |"
            for line in sorted(self.lines, key=lambda line: bool(line.reasons))
        ]
        return lines

    def raise_if_any_failed(self) -> None:
        """Fail the run as its worst prefeitura failed, naming all of them.

        Raises:
            ImplantaError: of the kind with the highest exit code.
        """
        self.failures.raise_if_any(
            "{number} portões não foram avaliados", "Veja o motivo de cada um no artefato portoes-da-capacitacao."
        )
