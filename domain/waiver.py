"""A gate that a person lets stay closed: by whom, why, and until when."""

from datetime import date, timedelta

from domain.errors import InvalidInputError
from domain.model import Frozen

# Longer than any training takes: what is let be for half a year is no exception any more.
MAX_WAIVER = timedelta(days=180)


class Waiver(Frozen):
    """Says yes to the gate, as it is, until the end of a day."""

    reason: str
    until: date

    def in_force(self, today: date) -> bool:
        """Whether it still counts."""
        return today <= self.until

    def __str__(self) -> str:
        return f"dispensado até {self.until:%d/%m/%Y}: {self.reason}"


def require_expiry(until: date, today: date, where: str) -> None:
    """Refuse a waiver that has run out already, or that would hardly ever.

    Raises:
        InvalidInputError: the day is in the past or too far away.
    """
    latest = today + MAX_WAIVER
    if not today <= until <= latest:
        raise InvalidInputError(
            f"A dispensa não pode valer até {until:%d/%m/%Y}", where, f"Escolha um dia até {latest:%d/%m/%Y}."
        )
