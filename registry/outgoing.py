"""Webhooks to other systems: each event becomes one stored message to every endpoint that asked for it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta

from pydantic import Field
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from domain.errors import IntegrityError, InvalidInputError
from domain.model import Frozen
from domain.webhook.endpoint import EndpointState, OutgoingState
from domain.webhook.outgoing import Notice
from registry.models import EventNewsRow, EventRow, WebhookEndpointRow, WebhookMessageRow
from registry.privacy import refuse_personal_data
from registry.records import EndpointRecord, EventRecord, OutgoingRecord
from registry.transaction import Transaction

Tell = Callable[[EventRecord], Sequence[Notice]]
"""What is told of an event; nothing of most."""

BATCH = 200


class Derived(Frozen):
    """What one batch of news became."""

    events: int = 0
    made: int = 0
    refused: int = Field(default=0, description="Messages that would have told personal data: a defect.")


class OutgoingClaim:
    """One message that nobody else sends until the block that holds the claim ends; what it tells is then kept."""

    def __init__(self, session: Session, row: WebhookMessageRow, endpoint: WebhookEndpointRow) -> None:
        self._session = session
        self._row = row
        self._endpoint = endpoint
        self.record = _message(row, endpoint.name)
        self.url = endpoint.url

    def deliver(self, now: datetime) -> None:
        """The endpoint took it."""
        self._decide(OutgoingState.DELIVERED, None, now)
        self._lock_endpoint().refused_since = None

    def fail(self, problem: str, now: datetime, pause: timedelta, patience: timedelta) -> None:
        """It did not: again after the pause, and last when its time is over, which begins with the first failure.

        An endpoint that took nothing else in all that time is set aside.
        """
        if self._row.attempts == 0:
            self._row.try_until = now + patience
        if now >= self._row.try_until:
            self._decide(OutgoingState.FAILED, problem, now)
        else:
            self._row.attempts += 1
            self._row.problem = problem
            self._row.next_attempt_at = min(now + pause, self._row.try_until)
        endpoint = self._lock_endpoint()
        endpoint.refused_since = endpoint.refused_since or now
        if endpoint.state == EndpointState.ACTIVE and now - endpoint.refused_since >= patience:
            endpoint.state = EndpointState.SET_ASIDE

    def close(self, problem: str, now: datetime) -> None:
        """The endpoint wants nothing more, of anything."""
        self._decide(OutgoingState.FAILED, problem, now)
        self._lock_endpoint().state = EndpointState.GONE

    def _decide(self, state: OutgoingState, problem: str | None, now: datetime) -> None:
        self._row.state = state
        self._row.attempts += 1
        self._row.problem = problem
        self._row.decided_at = now

    def _lock_endpoint(self) -> WebhookEndpointRow:
        """The endpoint as it is now: what others learnt of it while this was sent is not undone."""
        self._session.refresh(self._endpoint, with_for_update=True)
        return self._endpoint


class Outgoing:
    """The messages to other systems; `Registry.outgoing` gives it."""

    def __init__(
        self,
        read: Transaction,
        write: Transaction,
        once: Callable[[], AbstractContextManager[Session]],
    ) -> None:
        self._read = read
        self._write = write
        self._once = once

    def add_endpoint(self, name: str, url: str, types: Collection[str], now: datetime) -> EndpointRecord:
        """Register an endpoint: it is told what happens from now on.

        Raises:
            InvalidInputError: there is one of this name.
        """
        return self._write(lambda session: _add(session, name, url, types, now))

    def endpoints(self) -> list[EndpointRecord]:
        """Every endpoint, by name."""
        query = select(WebhookEndpointRow).order_by(WebhookEndpointRow.name)
        return self._read(lambda session: [_endpoint(row) for row in session.scalars(query)])

    def endpoint(self, name: str) -> EndpointRecord:
        """The endpoint of a name.

        Raises:
            InvalidInputError: there is none.
        """
        return self._read(lambda session: _endpoint(_find(session, name)))

    def remove_endpoint(self, name: str) -> None:
        """Forget an endpoint and every message to it.

        Raises:
            InvalidInputError: there is none.
        """

        def remove(session: Session) -> None:
            session.delete(_find(session, name))

        self._write(remove)

    def reopen(self, name: str) -> None:
        """Send to an endpoint again: it was just seen to take a message."""

        def write(session: Session) -> None:
            row = _find(session, name, lock=True)
            row.state, row.refused_since, row.told_at = EndpointState.ACTIVE, None, None

        self._write(write)

    def mark_told(self, name: str, now: datetime) -> None:
        """The team knows that this endpoint is sent nothing more."""

        def write(session: Session) -> None:
            _find(session, name, lock=True).told_at = now

        self._write(write)

    def derive(self, tell: Tell, now: datetime, try_for: timedelta) -> Derived:
        """Make the messages of some of the events that are news; none at all when there are no more.

        An event and its messages are one transaction, whoever else does the same: none is lost and none is made twice.
        """
        return self._write(lambda session: _derive(session, tell, now, try_for))

    def due(self, now: datetime) -> dict[str, tuple[int, ...]]:
        """The messages to be sent now, by endpoint, what waited longest first."""
        query = (
            select(WebhookEndpointRow.name, WebhookMessageRow.id)
            .join(WebhookEndpointRow, WebhookEndpointRow.id == WebhookMessageRow.endpoint_id)
            .where(WebhookMessageRow.state == OutgoingState.WAITING, WebhookMessageRow.next_attempt_at <= now)
            .where(WebhookEndpointRow.state == EndpointState.ACTIVE)
            .order_by(WebhookMessageRow.next_attempt_at, WebhookMessageRow.id)
            .limit(10 * BATCH)
        )

        def look(session: Session) -> dict[str, tuple[int, ...]]:
            found: dict[str, list[int]] = {}
            for name, number in session.execute(query):
                found.setdefault(name, []).append(number)
            return {name: tuple(numbers) for name, numbers in found.items()}

        return self._read(look)

    @contextmanager
    def claim(self, number: int, now: datetime) -> Iterator[OutgoingClaim | None]:
        """Keep every other process off a message for the length of the block; what the block tells is kept at its end.

        None when it is not due, or while another process holds it. An error in the block, or `kill -9`, frees it.
        """
        query = (
            select(WebhookMessageRow)
            .where(WebhookMessageRow.id == number)
            .where(WebhookMessageRow.state == OutgoingState.WAITING, WebhookMessageRow.next_attempt_at <= now)
        )
        with self._once() as session:
            row = session.scalar(query.with_for_update(skip_locked=True))
            endpoint = None if row is None else session.get_one(WebhookEndpointRow, row.endpoint_id)
            is_due = endpoint is not None and endpoint.state == EndpointState.ACTIVE
            yield OutgoingClaim(session, row, endpoint) if row is not None and endpoint is not None and is_due else None

    def list(
        self, endpoint: str | None = None, state: OutgoingState | None = None, limit: int = 200
    ) -> list[OutgoingRecord]:
        """The newest messages, of one endpoint or state or of all, the last first."""
        query = select(WebhookMessageRow, WebhookEndpointRow.name).join(
            WebhookEndpointRow, WebhookEndpointRow.id == WebhookMessageRow.endpoint_id
        )
        if endpoint is not None:
            query = query.where(WebhookEndpointRow.name == endpoint)
        if state is not None:
            query = query.where(WebhookMessageRow.state == state)
        newest = query.order_by(WebhookMessageRow.id.desc()).limit(limit)
        return self._read(lambda session: [_message(row, name) for row, name in session.execute(newest)])

    def resend(
        self,
        now: datetime,
        try_for: timedelta,
        *,
        number: int | None = None,
        since: datetime | None = None,
        endpoint: str | None = None,
    ) -> int:
        """Put messages back into the queue, their time beginning now: one, or those made since; how many those were."""
        statement = update(WebhookMessageRow).values(
            state=OutgoingState.WAITING, attempts=0, next_attempt_at=now, try_until=now + try_for, decided_at=None
        )
        if number is not None:
            statement = statement.where(WebhookMessageRow.id == number)
        if since is not None:
            statement = statement.where(WebhookMessageRow.created_at >= since)
        if endpoint is not None:
            of_name = select(WebhookEndpointRow.id).where(WebhookEndpointRow.name == endpoint).scalar_subquery()
            statement = statement.where(WebhookMessageRow.endpoint_id == of_name)
        return self._write(lambda session: session.connection().execute(statement).rowcount)

    def forget(self, made_before: datetime) -> int:
        """Forget the messages made before that, whatever became of them; how many those were."""
        statement = delete(WebhookMessageRow).where(WebhookMessageRow.created_at < made_before)
        return self._write(lambda session: session.connection().execute(statement).rowcount)


def _add(session: Session, name: str, url: str, types: Collection[str], now: datetime) -> EndpointRecord:
    refuse_personal_data([name, url], what="O endereço")
    if session.scalar(select(WebhookEndpointRow.id).where(WebhookEndpointRow.name == name)) is not None:
        raise InvalidInputError(
            f"Já há um endereço {name}", "webhooks de saída", f"Remova-o com ./implanta webhook endpoint remove {name}."
        )
    row = WebhookEndpointRow(
        name=name,
        url=url,
        types=sorted(types),
        after_event=session.scalar(select(func.max(EventRow.id))) or 0,
        state=EndpointState.ACTIVE,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return _endpoint(row)


def _derive(session: Session, tell: Tell, now: datetime, try_for: timedelta) -> Derived:
    newest = list(session.scalars(select(EventNewsRow.event_id).order_by(EventNewsRow.event_id).limit(BATCH)))
    # Row by row: a lock on a range of them would hold up whoever records an event meanwhile.
    mine = select(EventNewsRow.event_id).where(EventNewsRow.event_id.in_(newest))
    numbers = list(session.scalars(mine.with_for_update(skip_locked=True))) if newest else []
    if not numbers:
        return Derived()
    made = refused = 0
    listening = select(WebhookEndpointRow).where(WebhookEndpointRow.state != EndpointState.GONE)
    # Locked, so that none is removed between the look and its messages.
    if endpoints := list(session.scalars(listening.with_for_update(read=True))):
        for event in session.scalars(select(EventRow).where(EventRow.id.in_(numbers)).order_by(EventRow.id)):
            record = EventRecord.model_validate({name: getattr(event, name) for name in EventRecord.model_fields})
            for notice in tell(record):
                try:
                    refuse_personal_data(notice.data, what=f"O aviso '{notice.type}'")
                except IntegrityError:  # a defect of its contract, which must hold up nobody else's message
                    refused += 1
                    continue
                body = notice.model_dump_json()
                for endpoint in endpoints:
                    if event.id > endpoint.after_event and (not endpoint.types or notice.type in endpoint.types):
                        session.add(_new(endpoint, event, notice.type, body, now, try_for))
                        made += 1
    session.connection().execute(delete(EventNewsRow).where(EventNewsRow.event_id.in_(numbers)))
    return Derived(events=len(numbers), made=made, refused=refused)


def _new(
    endpoint: WebhookEndpointRow, event: EventRow, kind: str, body: str, now: datetime, try_for: timedelta
) -> WebhookMessageRow:
    return WebhookMessageRow(
        endpoint_id=endpoint.id,
        event_id=event.id,
        ibge=event.ibge,
        type=kind,
        body=body,
        created_at=now,
        # What an endpoint that was set aside misses waits for somebody to ask for it.
        state=OutgoingState.WAITING if endpoint.state == EndpointState.ACTIVE else OutgoingState.FAILED,
        attempts=0,
        next_attempt_at=now,
        try_until=now + try_for,
        problem=None if endpoint.state == EndpointState.ACTIVE else "o endereço estava posto de lado",
    )


def _find(session: Session, name: str, *, lock: bool = False) -> WebhookEndpointRow:
    query = select(WebhookEndpointRow).where(WebhookEndpointRow.name == name)
    row = session.scalar(query.with_for_update() if lock else query) if name.isascii() else None
    if row is None:
        raise InvalidInputError(
            f"Não há endereço {name!r}", "webhooks de saída", "Veja ./implanta webhook endpoint list."
        )
    return row


def _endpoint(row: WebhookEndpointRow) -> EndpointRecord:
    return EndpointRecord.model_validate({name: getattr(row, name) for name in EndpointRecord.model_fields})


def _message(row: WebhookMessageRow, endpoint: str) -> OutgoingRecord:
    fields = OutgoingRecord.model_fields.keys() - {"endpoint"}
    return OutgoingRecord.model_validate({"endpoint": endpoint, **{name: getattr(row, name) for name in fields}})
