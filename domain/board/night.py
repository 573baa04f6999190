"""What the night's counting came to, for operators."""

from collections.abc import Mapping
from typing import Self

from domain.change import Change
from domain.fleet_failures import FleetFailures
from domain.model import Frozen


class CountReport(Frozen):
    """Each production's count, and why of each one that could not be counted."""

    changes: dict[str, Change]
    failures: FleetFailures

    @classmethod
    def of(cls, results: Mapping[str, object]) -> Self:
        """Sort what came of each production: its change, or the error with which it failed."""
        return cls(
            changes={name: result for name, result in results.items() if isinstance(result, Change)},
            failures=FleetFailures.of(results),
        )

    def raise_if_any_failed(self) -> None:
        """Fail the run as its worst production failed, naming all of them.

        Raises:
            ImplantaError: of the kind with the highest exit code.
        """
        self.failures.raise_if_any(
            "{number} produções não foram contadas", "O painel mostra a última contagem de cada uma; corrija a causa."
        )
