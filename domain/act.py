"""Acts by which a prefeitura binds itself: a contract that was signed, a decree that was published."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.errors import InvalidInputError
from domain.model import Frozen

ACT_REGISTERED = "act.registered"
"""Kind of the registry's event."""


class Act(StrEnum):
    """What can be registered."""

    CONTRATO = "contrato"
    DECRETO = "decreto"


class RegisteredAct(Frozen):
    """One act, as it can be found again: its number, its day, and where it was published. No names of people."""

    act: Act
    number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    day: date
    published_in: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = Field(default="")

    def __str__(self) -> str:
        where = f", {self.published_in}" if self.published_in else ""
        return f"{self.act} {self.number}, de {self.day:%d/%m/%Y}{where}"


def require_past(act: RegisteredAct, today: date, where: str) -> None:
    """Raise InvalidInputError for an act that is still to come: it binds nobody yet."""
    if act.day > today:
        raise InvalidInputError(
            f"O {act.act} tem data de {act.day:%d/%m/%Y}, que ainda não chegou", where, "Registre-o depois desse dia."
        )
