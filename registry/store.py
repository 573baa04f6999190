"""The registry as its users see it: one method, one transaction."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TypeVar

from pydantic import JsonValue, SecretStr
from pymysql.constants import ER
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from domain.change import Change
from domain.document_model.memory import Memory
from domain.lifecycle import STAGE_FINISHED, STAGE_REOPENED, Stage, StageEvent, stages_done
from domain.municipality import Municipality
from domain.plan import Plan
from domain.training_class import ScheduledClass
from registry import classes, fleet, history, locks, model_memory, state_releases
from registry import messages as queue
from registry.campaigns import CampaignLog
from registry.engine import code_of, explain, open_engine, parse_url, where_is
from registry.monitoring import Monitoring
from registry.outgoing import Outgoing
from registry.records import (
    ContractRecord,
    DecisionRecord,
    EnvironmentRecord,
    EventRecord,
    KnownEnvironment,
    MessageRecord,
    QueuedMessage,
    ReferenceRecord,
    ReturnedMessage,
    Ruling,
    TrainingRecord,
)
from registry.webhooks import WebhookOutbox

_Result = TypeVar("_Result")

# Another run inserted the same row first, or both waited for each other: a second look finds what the other did.
_LOST_RACE = {ER.DUP_ENTRY, ER.LOCK_DEADLOCK}


class Registry:
    """The fleet's memory, at one address; connects at the first call, may be shared between threads.

    Every method raises RetryableError when the registry does not answer and InvalidInputError when its address, user,
    password or structure is wrong. Times are aware, in UTC.
    """

    def __init__(self, url: SecretStr | str) -> None:
        """Take an address such as `mysql+pymysql://user:password@host:3306/implanta`.

        Raises:
            InvalidInputError: it is not one.
        """
        self._url = parse_url(url)
        self._engine = open_engine(self._url)

    def __repr__(self) -> str:
        return f"Registry({where_is(self._url)})"

    def dispose(self) -> None:
        """Close the idle connections."""
        self._engine.dispose()

    def lock(self, name: str, wait_seconds: int = 0) -> AbstractContextManager[None]:
        """Keep every other run out of `name` for the length of the block; see `registry.locks.hold`.

        Raises:
            GateClosedError: another run holds it, and still did after `wait_seconds`.
        """
        return locks.hold(self._url, name, wait_seconds=wait_seconds)

    def ensure_municipality(self, municipality: Municipality) -> Change:
        """Register a municipality, or bring its name, population and contacts up to date.

        An empty list of contacts leaves the registered ones.

        Raises:
            InvalidInputError: its IBGE code or slug is another municipality's.
        """
        return self._write(lambda session: fleet.ensure_municipality(session, municipality))

    def find_municipality(self, ref: str) -> Municipality:
        """The municipality of a slug or IBGE code.

        Raises:
            InvalidInputError: there is none; the message names the command that lists them.
        """
        return self._read(lambda session: fleet.find_municipality(session, ref))

    def list_municipalities(self) -> list[Municipality]:
        """Every municipality, by name."""
        return self._read(fleet.list_municipalities)

    def ensure_contract(self, ibge: str, plan: Plan) -> Change:
        """Put a plan in force; the earlier ones stay as history.

        Raises:
            InvalidInputError: the municipality is not registered.
        """
        return self._write(lambda session: fleet.ensure_contract(session, ibge, plan, _now()))

    def contract(self, ibge: str) -> ContractRecord | None:
        """The plan in force, or None before the first."""
        return self._read(lambda session: fleet.newest_contract(session, ibge))

    def contracts(self) -> dict[str, ContractRecord]:
        """The plan in force of every municipality that has one, by IBGE code."""
        return self._read(fleet.list_contracts)

    def ensure_environment(self, environment: EnvironmentRecord) -> Change:
        """Register an environment, or bring its addresses up to date.

        Release and digest may still change while the digest is None. Once it is set, the creation is proved: None then
        leaves it as it is.

        Raises:
            InvalidInputError: the slug is registered for another municipality or purpose, the municipality is unknown,
                or a proved environment would change its release or digest.
        """
        return self._write(lambda session: fleet.ensure_environment(session, environment, _now()))

    def finish_upgrade(
        self,
        slug: str,
        release_version: str,
        reference_digest: str,
        *,
        kind: str,
        actor: str,
        flow_run_id: str | None,
        occurred_at: datetime,
    ) -> Change:
        """Move a proved environment to the release that it was proved against now, and tell the event: both or none.

        Raises:
            InvalidInputError: it is not registered, or was never proved.
        """

        def write(session: Session) -> Change:
            change = fleet.move_release(session, slug, release_version, reference_digest)
            history.record_event(
                session,
                kind=kind,
                ibge=fleet.find_environment(session, slug).ibge,
                environment=slug,
                actor=actor,
                flow_run_id=flow_run_id,
                details={},
                key=None,
                occurred_at=occurred_at,
            )
            return change

        return self._write(write)

    def environment(self, slug: str) -> EnvironmentRecord:
        """The environment of a slug.

        Raises:
            InvalidInputError: there is none; the message names the command that lists them.
        """
        return self._read(lambda session: fleet.find_environment(session, slug))

    def known_environment(self, slug: str, kinds: Collection[str]) -> KnownEnvironment:
        """The environment of a slug, its municipality, and what of these kinds happened in it.

        Raises:
            InvalidInputError: there is none; the message names the command that lists them.
        """

        def look(session: Session) -> KnownEnvironment:
            record = fleet.find_environment(session, slug)
            told = history.list_events(session, record.ibge, kinds) if kinds else []
            events = tuple(event for event in told if event.environment == slug)
            return KnownEnvironment(record, fleet.find_municipality(session, record.ibge), events)

        return self._read(look)

    def list_environments(self, ibge: str | None = None) -> list[EnvironmentRecord]:
        """The environments, of one municipality or of all, by slug."""
        return self._read(lambda session: fleet.list_environments(session, ibge))

    def save_reference(self, reference: ReferenceRecord) -> Change:
        """Remember a reference; fingerprints read anew replace the old ones.

        Raises:
            IntegrityError: the same digest is registered with another version or kind.
        """
        return self._write(lambda session: fleet.save_reference(session, reference, _now()))

    def reference(self, digest: str) -> ReferenceRecord | None:
        """The reference of a digest, or None."""
        return self._read(lambda session: fleet.find_reference(session, digest))

    def model_memory(self, environment: str) -> Memory:
        """What was last applied of the document model to an environment; empty before the first time."""
        return self._read(lambda session: model_memory.find_memory(session, environment))

    def remember_model(self, environment: str, memory: Memory) -> Change:
        """Remember what is now applied to an environment."""
        return self._write(lambda session: model_memory.remember(session, environment, memory, _now()))

    def record_training(
        self,
        *,
        ibge: str,
        object_key: str,
        sha256: str,
        counts: dict[str, JsonValue],
        recorded_at: datetime | None = None,
    ) -> Change:
        """Remember the counts of a report, unless it has the content of the newest one: that is `unchanged`.

        Raises:
            IntegrityError: the counts hold personal data.
            InvalidInputError: the municipality is not registered.
        """
        record = TrainingRecord(
            ibge=ibge, object_key=object_key, sha256=sha256, counts=counts, recorded_at=recorded_at or _now()
        )
        return self._write(lambda session: history.record_training(session, record))

    def training(self, ibge: str) -> TrainingRecord | None:
        """The report recorded last, or None before the first."""
        return self._read(lambda session: history.newest_training(session, ibge))

    def trainings(self) -> dict[str, TrainingRecord]:
        """The last training report of every municipality that has one, by IBGE code."""
        return self._read(history.newest_trainings)

    def record_decision(
        self,
        *,
        ibge: str,
        gate: str,
        decision: Ruling,
        name: str,
        reason: str,
        flow_run_id: str | None = None,
        decided_at: datetime | None = None,
        valid_until: date | None = None,
    ) -> DecisionRecord:
        """Add a person's answer to a gate. Never overwrites: a change of mind is one more answer, and the last counts.

        Raises:
            InvalidInputError: no name, no reason, a waiver without its last day, or the municipality is not registered.
        """
        moment = decided_at or _now()
        return self._write(
            lambda session: history.record_decision(
                session,
                ibge=ibge,
                gate=gate,
                decision=decision,
                name=name,
                reason=reason,
                decided_at=moment,
                flow_run_id=flow_run_id,
                valid_until=valid_until,
            )
        )

    def decisions(self, ibge: str, gate: str | None = None) -> list[DecisionRecord]:
        """The answers about a municipality, or about one of its gates, in the order in which they were recorded."""
        return self._read(lambda session: history.list_decisions(session, ibge, gate))

    def record_event(
        self,
        kind: str,
        *,
        ibge: str,
        environment: str | None = None,
        actor: str,
        flow_run_id: str | None = None,
        details: dict[str, JsonValue],
        key: str | None = None,
        occurred_at: datetime | None = None,
    ) -> bool:
        """Add an event; True when it was added, False when its key is already there, so that re-runs tell it once.

        Raises:
            IntegrityError: details, actor or key hold personal data.
            InvalidInputError: the municipality is not registered.
        """
        moment = occurred_at or _now()
        return self._write(
            lambda session: history.record_event(
                session,
                kind=kind,
                ibge=ibge,
                environment=environment,
                actor=actor,
                flow_run_id=flow_run_id,
                details=details,
                key=key,
                occurred_at=moment,
            )
        )

    def events(self, ibge: str | None = None, kinds: Collection[str] | None = None) -> list[EventRecord]:
        """The events, in the order in which they happened."""
        return self._read(lambda session: history.list_events(session, ibge, kinds))

    def stages_done(self, ibge: str | None = None) -> dict[str, dict[Stage, datetime]]:
        """Which stages each municipality has done and since when, by IBGE code; none at all before the adhesion."""
        told = self.events(ibge, kinds=[STAGE_FINISHED, STAGE_REOPENED])
        by_municipality: dict[str, list[StageEvent]] = {} if ibge is None else {ibge: []}
        for event in told:
            moment = StageEvent(event.kind, Stage(str(event.details["stage"])), event.occurred_at)
            by_municipality.setdefault(event.ibge, []).append(moment)
        return {code: stages_done(events) for code, events in by_municipality.items()}

    def newest_event(self, kind: str, *, ibge: str, environment: str) -> EventRecord | None:
        """The event of this kind that happened last in an environment, if there is one."""
        return self._read(lambda session: history.newest_event(session, kind, ibge, environment))

    def newest_events(self, kind: str) -> dict[str, EventRecord]:
        """The event of this kind that happened last in each environment that has one, by environment."""
        found = self._read(lambda session: history.newest_events(session, kind))
        return {event.environment: event for event in found if event.environment is not None}

    def queue_message(self, message: QueuedMessage, now: datetime | None = None) -> bool:
        """Add a message to the queue; True when it was added, False when its key is already there.

        Raises:
            IntegrityError: what it says, or its key, holds personal data.
            InvalidInputError: the municipality is not registered.
        """
        moment = now or _now()
        return self._write(lambda session: queue.queue_message(session, message, moment))

    def save_class(self, wanted: ScheduledClass) -> Change:
        """Keep a training class, or its next correction.

        Raises:
            IntegrityError: where it is holds personal data.
            InvalidInputError: somebody else corrected it meanwhile, or the municipality is not registered.
        """
        return self._write(lambda session: classes.save_class(session, wanted))

    def training_classes(self, ibge: str | None = None) -> list[ScheduledClass]:
        """The training classes of one municipality or of all, by when they begin."""
        return self._read(lambda session: classes.list_classes(session, ibge))

    def due_messages(self, now: datetime) -> list[str]:
        """The keys of the messages that are to be sent now, what waited longest first."""
        return self._read(lambda session: queue.due_messages(session, now))

    def message(self, key: str) -> MessageRecord:
        """The message of a key.

        Raises:
            InvalidInputError: there is none.
        """
        return self._read(lambda session: queue.find_message(session, key))

    def messages(self, ibge: str) -> list[MessageRecord]:
        """The messages of a municipality, in the order in which they were queued."""
        return self._read(lambda session: queue.list_messages(session, ibge))

    @contextmanager
    def claim_message(self, key: str, now: datetime) -> Iterator[queue.Claim | None]:
        """Keep every other process off a message for the length of the block; what the block tells is kept at its end.

        None when it is not due, or while another process holds it. An error in the block, or `kill -9`, frees the
        message and keeps nothing. Never done again by itself, as other writings are: the block sends mail.
        """
        with self._once() as session:
            yield queue.claim_message(session, key, now)

    def record_return(self, reference: str, status: str, now: datetime) -> ReturnedMessage | None:
        """Tell that a letter of this reference came back with a status; None when it is none of ours."""
        return self._write(lambda session: queue.record_return(session, reference, status, now))

    def withdraw_messages(self, ibge: str, keys: Collection[str], now: datetime) -> list[str]:
        """Take messages of a municipality that became untrue out of the queue; which of the keys still waited there."""
        return self._write(lambda session: queue.withdraw_messages(session, ibge, keys, now))

    def record_state_release(self, code: str, ready_on: date, *, flow_run_id: str | None = None) -> Change:
        """Remember since when the state's own SEI, operated elsewhere, has a release.

        Raises:
            InvalidInputError: another day was told before.
        """
        return self._write(
            lambda session: state_releases.record_state_release(
                session, code, ready_on, flow_run_id=flow_run_id, now=_now()
            )
        )

    def state_releases(self) -> dict[str, date]:
        """The day on which the state's own SEI had each release that we were told of, by code."""
        return self._read(state_releases.list_state_releases)

    @cached_property
    def webhooks(self) -> WebhookOutbox:
        """The webhooks that were accepted."""
        return WebhookOutbox(self._read, self._write, self._once)

    @cached_property
    def outgoing(self) -> Outgoing:
        """The webhooks to other systems, and their endpoints."""
        return Outgoing(self._read, self._write, self._once)

    @cached_property
    def campaigns(self) -> CampaignLog:
        """What happened in upgrade campaigns."""
        return CampaignLog(self._read, self._write)

    @cached_property
    def monitoring(self) -> Monitoring:
        """How the probes of the monitoring stand, and what environments use."""
        return Monitoring(self._read, self._write)

    @contextmanager
    def _once(self) -> Iterator[Session]:
        try:
            with Session(self._engine) as session, session.begin():
                yield session
        except (DBAPIError, PoolTimeoutError) as error:
            raise explain(error, where_is(self._url)) from None

    def _read(self, work: Callable[[Session], _Result]) -> _Result:
        try:
            return self._transaction(work)
        except (DBAPIError, PoolTimeoutError) as error:
            raise explain(error, where_is(self._url)) from None

    def _write(self, work: Callable[[Session], _Result]) -> _Result:
        try:
            return self._transaction(work)
        except (DBAPIError, PoolTimeoutError) as error:
            if code_of(error) not in _LOST_RACE:
                raise explain(error, where_is(self._url)) from None
        return self._read(work)

    def _transaction(self, work: Callable[[Session], _Result]) -> _Result:
        with Session(self._engine) as session, session.begin():
            return work(session)


def _now() -> datetime:
    return datetime.now(UTC)
