"""What came of one reading of the servers' binary logs, environment by environment."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from domain.change import Change
from domain.fleet_failures import FleetFailures
from domain.model import Frozen
from domain.report import table_cell


class LogReport(Frozen):
    """Of whom something was stored, and whose part failed; no personal data."""

    stored: dict[str, str]
    unchanged: dict[str, str]
    failures: FleetFailures = Field(default_factory=FleetFailures)

    @classmethod
    def of(cls, results: Mapping[str, object]) -> Self:
        """Sort what came of each environment: its change, or the error with which it failed."""
        told: dict[bool, dict[str, str]] = {True: {}, False: {}}
        for name, result in results.items():
            if isinstance(result, Change):
                told[result.created > 0][name] = "; ".join(result.details)
        return cls(stored=told[True], unchanged=told[False], failures=FleetFailures.of(results))

    def markdown(self) -> list[str]:
        """The table that operators read: what failed first."""
        lines = [
            "# Logs binários guardados",
            "",
            f"{len(self.stored)} ambientes com algo novo, {len(self.unchanged)} sem.",
            "",
            "| Ambiente | Resultado |",
            "|---|---|",
        ]
        lines += [f"| {name} | **falhou**: {table_cell(why)} |" for name, why in self.failures.reasons.items()]
        lines += [f"| {name} | {table_cell(told)} |" for name, told in (*self.stored.items(), *self.unchanged.items())]
        return lines

    def raise_if_any_failed(self) -> None:
        """Raise the kind of error with which the worst one failed, naming all of them."""
        self.failures.raise_if_any(
            "O log binário de {number} ambientes não foi guardado", "Corrija a causa: a próxima hora tenta de novo."
        )
