"""The monthly drill: a copy that is damaged on purpose has to be seen by the verification, with the right cause."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from domain.backup.certificate import BackupCertificate
from domain.backup.findings import Cause
from domain.errors import IntegrityError
from domain.fleet_failures import FleetFailures
from domain.model import Frozen
from domain.report import first_of, table_cell


class DrillResult(Frozen):
    """One kind of damage to one environment's copy, and what the verification said of it."""

    damage: str
    expected: Cause
    found: tuple[Cause, ...]

    @classmethod
    def of(cls, damage: str, expected: Cause, certificate: BackupCertificate) -> Self:
        """What a certificate says of a copy that was damaged so."""
        return cls(
            damage=damage,
            expected=expected,
            found=tuple(dict.fromkeys(finding.cause for finding in certificate.findings)),
        )

    @property
    def seen(self) -> bool:
        """Whether the damage was seen, and called by its name."""
        return self.expected in self.found


class DrillReport(Frozen):
    """Every environment's drill, for operators."""

    results: dict[str, tuple[DrillResult, ...]]
    failures: FleetFailures = Field(default_factory=FleetFailures)

    @classmethod
    def of(cls, results: Mapping[str, object]) -> Self:
        """Sort what came of each environment: its results, or the error with which it failed."""
        return cls(
            results={name: tuple(found) for name, found in results.items() if isinstance(found, tuple | list)},
            failures=FleetFailures.of(results),
        )

    def markdown(self) -> list[str]:
        """The table that operators read."""
        lines = ["# Exercício das cópias", "", "| Ambiente | Dano feito de propósito | Visto | Causa apontada |"]
        lines += ["|---|---|---|---|"]
        lines += [f"| {name} | | **não feito** | {table_cell(why)} |" for name, why in self.failures.reasons.items()]
        lines += [
            f"| {name} | {result.damage} | {'sim' if result.seen else '**não**'}"
            f" | {', '.join(result.found) or 'nenhuma'} |"
            for name, results in self.results.items()
            for result in results
        ]
        return lines

    def raise_if_blind(self) -> None:
        """Fail when a damage was not seen: then no certificate since the last drill can be relied on.

        Raises:
            IntegrityError: the verification did not see a damage.
            ImplantaError: the drill itself failed somewhere.
        """
        blind = [
            f"{name}: {result.damage}"
            for name, results in self.results.items()
            for result in results
            if not result.seen
        ]
        if blind:
            raise IntegrityError(
                f"A verificação das cópias não viu um dano feito de propósito: {first_of(blind)}",
                "exercício das cópias",
                "Não confie nos certificados emitidos desde o último exercício: avise a equipe do Implanta.",
            )
        self.failures.raise_if_any("O exercício falhou em {number} ambientes", "Corrija a causa e execute de novo.")
