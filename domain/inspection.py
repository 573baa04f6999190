"""What was found of one environment: what has drifted from its declaration, what is proved, what is wrong."""

import hashlib
from collections.abc import Mapping

from pydantic import Field

from domain.change import Change
from domain.errors import GateClosedError, IntegrityError, InvalidInputError, RetryableError
from domain.model import Frozen
from domain.report import StepResult, first_of, sort_results

SHOWN_DIGITS = 12
"""How much of a plan's digest people see and type."""


def require_same_plan(given: str, now: str | None, environment: str, command: str) -> None:
    """Refuse to apply when what would be changed is no longer what was shown; `now` is None with nothing left to do.

    Nothing left to do is what a run finds that was cut off between writing and remembering.

    Raises:
        InvalidInputError: that is no code of a plan.
        GateClosedError: the plan is another one now.
    """
    if len(given) < SHOWN_DIGITS:
        raise InvalidInputError(
            f"O código {given!r} é curto demais para identificar um plano",
            environment,
            f"Copie os {SHOWN_DIGITS} dígitos que {command} mostra.",
        )
    if now is not None and not now.startswith(given):
        raise GateClosedError(
            f"O plano mudou desde que foi mostrado (era {given[:SHOWN_DIGITS]}, agora é {now[:SHOWN_DIGITS]})",
            environment,
            f"Veja-o de novo com {command}. Nada foi gravado.",
        )


class Inspection(Frozen):
    """An environment held against what it should be; `steps` are what `apply` would do."""

    environment: str
    steps: tuple[StepResult, ...]
    facts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def change(self) -> Change:
        """Everything that would be changed."""
        return Change.sum(result.change for result in self.steps)

    @property
    def drifted(self) -> tuple[StepResult, ...]:
        """The steps that found something to do."""
        return tuple(result for result in self.steps if result.change.total)

    @property
    def digest(self) -> str:
        """SHA-256 of what would be changed, or of what would be made where nothing is yet: the code of a plan."""
        said = self.drift() if self.steps else self.facts
        return hashlib.sha256("\n".join((self.environment, *said)).encode()).hexdigest()

    def drift(self) -> list[str]:
        """One sentence a difference, in Portuguese; a step that cannot name its differences counts them."""
        return [
            f"{result.name}: {detail}"
            for result in self.drifted
            for detail in (result.change.details or (str(result.change),))
        ]

    def raise_if_wrong(self) -> None:
        """Raise IntegrityError when something drifted or is not proved; the message names the first findings."""
        findings = [*self.drift(), *self.problems]
        if not findings:
            return
        more = f" e mais {len(findings) - 1}" if len(findings) > 1 else ""
        raise IntegrityError(
            f"O ambiente difere do declarado em {len(findings)} ponto(s): {findings[0]}{more}",
            self.environment,
            f"Veja o plano com ./implanta environment plan {self.environment} e conserte com apply.",
        )


class FleetInspection(Frozen):
    """One night's look at the whole fleet."""

    inspections: tuple[Inspection, ...]
    failures: dict[str, str] = Field(default_factory=dict, description="Environment to why it could not be compared.")

    @classmethod
    def of(cls, results: Mapping[str, object]) -> "FleetInspection":
        """Sort what came of each environment: an inspection, or the error for which there is none."""
        inspections, failures = sort_results(results, Inspection)
        return cls(inspections=inspections, failures=failures)

    @property
    def drifted(self) -> tuple[Inspection, ...]:
        """Those that differ from what is declared."""
        return tuple(one for one in self.inspections if one.drifted)

    def raise_if_wrong(self) -> None:
        """Raise IntegrityError when an environment drifted, RetryableError when one only could not be compared."""
        drifted = [f"{one.environment} ({len(one.drift())})" for one in self.drifted]
        if drifted:
            raise IntegrityError(
                f"{len(drifted)} ambiente(s) diferem do declarado: {first_of(drifted)}",
                "desvio dos ambientes",
                "Veja o artefato da execução; ./implanta environment plan mostra o que difere, e apply o repõe.",
            )
        if self.failures:
            raise RetryableError(
                f"{len(self.failures)} ambiente(s) não puderam ser comparados: "
                f"{first_of([f'{name}: {why}' for name, why in self.failures.items()])}",
                "desvio dos ambientes",
                "Corrija a causa de cada um e execute de novo.",
            )
