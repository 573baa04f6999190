"""Training classes: the last correction of each; the earlier ones are in the history."""

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.change import Change
from domain.errors import InvalidInputError
from domain.training_class import ScheduledClass
from registry.history import record_event
from registry.models import TrainingClassRow
from registry.privacy import refuse_personal_data

CLASS_SCHEDULED = "class.scheduled"
CLASS_CANCELLED = "class.cancelled"


def save_class(session: Session, wanted: ScheduledClass) -> Change:
    """Keep a class, or its next correction, and tell the history; the same one again changes nothing.

    Raises:
        InvalidInputError: somebody else corrected it meanwhile.
    """
    values = wanted.model_dump()
    facts: dict[str, JsonValue] = {
        name: value
        for name, value in wanted.model_dump(mode="json", exclude={"ibge", "told_at"}).items()
        if value is not None
    }
    refuse_personal_data(facts, what="A turma")
    row = session.scalar(
        select(TrainingClassRow)
        .where(
            TrainingClassRow.ibge == wanted.ibge,
            TrainingClassRow.course == wanted.course,
            TrainingClassRow.code == wanted.code,
        )
        .with_for_update()
    )
    if row is not None and _class(row) == wanted:
        return Change(unchanged=1)
    if (row.correction + 1 if row else 0) != wanted.correction:
        raise InvalidInputError(
            "A turma foi mudada por outra pessoa neste momento",
            f"{wanted.ibge}, curso {wanted.course}, turma {wanted.code}",
            "Veja como ficou com ./implanta training class list e tente de novo.",
        )
    if row is None:
        session.add(TrainingClassRow(**values))
    else:
        for name, value in values.items():
            setattr(row, name, value)
    kind = CLASS_CANCELLED if wanted.cancelled_at else CLASS_SCHEDULED
    record_event(
        session,
        kind=kind,
        ibge=wanted.ibge,
        environment=None,
        actor="implanta",
        flow_run_id=None,
        details=facts,
        key=f"{kind}:{wanted.ibge}:{wanted.course}:{wanted.code}#{wanted.correction}",
        occurred_at=wanted.told_at,
    )
    return Change(updated=1) if row else Change(created=1)


def list_classes(session: Session, ibge: str | None) -> list[ScheduledClass]:
    """The classes of a municipality, or of all, by when they begin."""
    query = select(TrainingClassRow).order_by(TrainingClassRow.starts_at, TrainingClassRow.id)
    if ibge is not None:
        query = query.where(TrainingClassRow.ibge == ibge)
    return [_class(row) for row in session.scalars(query)]


def _class(row: TrainingClassRow) -> ScheduledClass:
    return ScheduledClass.model_validate({name: getattr(row, name) for name in ScheduledClass.model_fields})
