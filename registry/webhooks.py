"""The outbox of webhooks: each is stored before its sender is answered, and stays until its flow is started."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from domain.errors import InvalidInputError
from domain.webhook.delivery import WebhookState, wait_after
from registry.history import record_event
from registry.models import MunicipalityRow, WebhookRow
from registry.privacy import refuse_personal_data
from registry.records import ArrivedWebhook, WebhookRecord
from registry.transaction import Transaction

WEBHOOK_ACCEPTED, WEBHOOK_STARTED, WEBHOOK_FAILED = "webhook.accepted", "webhook.started", "webhook.failed"
ACTOR = "webhook"


class WebhookClaim:
    """One webhook that nobody else delivers until the block that holds the claim ends; what it tells is then kept."""

    def __init__(self, session: Session, row: WebhookRow) -> None:
        self._session = session
        self._row = row
        self.record = _record(row)

    def start(self, flow_run_id: str, now: datetime) -> None:
        """Its flow run exists."""
        self._row.state = WebhookState.STARTED
        self._row.attempts += 1
        self._row.decided_at = now
        self._row.flow_run_id = flow_run_id
        self._row.problem = None
        _tell(self._session, self._row, WEBHOOK_STARTED, now)

    def fail(self, problem: str, now: datetime) -> None:
        """Somebody has to correct something before it can be started."""
        self._row.state = WebhookState.FAILED
        self._row.attempts += 1
        self._row.decided_at = now
        self._row.problem = problem
        _tell(self._session, self._row, WEBHOOK_FAILED, now, str(self._row.attempts))

    def postpone(self, problem: str, now: datetime) -> None:
        """A system is down: again later, and after more failures later still."""
        self._row.attempts += 1
        self._row.problem = problem
        self._row.next_attempt_at = now + wait_after(self._row.attempts)


class WebhookOutbox:
    """The webhooks of the registry; `Registry.webhooks` gives it."""

    def __init__(
        self,
        read: Transaction,
        write: Transaction,
        once: Callable[[], AbstractContextManager[Session]],
    ) -> None:
        self._read = read
        self._write = write
        self._once = once

    def accept(self, arrived: ArrivedWebhook, now: datetime) -> WebhookRecord:
        """Store a webhook, due at once, and tell the history; one that is there already stays as it is and comes back.

        Raises:
            IntegrityError: its number, or what it says, holds personal data.
        """
        return self._write(lambda session: _accept(session, arrived, now))

    def find(self, source: str, webhook_id: str) -> WebhookRecord | None:
        """The webhook of a number, or None."""

        def look(session: Session) -> WebhookRecord | None:
            row = _row(session, source, webhook_id)
            return None if row is None else _record(row)

        return self._read(look)

    def list(self, state: WebhookState | None = None, limit: int = 200) -> list[WebhookRecord]:
        """The newest webhooks, of one state or of all, the last received first."""
        query = select(WebhookRow).order_by(WebhookRow.id.desc()).limit(limit)
        if state is not None:
            query = query.where(WebhookRow.state == state)
        return self._read(lambda session: [_record(row) for row in session.scalars(query)])

    def due(self, now: datetime) -> tuple[tuple[str, str], ...]:
        """Source and number of what is to be delivered now: of each municipality what came first, and that alone."""
        earlier = aliased(WebhookRow)
        query = (
            select(WebhookRow.source, WebhookRow.webhook_id)
            .where(WebhookRow.state == WebhookState.ACCEPTED, WebhookRow.next_attempt_at <= now)
            .where(
                ~select(earlier.id)
                .where(
                    earlier.municipality == WebhookRow.municipality,
                    earlier.state == WebhookState.ACCEPTED,
                    earlier.id < WebhookRow.id,
                )
                .exists()
            )
            .order_by(WebhookRow.id)
        )
        return self._read(lambda session: tuple((source, number) for source, number in session.execute(query)))

    @contextmanager
    def claim(self, source: str, webhook_id: str, now: datetime) -> Iterator[WebhookClaim | None]:
        """Keep every other process off a webhook for the length of the block; what the block tells is kept at its end.

        None when it is not due, or while another process holds it. An error in the block, or `kill -9`, frees it and
        keeps nothing.
        """
        query = select(WebhookRow).where(
            WebhookRow.source == source,
            WebhookRow.webhook_id == webhook_id,
            WebhookRow.state == WebhookState.ACCEPTED,
            WebhookRow.next_attempt_at <= now,
        )
        with self._once() as session:
            row = session.scalar(query.with_for_update(skip_locked=True))
            yield None if row is None else WebhookClaim(session, row)

    def replay(self, source: str, webhook_id: str, now: datetime) -> WebhookRecord:
        """Put a webhook that failed back into the queue; one that waits is due at once.

        Raises:
            InvalidInputError: there is none, its flow was started, or its body is no longer kept.
        """
        return self._write(lambda session: _replay(session, source, webhook_id, now))

    def drop_bodies(self, decided_before: datetime) -> int:
        """Forget what webhooks said whose flow was started before that; how many those were."""
        statement = (
            update(WebhookRow)
            .where(
                WebhookRow.state == WebhookState.STARTED,
                WebhookRow.decided_at < decided_before,
                WebhookRow.body.is_not(None),
            )
            .values(body=None)
        )
        return self._write(lambda session: session.connection().execute(statement).rowcount)


def _accept(session: Session, arrived: ArrivedWebhook, now: datetime) -> WebhookRecord:
    refuse_personal_data([arrived.webhook_id, arrived.body], what="O webhook")
    row = _row(session, arrived.source, arrived.webhook_id)
    if row is not None:
        return _record(row)
    row = WebhookRow(
        received_at=now, state=WebhookState.ACCEPTED, attempts=0, next_attempt_at=now, **arrived.model_dump()
    )
    session.add(row)
    session.flush()
    _tell(session, row, WEBHOOK_ACCEPTED, now)
    return _record(row)


def _replay(session: Session, source: str, webhook_id: str, now: datetime) -> WebhookRecord:
    row = _row(session, source, webhook_id, lock=True)
    if row is None:
        raise InvalidInputError(
            f"Não há webhook {webhook_id!r} de {source}", "fila de webhooks", "Veja ./implanta webhook list."
        )
    if row.state == WebhookState.STARTED or row.body is None:
        raise InvalidInputError(
            "A execução deste webhook já foi iniciada",
            f"{source}/{webhook_id}",
            "Se ela falhou, execute-a de novo na tela do Prefect.",
        )
    row.state = WebhookState.ACCEPTED
    row.next_attempt_at = now
    row.decided_at = None
    return _record(row)


def _row(session: Session, source: str, webhook_id: str, *, lock: bool = False) -> WebhookRow | None:
    if not (source.isascii() and webhook_id.isascii()):  # the server would refuse to compare any other text with them
        return None
    query = select(WebhookRow).where(WebhookRow.source == source, WebhookRow.webhook_id == webhook_id)
    return session.scalar(query.with_for_update() if lock else query)


def _tell(session: Session, row: WebhookRow, kind: str, now: datetime, *part: str) -> None:
    """Tell the history of a municipality that is registered; before its adhesion the outbox itself is the history."""
    ibge = session.scalar(select(MunicipalityRow.ibge).where(MunicipalityRow.slug == row.municipality))
    if ibge is None:
        return
    record_event(
        session,
        kind=kind,
        ibge=ibge,
        environment=None,
        actor=ACTOR,
        flow_run_id=row.flow_run_id,
        details={"source": row.source, "webhook": row.webhook_id, "sha256": row.sha256},
        key=":".join((kind, row.source, row.webhook_id, *part)),
        occurred_at=now,
    )


def _record(row: WebhookRow) -> WebhookRecord:
    return WebhookRecord.model_validate({name: getattr(row, name) for name in WebhookRecord.model_fields})
