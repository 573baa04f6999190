"""What a step found and did."""

from collections.abc import Iterable
from typing import Self

from pydantic import Field, NonNegativeInt

from domain.model import Frozen


class Change(Frozen):
    """Counts of things that one convergent step created, updated, removed or found already right."""

    created: NonNegativeInt = 0
    updated: NonNegativeInt = 0
    removed: NonNegativeInt = 0
    unchanged: NonNegativeInt = 0
    details: tuple[str, ...] = Field(
        default=(), description="What was touched, in Portuguese and without personal data: parâmetro SEI_X: a → b."
    )

    @property
    def total(self) -> int:
        """How many things were really touched: 0 means that the world already was as declared."""
        return self.created + self.updated + self.removed

    def __add__(self, other: "Change") -> "Change":
        return Change(
            created=self.created + other.created,
            updated=self.updated + other.updated,
            removed=self.removed + other.removed,
            unchanged=self.unchanged + other.unchanged,
            details=self.details + other.details,
        )

    @classmethod
    def sum(cls, changes: Iterable["Change"]) -> Self:
        """Add up any number of changes; none at all is a change of nothing."""
        total = cls()
        for change in changes:
            total = cls(**(total + change).model_dump())
        return total

    def __str__(self) -> str:
        if not self.total:
            return "0 mudanças"
        parts = [
            f"{count} {word}{'s' if count > 1 else ''}"
            for count, word in (
                (self.created, "criado"),
                (self.updated, "atualizado"),
                (self.removed, "removido"),
            )
            if count
        ]
        return ", ".join(parts)
