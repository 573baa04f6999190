"""The queue of messages, and the claim of one of them: a row lock that lives as long as its connection."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import InvalidInputError
from registry.history import record_event
from registry.models import MessageDeliveryRow, MessageRow
from registry.privacy import refuse_personal_data
from registry.records import Dropped, MessageRecord, QueuedMessage, ReturnedMessage

MESSAGE_SENT = "message.sent"
MESSAGE_DROPPED = "message.dropped"
MESSAGE_RETURNED = "message.returned"


_WAITING = (MessageRow.sent_at.is_(None), MessageRow.dropped_at.is_(None))


class Claim:
    """One message that nobody else works on until the block that holds the claim ends; what it tells is then kept."""

    def __init__(self, session: Session, row: MessageRow) -> None:
        self._session = session
        self._row = row
        self._deliveries = {found.recipient: found for found in _deliveries(session, [row.id])}

    def is_done(self, recipient: str) -> bool:
        """Whether this recipient was sent the message, or cannot be."""
        return recipient in self._deliveries

    @property
    def has_reached_somebody(self) -> bool:
        """Whether the mail server took it for anybody."""
        return any(delivery.outcome == "sent" for delivery in self._deliveries.values())

    def record_delivery(self, recipient: str, role: str, now: datetime) -> None:
        """Tell that the recipient is sent the message. Only the commit is left to go wrong after this."""
        row = MessageDeliveryRow(
            message_id=self._row.id, recipient=recipient, role=role, outcome="sent", delivered_at=now
        )
        self._session.add(row)
        self._session.flush()
        self._deliveries[recipient] = row

    def mark_refused(self, recipient: str) -> None:
        """Tell that the delivery just recorded was refused for good."""
        self._deliveries[recipient].outcome = "refused"
        self._row.refused += 1

    def finish(self, now: datetime) -> None:
        """Everybody has it: out of the queue, and into the history."""
        self._row.attempts += 1
        self._row.sent_at = now
        self._remember(MESSAGE_SENT, {}, now)

    def drop(self, because: Dropped, now: datetime) -> None:
        """Out of the queue although somebody does not have it, and into the history."""
        self._row.dropped_at = now
        self._row.dropped_because = because
        self._remember(MESSAGE_DROPPED, {"because": because}, now)

    def postpone(self, until: datetime) -> None:
        """Back into the queue."""
        self._row.attempts += 1
        self._row.next_attempt_at = until

    def _remember(self, kind: str, details: dict[str, JsonValue], now: datetime) -> None:
        by_role = _by_role(self._deliveries.values())
        told: dict[str, JsonValue] = {"event": self._row.event, "message": self._row.key}
        record_event(
            self._session,
            kind=kind,
            ibge=self._row.ibge,
            environment=None,
            actor="implanta",
            flow_run_id=None,
            details=told | details | {outcome: dict(by_role[outcome]) for outcome in ("sent", "refused")},
            key=f"{kind}:{self._row.key}",
            occurred_at=now,
        )


def queue_message(session: Session, message: QueuedMessage, now: datetime) -> bool:
    """Add a message, due at once; False when its key is already there."""
    refuse_personal_data([message.key, message.event, message.variables], what=f"A mensagem '{message.event}'")
    if session.scalar(select(MessageRow.id).where(MessageRow.key == message.key)) is not None:
        return False
    session.add(MessageRow(created_at=now, attempts=0, next_attempt_at=now, refused=0, **message.model_dump()))
    return True


def due_messages(session: Session, now: datetime) -> list[str]:
    """The keys of what is to be sent now, what waited longest first."""
    query = select(MessageRow.key).where(*_WAITING, MessageRow.next_attempt_at <= now)
    return list(session.scalars(query.order_by(MessageRow.next_attempt_at, MessageRow.id)))


def find_message(session: Session, key: str) -> MessageRecord:
    """The message of a key."""
    row = session.scalar(select(MessageRow).where(MessageRow.key == key))
    if row is None:
        raise InvalidInputError(f"Não há mensagem {key!r}", "fila de mensagens", "Veja ./implanta message list.")
    return _record(row, _deliveries(session, [row.id]))


def list_messages(session: Session, ibge: str) -> list[MessageRecord]:
    """The messages of a municipality, in the order in which they were queued."""
    rows = list(session.scalars(select(MessageRow).where(MessageRow.ibge == ibge).order_by(MessageRow.id)))
    deliveries = _deliveries(session, [row.id for row in rows])
    return [_record(row, [one for one in deliveries if one.message_id == row.id]) for row in rows]


def claim_message(session: Session, key: str, now: datetime) -> Claim | None:
    """Lock a message that is due; None when it no longer is, or while another process holds it."""
    query = select(MessageRow).where(MessageRow.key == key, *_WAITING, MessageRow.next_attempt_at <= now)
    row = session.scalar(query.with_for_update(skip_locked=True))
    return None if row is None else Claim(session, row)


def withdraw_messages(session: Session, ibge: str, keys: Collection[str], now: datetime) -> list[str]:
    """Take out of the queue what became untrue, due or not; which keys those were.

    What another process is sending at this moment goes out: it is not among them.
    """
    query = select(MessageRow).where(MessageRow.ibge == ibge, MessageRow.key.in_(keys), *_WAITING)
    rows = list(session.scalars(query.order_by(MessageRow.id).with_for_update(skip_locked=True)))
    for row in rows:
        Claim(session, row).drop("withdrawn", now)
    return [row.key for row in rows]


def record_return(session: Session, reference: str, status: str, now: datetime) -> ReturnedMessage | None:
    """Tell that a letter came back, once; None when it is none of ours, or was never taken by a mail server.

    `reference` is the beginning of the recipient's digest, by which the letter itself is known. It is not sent again:
    the address is as wrong as before.
    """
    # No index begins with the digest: whoever locks while searching locks everybody's deliveries.
    search = select(MessageDeliveryRow.id).where(MessageDeliveryRow.recipient.startswith(reference, autoescape=True))
    number = session.scalar(search)
    delivery = session.get(MessageDeliveryRow, number, with_for_update=True) if number is not None else None
    if delivery is None or delivery.outcome == "refused":
        return None
    message = session.get_one(MessageRow, delivery.message_id)
    is_new = delivery.outcome != "returned"
    if is_new:
        delivery.outcome = "returned"
        record_event(
            session,
            kind=MESSAGE_RETURNED,
            ibge=message.ibge,
            environment=None,
            actor="implanta",
            flow_run_id=None,
            details={"event": message.event, "message": message.key, "role": delivery.role, "status": status},
            key=f"{MESSAGE_RETURNED}:{delivery.recipient}",
            occurred_at=now,
        )
    return ReturnedMessage(key=message.key, ibge=message.ibge, role=delivery.role, is_new=is_new)


def _deliveries(session: Session, messages: list[int]) -> list[MessageDeliveryRow]:
    query = select(MessageDeliveryRow).where(MessageDeliveryRow.message_id.in_(messages))
    return list(session.scalars(query.order_by(MessageDeliveryRow.id)))


def _by_role(deliveries: Iterable[MessageDeliveryRow]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {"sent": Counter(), "refused": Counter(), "returned": Counter()}
    for delivery in deliveries:
        found[delivery.outcome][delivery.role] += 1
    return found


def _record(row: MessageRow, deliveries: list[MessageDeliveryRow]) -> MessageRecord:
    by_role = _by_role(deliveries)
    return MessageRecord(
        key=row.key,
        ibge=row.ibge,
        event=row.event,
        variables=row.variables,
        created_at=row.created_at,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        sent_at=row.sent_at,
        expires_at=row.expires_at,
        dropped_at=row.dropped_at,
        dropped_because=row.dropped_because,
        refused=row.refused,
        sent_by_role=dict(by_role["sent"]),
        refused_by_role=dict(by_role["refused"]),
        returned_by_role=dict(by_role["returned"]),
        done=frozenset(delivery.recipient for delivery in deliveries),
    )
