"""What happened: trainings, decisions of people, events. Nothing here is ever changed or removed."""

from collections.abc import Collection
from datetime import date, datetime

from pydantic import JsonValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.change import Change
from domain.errors import InvalidInputError
from registry.models import DecisionRow, EventRow, TrainingRow
from registry.privacy import refuse_personal_data
from registry.records import DecisionRecord, EventRecord, Ruling, TrainingRecord


def record_training(session: Session, record: TrainingRecord) -> Change:
    """Remember a report unless its content, under any name, is that of the newest one, which counts.

    An older report that is sent again is remembered again: it is the newest now.
    """
    refuse_personal_data(record.counts, what="O registro de capacitação")
    newest = newest_training(session, record.ibge)
    if newest is not None and newest.sha256 == record.sha256:
        return Change(unchanged=1)
    session.add(TrainingRow(**record.model_dump()))
    return Change(created=1)


def newest_training(session: Session, ibge: str) -> TrainingRecord | None:
    """The last report recorded, or None before the first."""
    row = session.scalar(select(TrainingRow).where(TrainingRow.ibge == ibge).order_by(TrainingRow.id.desc()).limit(1))
    return None if row is None else TrainingRecord.model_validate(_facts(row, TrainingRecord))


def newest_trainings(session: Session) -> dict[str, TrainingRecord]:
    """The last report of every municipality that has one, by IBGE code."""
    newest = select(func.max(TrainingRow.id)).group_by(TrainingRow.ibge).scalar_subquery()
    rows = session.scalars(select(TrainingRow).where(TrainingRow.id.in_(newest)))
    return {row.ibge: TrainingRecord.model_validate(_facts(row, TrainingRecord)) for row in rows}


def record_decision(
    session: Session,
    *,
    ibge: str,
    gate: str,
    decision: Ruling,
    name: str,
    reason: str,
    decided_at: datetime,
    flow_run_id: str | None,
    valid_until: date | None,
) -> DecisionRecord:
    """Add a person's answer; it must say who and why, and a waiver until when."""
    for value, field in ((name, "nome"), (reason, "motivo")):
        if not value.strip():
            raise InvalidInputError(
                f"A decisão sobre '{gate}' veio sem {field}", f"município {ibge}", "Informe quem decide e por quê."
            )
    if (decision == "waive") != (valid_until is not None):
        raise InvalidInputError(
            f"A decisão sobre '{gate}' tem prazo sem ser dispensa, ou é dispensa sem prazo",
            f"município {ibge}",
            "Informe até quando vale a dispensa.",
        )
    row = DecisionRow(
        ibge=ibge,
        gate=gate,
        decision=decision,
        name=name.strip(),
        reason=reason.strip(),
        decided_at=decided_at,
        flow_run_id=flow_run_id,
        valid_until=valid_until,
    )
    session.add(row)
    session.flush()
    return DecisionRecord.model_validate(_facts(row, DecisionRecord))


def list_decisions(session: Session, ibge: str, gate: str | None) -> list[DecisionRecord]:
    """The answers about a municipality, oldest first."""
    query = select(DecisionRow).where(DecisionRow.ibge == ibge).order_by(DecisionRow.id)
    if gate is not None:
        query = query.where(DecisionRow.gate == gate)
    return [DecisionRecord.model_validate(_facts(row, DecisionRecord)) for row in session.scalars(query)]


def record_event(
    session: Session,
    *,
    kind: str,
    ibge: str,
    environment: str | None,
    actor: str,
    flow_run_id: str | None,
    details: dict[str, JsonValue],
    key: str | None,
    occurred_at: datetime,
) -> bool:
    """Add an event; False when its key is already there."""
    refuse_personal_data([details, actor, key], what=f"O evento '{kind}'")
    if key is not None and session.scalar(select(EventRow.id).where(EventRow.key == key)) is not None:
        return False
    session.add(
        EventRow(
            kind=kind,
            ibge=ibge,
            environment=environment,
            actor=actor,
            flow_run_id=flow_run_id,
            details=details,
            key=key,
            occurred_at=occurred_at,
        )
    )
    return True


def list_events(session: Session, ibge: str | None, kinds: Collection[str] | None) -> list[EventRecord]:
    """Events in the order in which they happened."""
    query = select(EventRow).order_by(EventRow.occurred_at, EventRow.id)
    if ibge is not None:
        query = query.where(EventRow.ibge == ibge)
    if kinds is not None:
        query = query.where(EventRow.kind.in_(kinds))
    return [EventRecord.model_validate(_facts(row, EventRecord)) for row in session.scalars(query)]


def newest_event(session: Session, kind: str, ibge: str, environment: str) -> EventRecord | None:
    """The event of this kind that happened last in an environment."""
    query = select(EventRow).where(EventRow.ibge == ibge, EventRow.kind == kind, EventRow.environment == environment)
    row = session.scalar(query.order_by(EventRow.occurred_at.desc(), EventRow.id.desc()).limit(1))
    return None if row is None else EventRecord.model_validate(_facts(row, EventRecord))


def newest_events(session: Session, kind: str) -> list[EventRecord]:
    """The event of this kind that happened last in each environment that has one."""
    place = func.row_number().over(
        partition_by=EventRow.environment, order_by=[EventRow.occurred_at.desc(), EventRow.id.desc()]
    )
    told = EventRow.environment.is_not(None)
    ranked = select(EventRow.id, place.label("place")).where(EventRow.kind == kind, told).subquery()
    newest = select(ranked.c.id).where(ranked.c.place == 1)
    rows = session.scalars(select(EventRow).where(EventRow.id.in_(newest)).order_by(EventRow.environment))
    return [EventRecord.model_validate(_facts(row, EventRecord)) for row in rows]


def _facts(
    row: TrainingRow | DecisionRow | EventRow, record: type[TrainingRecord | DecisionRecord | EventRecord]
) -> dict[str, object]:
    return {name: getattr(row, name) for name in record.model_fields}
