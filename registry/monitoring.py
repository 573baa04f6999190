"""The monitoring: how each probe stands, what a sweep changes, and what environments use from day to day."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.orm import Session

from domain.change import Change
from domain.monitoring.causes import PlannedEvent
from domain.monitoring.facts import DayOfUse
from domain.monitoring.state import ProbeState
from registry.history import record_event
from registry.messages import queue_message
from registry.models import DailyUseRow, EventRow, MessageRow, MonitoringStateRow
from registry.records import QueuedMessage
from registry.transaction import Transaction

_ROWS_AT_ONCE = 1_000
_USES = ("concurrent_users", "users", "storage_bytes")


class SweepRecord(NamedTuple):
    """All that one sweep leaves behind."""

    at: datetime
    day: date
    states: Sequence[ProbeState]
    gone: Collection[str]
    """Subjects of which nothing is remembered any more."""
    events: Sequence[PlannedEvent]
    messages: Sequence[QueuedMessage]
    uses: Sequence[DayOfUse]
    """Of every environment that was seen."""


class DailyUseRecord(DayOfUse):
    """What one environment used on a day, at its most, and how many sweeps saw it."""

    day: date
    sweeps: int


class Happened(NamedTuple):
    """One event, without its details."""

    kind: str
    at: datetime


class Monitoring:
    """What the monitoring remembers; each method is one transaction."""

    def __init__(self, read: Transaction, write: Transaction) -> None:
        self._read, self._write = read, write

    def states(self) -> list[ProbeState]:
        """How every probe of every subject stands."""
        query = select(MonitoringStateRow).order_by(MonitoringStateRow.subject, MonitoringStateRow.probe)
        return self._read(lambda session: [_state(row) for row in session.scalars(query)])

    def record(self, sweep: SweepRecord, *, actor: str, flow_run_id: str | None) -> Change:
        """Remember a sweep: states, events of incidents, messages and use, all of it or nothing.

        `created` counts the events and messages that are new.

        Raises:
            IntegrityError: an event or a message holds personal data.
        """
        return self._write(lambda session: _record(session, sweep, actor, flow_run_id))

    def daily_use(self, first: date, after: date, environment: str | None = None) -> list[DailyUseRecord]:
        """The days from one until before another, of one environment or of all."""
        query = select(DailyUseRow).where(DailyUseRow.day >= first, DailyUseRow.day < after)
        if environment is not None:
            query = query.where(DailyUseRow.environment == environment)
        query = query.order_by(DailyUseRow.environment, DailyUseRow.day)
        return self._read(lambda session: [_use(row) for row in session.scalars(query)])

    def happened(self, kinds: Collection[str], ibge: str | None = None) -> dict[str, list[Happened]]:
        """What happened of these kinds in each environment, oldest first, without what was said of it."""
        query = (
            select(EventRow.environment, EventRow.kind, EventRow.occurred_at)
            .where(EventRow.kind.in_(kinds), EventRow.environment.is_not(None))
            .order_by(EventRow.occurred_at, EventRow.id)
        )
        if ibge is not None:
            query = query.where(EventRow.ibge == ibge)

        def read(session: Session) -> dict[str, list[Happened]]:
            found: dict[str, list[Happened]] = {}
            for environment, kind, at in session.execute(query):
                found.setdefault(environment, []).append(Happened(kind, at))
            return found

        return self._read(read)

    def mail_due_since(self, now: datetime) -> datetime | None:
        """Since when a message waits for its turn to be tried; None when none does.

        One that was tried and put back, for the lack of an address or of a mail server, waits for its next turn only.
        """
        waiting = (MessageRow.sent_at.is_(None), MessageRow.dropped_at.is_(None), MessageRow.next_attempt_at <= now)
        return self._read(lambda session: session.scalar(select(func.min(MessageRow.next_attempt_at)).where(*waiting)))


def _record(session: Session, sweep: SweepRecord, actor: str, flow_run_id: str | None) -> Change:
    # In one order everywhere, so that two that write at once do not wait for each other.
    _upsert_states(session, sorted(sweep.states, key=lambda state: state.key))
    if sweep.gone:
        session.execute(delete(MonitoringStateRow).where(MonitoringStateRow.subject.in_(sorted(sweep.gone))))
    _upsert_uses(session, sweep.day, sorted(sweep.uses, key=lambda use: use.environment))
    added = sum(
        record_event(
            session,
            kind=event.kind,
            ibge=event.ibge,
            environment=event.environment,
            actor=actor,
            flow_run_id=flow_run_id,
            details=event.details.model_dump(mode="json"),
            key=event.key,
            occurred_at=sweep.at,
        )
        for event in sweep.events
    )
    queued = sum(queue_message(session, message, sweep.at) for message in sweep.messages)
    return Change(created=added + queued, updated=len(sweep.states), removed=len(sweep.gone))


def _upsert_states(session: Session, states: Sequence[ProbeState]) -> None:
    for chunk in _chunks([state.model_dump() | {"probe": state.probe.value} for state in states]):
        statement = insert(MonitoringStateRow).values(chunk)
        changed = {
            name: statement.inserted[name] for name in ProbeState.model_fields if name not in {"subject", "probe"}
        }
        session.execute(statement.on_duplicate_key_update(changed))


def _upsert_uses(session: Session, day: date, uses: Sequence[DayOfUse]) -> None:
    for chunk in _chunks([{**use.model_dump(), "day": day, "sweeps": 1} for use in uses]):
        statement = insert(DailyUseRow).values(chunk)
        # GREATEST of a NULL is NULL, and what was not measured takes nothing away.
        most = {
            name: func.coalesce(
                func.greatest(DailyUseRow.__table__.c[name], statement.inserted[name]),
                DailyUseRow.__table__.c[name],
                statement.inserted[name],
            )
            for name in _USES
        }
        session.execute(statement.on_duplicate_key_update({**most, "sweeps": DailyUseRow.__table__.c.sweeps + 1}))


def _chunks(rows: list[dict[str, object]]) -> Iterable[list[dict[str, object]]]:
    return (rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE))


def _state(row: MonitoringStateRow) -> ProbeState:
    return ProbeState.model_validate({name: getattr(row, name) for name in ProbeState.model_fields})


def _use(row: DailyUseRow) -> DailyUseRecord:
    return DailyUseRecord.model_validate({name: getattr(row, name) for name in DailyUseRecord.model_fields})
