"""The classes that a prefeitura is invited to, and what a correction of one is. Nobody is in them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, NonNegativeInt, PositiveInt, StringConstraints, model_validator

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.municipality import IbgeCode

ClassCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=20)]


class Meeting(Frozen):
    """One class of a course, as an operator registers it."""

    course: str
    """A `codigo` of `catalog/training.yaml`."""
    code: ClassCode
    """What tells it from the other classes of the course in the municipality."""
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    place: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    seats: PositiveInt

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.starts_at >= self.ends_at:
            msg = "o fim não vem depois do início"
            raise ValueError(msg)
        return self


class ClassState(StrEnum):
    """How a class stands."""

    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"
    PAST = "past"

    @property
    def label(self) -> str:
        """The state as operators read it."""
        return {"scheduled": "marcada", "cancelled": "cancelada", "past": "realizada"}[self.value]


class ScheduledClass(Meeting):
    """A class that the municipality was told of; each correction counts, and replaces the last in calendars."""

    ibge: IbgeCode
    correction: NonNegativeInt = 0
    told_at: AwareDatetime
    """When this correction was registered."""
    cancelled_at: AwareDatetime | None = None

    def state(self, now: datetime) -> ClassState:
        """How it stands."""
        if self.cancelled_at is not None:
            return ClassState.CANCELLED
        return ClassState.PAST if self.ends_at <= now else ClassState.SCHEDULED


def plan_class(ibge: str, wanted: Meeting, found: ScheduledClass | None, now: datetime) -> ScheduledClass:
    """The class as it is to be registered: new, corrected, or as it is when nothing differs.

    Raises:
        InvalidInputError: it would begin in the past, or was cancelled: people's calendars have let it go.
    """
    where = f"{ibge}, curso {wanted.course}, turma {wanted.code}"
    if wanted.starts_at <= now:
        raise InvalidInputError("A turma começaria no passado", where, "Confira o dia e a hora, de Brasília.")
    if found is None:
        return ScheduledClass(**dict(wanted), ibge=ibge, told_at=now)
    if found.cancelled_at is not None:
        raise InvalidInputError("Esta turma foi cancelada", where, "Registre a nova com outro código em --class.")
    if all(getattr(found, name) == value for name, value in wanted):
        return found
    return ScheduledClass(**dict(wanted), ibge=ibge, correction=found.correction + 1, told_at=now)


def plan_cancellation(found: ScheduledClass, now: datetime) -> ScheduledClass:
    """The class cancelled, or as it is when it was so already.

    Raises:
        InvalidInputError: it has begun.
    """
    if found.cancelled_at is not None:
        return found
    if found.starts_at <= now:
        raise InvalidInputError(
            "A turma já começou, e não se cancela mais",
            f"{found.ibge}, curso {found.course}, turma {found.code}",
            "Quem não foi fica como ausente na lista de presença.",
        )
    return found.model_copy(update={"correction": found.correction + 1, "told_at": now, "cancelled_at": now})
