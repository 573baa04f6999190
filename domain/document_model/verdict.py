"""What validation found in a seeded instance, and in the fleet."""

from collections.abc import Iterator, Mapping

from pydantic import AwareDatetime, NonNegativeInt

from domain.errors import IntegrityError
from domain.model import Frozen
from domain.report import first_of, sort_results


class RuleResult(Frozen):
    """One rule: the programme's entries that break it, and those that are the prefeitura's own."""

    says: str
    broken: tuple[str, ...] = ()
    local: tuple[str, ...] = ()


class SuiteResult(Frozen):
    """The rules of one kind over the rows that the instance has of it."""

    name: str
    label: str
    rows: NonNegativeInt
    rules: tuple[RuleResult, ...]

    @property
    def passed(self) -> bool:
        """Whether no entry of the programme breaks a rule."""
        return not self.broken

    @property
    def broken(self) -> int:
        """How often an entry of the programme breaks a rule."""
        return sum(len(rule.broken) for rule in self.rules)

    @property
    def local(self) -> int:
        """How often an entry of the prefeitura's own breaks a rule."""
        return sum(len(rule.local) for rule in self.rules)


class ModelVerdict(Frozen):
    """One seeded instance against every suite; `digest` is that of the model that was applied last."""

    environment: str
    digest: str
    judged_at: AwareDatetime
    suites: tuple[SuiteResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every suite passed."""
        return all(suite.passed for suite in self.suites)

    @property
    def rules(self) -> int:
        """How many rules were judged."""
        return sum(len(suite.rules) for suite in self.suites)

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence an entry that breaks a rule of the programme."""
        return tuple(self._told(broken=True))

    @property
    def remarks(self) -> tuple[str, ...]:
        """One sentence an entry of the prefeitura's own that breaks a rule."""
        return tuple(self._told(broken=False))

    def raise_if_wrong(self) -> None:
        """Raise IntegrityError when a suite did not pass; the message names the first findings."""
        if not self.passed:
            raise IntegrityError(
                f"O modelo de documentos não passou na validação em {len(self.problems)} ponto(s):"
                f" {first_of(self.problems)}",
                self.environment,
                f"Veja todos com ./implanta seed verify {self.environment}; o que difere do catálogo se conserta com"
                f" ./implanta seed apply {self.environment}, e unidades com ./implanta units apply.",
            )

    def _told(self, *, broken: bool) -> Iterator[str]:
        for suite in self.suites:
            for rule in suite.rules:
                for item in rule.broken if broken else rule.local:
                    yield f"{suite.label} {item!r} não cumpre: {rule.says}"


class FleetVerdict(Frozen):
    """The fleet's verdicts; `failures` says why of each environment that could not be judged."""

    verdicts: tuple[ModelVerdict, ...]
    failures: dict[str, str]

    @classmethod
    def of(cls, results: Mapping[str, object]) -> "FleetVerdict":
        """What the validations found; an exception in place of a result is a failure."""
        verdicts, failures = sort_results(results, ModelVerdict)
        return cls(verdicts=verdicts, failures=failures)

    def raise_if_wrong(self) -> None:
        """Raise IntegrityError when an instance did not pass or could not be judged."""
        wrong = [f"{name}: {why}" for name, why in self.failures.items()]
        wrong += [
            f"{verdict.environment}: {len(verdict.problems)} ponto(s), o primeiro: {verdict.problems[0]}"
            for verdict in self.verdicts
            if not verdict.passed
        ]
        if wrong:
            raise IntegrityError(
                f"O modelo de {len(wrong)} ambiente(s) não passou na validação",
                first_of(wrong),
                "Veja cada um com ./implanta seed verify AMBIENTE.",
            )
