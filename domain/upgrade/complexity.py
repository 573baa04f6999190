"""How demanding an upgrade is: the programme's own three kinds."""

from enum import StrEnum


class Complexity(StrEnum):
    """The kind of an upgrade; how long it soaks, and who lets it go on, follows from it."""

    LOW = "baixa"
    MEDIUM = "media"
    HIGH = "alta"

    @property
    def label(self) -> str:
        """The kind as operators read it."""
        return {"baixa": "baixa", "media": "média", "alta": "alta"}[self.value]
