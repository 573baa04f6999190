"""What an independent second look found in the people whom the rules accepted: counts, and never a cell."""

from pydantic import NonNegativeInt

from domain.model import Frozen


class UserRule(Frozen):
    """One statement about a column, and how many people or permissions break it."""

    rule: str
    column: str
    holds: bool
    broken: NonNegativeInt = 0

    def __str__(self) -> str:
        return f"{self.column}: {self.rule}" + (f" (quebram: {self.broken})" if self.broken else "")


class UserVerdict(Frozen):
    """Every statement about the accepted people, held or broken."""

    rules: tuple[UserRule, ...]

    @property
    def holds(self) -> bool:
        """Whether every statement holds."""
        return all(rule.holds for rule in self.rules)

    @property
    def broken(self) -> tuple[UserRule, ...]:
        """The statements that do not hold."""
        return tuple(rule for rule in self.rules if not rule.holds)
