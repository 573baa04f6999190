"""The tables of the registry: the fleet's memory.

Times are UTC. `event`, `campaign_event` and `decision` only grow: triggers of the migrations refuse UPDATE and DELETE,
whoever asks. Only TRUNCATE and DROP get past a trigger; they need the DROP privilege, which an installation may keep
from daily use. Machine identifiers (slugs, codes, digests) are ASCII and compare byte by byte; people's text is
utf8mb4.
"""

from datetime import UTC, date, datetime
from typing import Any, ClassVar

from pydantic import JsonValue
from sqlalchemy import BigInteger, ForeignKey, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import JSON, TypeDecorator
from typing_extensions import override


class UtcDateTime(TypeDecorator[datetime]):
    """A moment to the microsecond: aware in Python, UTC in the table."""

    impl = mysql.DATETIME(fsp=6)
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time: nobody knows which zone it meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the registry takes aware times only")
        return value.astimezone(UTC).replace(tzinfo=None)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Say that what comes out is UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


def _ascii(length: int) -> String:
    return mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")


def _ibge() -> String:
    return mysql.CHAR(7, charset="ascii", collation="ascii_bin")


class Base(DeclarativeBase):
    """Base of every table; names of constraints are spelled out so that the migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, dict[str, JsonValue]: JSON}


_ENGINE = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_unicode_520_ci"}


class MunicipalityRow(Base):
    __tablename__ = "municipality"
    __table_args__ = (UniqueConstraint("slug"), _ENGINE)

    ibge: Mapped[str] = mapped_column(_ibge(), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    uf: Mapped[str] = mapped_column(mysql.CHAR(2, charset="ascii", collation="ascii_bin"))
    slug: Mapped[str] = mapped_column(_ascii(80))
    population: Mapped[int]


class ContactRow(Base):
    """Personal data: selected for e-mails only, never logged."""

    __tablename__ = "contact"
    __table_args__ = (Index(None, "ibge"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    ibge: Mapped[str] = mapped_column(_ibge(), ForeignKey("municipality.ibge"))
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(80))


class ContractRow(Base):
    """What was agreed with a municipality; the newest row counts, the older ones are history."""

    __tablename__ = "contract"
    __table_args__ = (Index(None, "ibge"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    ibge: Mapped[str] = mapped_column(_ibge(), ForeignKey("municipality.ibge"))
    faixa: Mapped[int | None]
    users: Mapped[int]
    concurrent_users: Mapped[int]
    negotiated: Mapped[bool]
    created_at: Mapped[datetime]


class ReferenceRow(Base):
    """What a release's pristine databases look like: the proof that a created environment is whole."""

    __tablename__ = "reference"
    __table_args__ = (_ENGINE,)

    digest: Mapped[str] = mapped_column(_ascii(64), primary_key=True)
    version: Mapped[str] = mapped_column(_ascii(20))
    kind: Mapped[str] = mapped_column(_ascii(20))
    sei_fingerprint: Mapped[dict[str, JsonValue]]
    sip_fingerprint: Mapped[dict[str, JsonValue]]
    reference_rows: Mapped[dict[str, JsonValue]]
    created_at: Mapped[datetime]


class EnvironmentRow(Base):
    __tablename__ = "environment"
    __table_args__ = (Index(None, "ibge"), _ENGINE)

    slug: Mapped[str] = mapped_column(_ascii(100), primary_key=True)
    ibge: Mapped[str] = mapped_column(_ibge(), ForeignKey("municipality.ibge"))
    purpose: Mapped[str] = mapped_column(_ascii(20))
    release_version: Mapped[str] = mapped_column(_ascii(20))
    # No foreign key: the digest is the content's own, true whether or not its fingerprint was saved yet.
    reference_digest: Mapped[str | None] = mapped_column(_ascii(64))
    hostname: Mapped[str] = mapped_column(_ascii(253))
    database_server: Mapped[str] = mapped_column(_ascii(100))
    database_sei: Mapped[str] = mapped_column(_ascii(64))
    database_sip: Mapped[str] = mapped_column(_ascii(64))
    directory_ou: Mapped[str] = mapped_column(_ascii(253))
    bucket: Mapped[str] = mapped_column(_ascii(63))
    orgao_sigla: Mapped[str] = mapped_column(String(30))
    created_at: Mapped[datetime]


class TrainingRow(Base):
    """Counts per unidade of one training report; who was trained stays in the object it came from."""

    __tablename__ = "training_record"
    __table_args__ = (Index(None, "ibge"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    ibge: Mapped[str] = mapped_column(_ibge(), ForeignKey("municipality.ibge"))
    object_key: Mapped[str] = mapped_column(String(500))
    sha256: Mapped[str] = mapped_column(mysql.CHAR(64, charset="ascii", collation="ascii_bin"))
    counts: Mapped[dict[str, JsonValue]]
    recorded_at: Mapped[datetime]


class ModelMemoryRow(Base):
    """What was applied of the document model; the newest row of an environment counts, the older ones are history."""

    __tablename__ = "model_memory"
    __table_args__ = (Index(None, "environment"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    environment: Mapped[str] = mapped_column(_ascii(100))
    digest: Mapped[str] = mapped_column(mysql.CHAR(64, charset="ascii", collation="ascii_bin"))
    content: Mapped[bytes] = mapped_column(mysql.LONGBLOB)
    remembered_at: Mapped[datetime]


class DecisionRow(Base):
    """A person's approval, rejection, waiver or revocation of a gate."""

    __tablename__ = "decision"
    __table_args__ = (Index(None, "ibge", "gate"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    ibge: Mapped[str] = mapped_column(_ibge(), ForeignKey("municipality.ibge"))
    gate: Mapped[str] = mapped_column(_ascii(60))
    decision: Mapped[str] = mapped_column(_ascii(10))
    name: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime]
    flow_run_id: Mapped[str | None] = mapped_column(_ascii(36))
    valid_until: Mapped[date | None]


class EventRow(Base):
    """What happened: stage, SLA and board are derived from these rows."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("key"), Index(None, "ibge", "kind"), Index(None, "kind", "environment"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    occurred_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(_ascii(60))
    ibge: Mapped[str] = mapped_column(_ibge(), ForeignKey("municipality.ibge"))
    # No foreign key: a milestone may be told before its environment is registered, and outlives it.
    environment: Mapped[str | None] = mapped_column(_ascii(100))
    actor: Mapped[str] = mapped_column(String(120))
    flow_run_id: Mapped[str | None] = mapped_column(_ascii(36))
    details: Mapped[dict[str, JsonValue]]
    key: Mapped[str | None] = mapped_column(_ascii(200))


class MessageRow(Base):
    """A message to a municipality, in the queue until everybody has it. What it says holds no personal data."""

    __tablename__ = "message"
    __table_args__ = (UniqueConstraint("key"), Index(None, "ibge"), Index(None, "sent_at", "next_attempt_at"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    key: Mapped[str] = mapped_column(_ascii(200))
    ibge: Mapped[str] = mapped_column(_ibge(), ForeignKey("municipality.ibge"))
    event: Mapped[str] = mapped_column(_ascii(60))
    variables: Mapped[dict[str, JsonValue]]
    created_at: Mapped[datetime]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    refused: Mapped[int]
    expires_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]
    dropped_because: Mapped[str | None] = mapped_column(_ascii(20))


class MessageDeliveryRow(Base):
    """That one recipient, known by a digest of the address, was sent a message or cannot be."""

    __tablename__ = "message_delivery"
    __table_args__ = (UniqueConstraint("message_id", "recipient"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    message_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("message.id"))
    recipient: Mapped[str] = mapped_column(mysql.CHAR(64, charset="ascii", collation="ascii_bin"))
    role: Mapped[str] = mapped_column(String(80))
    outcome: Mapped[str] = mapped_column(_ascii(10))
    delivered_at: Mapped[datetime]


class TrainingClassRow(Base):
    """A class that a municipality was invited to; who attends it is nowhere in the registry."""

    __tablename__ = "training_class"
    __table_args__ = (UniqueConstraint("ibge", "course", "code"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    ibge: Mapped[str] = mapped_column(_ibge(), ForeignKey("municipality.ibge"))
    course: Mapped[str] = mapped_column(_ascii(60))
    code: Mapped[str] = mapped_column(_ascii(20))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    place: Mapped[str] = mapped_column(String(200))
    seats: Mapped[int]
    correction: Mapped[int]
    told_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]


class WebhookRow(Base):
    """A webhook that was accepted, until its flow is started and after. No foreign key: an adhesion comes first."""

    __tablename__ = "webhook"
    __table_args__ = (UniqueConstraint("source", "webhook_id"), Index(None, "state", "next_attempt_at"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    source: Mapped[str] = mapped_column(_ascii(20))
    webhook_id: Mapped[str] = mapped_column(_ascii(64))
    municipality: Mapped[str] = mapped_column(_ascii(80))
    sha256: Mapped[str] = mapped_column(mysql.CHAR(64, charset="ascii", collation="ascii_bin"))
    body: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(_ascii(10))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    flow_run_id: Mapped[str | None] = mapped_column(_ascii(36))
    problem: Mapped[str | None] = mapped_column(Text)


class StateReleaseRow(Base):
    """A release that the state's own SEI, operated elsewhere, is told to have."""

    __tablename__ = "state_release"
    __table_args__ = (_ENGINE,)

    code: Mapped[str] = mapped_column(_ascii(40), primary_key=True)
    ready_on: Mapped[date]
    told_at: Mapped[datetime]
    flow_run_id: Mapped[str | None] = mapped_column(_ascii(36))


class CampaignEventRow(Base):
    """What happened in an upgrade campaign, which is no municipality's: numbered from 1 without a gap."""

    __tablename__ = "campaign_event"
    __table_args__ = (UniqueConstraint("campaign", "number"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    campaign: Mapped[str] = mapped_column(_ascii(80))
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(_ascii(60))
    occurred_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(120))
    flow_run_id: Mapped[str | None] = mapped_column(_ascii(36))
    details: Mapped[dict[str, JsonValue]]


class WebhookEndpointRow(Base):
    """An address of another system that is told of events; what proves who tells is not here."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (UniqueConstraint("name"), _ENGINE)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(_ascii(40))
    url: Mapped[str] = mapped_column(_ascii(500))
    types: Mapped[list[str]] = mapped_column(JSON)
    after_event: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(_ascii(10))
    created_at: Mapped[datetime]
    refused_since: Mapped[datetime | None]
    told_at: Mapped[datetime | None]


class WebhookMessageRow(Base):
    """One event on its way to one endpoint."""

    __tablename__ = "webhook_message"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id", "type"),
        Index(None, "state", "next_attempt_at"),
        Index(None, "created_at"),
        _ENGINE,
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("webhook_endpoint.id", ondelete="CASCADE"))
    # No foreign key: a message is gone in a month, and no event waits for one.
    event_id: Mapped[int] = mapped_column(BigInteger)
    ibge: Mapped[str] = mapped_column(_ibge())
    type: Mapped[str] = mapped_column(_ascii(60))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(_ascii(10))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime]
    try_until: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(String(200))


class EventNewsRow(Base):
    """An event of which nobody decided yet whom it is told; a trigger adds it together with the event."""

    __tablename__ = "event_news"
    __table_args__ = (_ENGINE,)

    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class MonitoringStateRow(Base):
    """How one probe of one subject stands: an environment by its slug, or a shared system as `banco/principal`."""

    __tablename__ = "monitoring_state"
    __table_args__ = (_ENGINE,)

    subject: Mapped[str] = mapped_column(_ascii(100), primary_key=True)
    probe: Mapped[str] = mapped_column(_ascii(20), primary_key=True)
    verdict: Mapped[str] = mapped_column(_ascii(10))
    since: Mapped[datetime]
    seen_at: Mapped[datetime]
    streak: Mapped[int]
    recent: Mapped[int]
    value: Mapped[float | None] = mapped_column(mysql.DOUBLE)
    detail: Mapped[str] = mapped_column(String(200))
    incident: Mapped[str | None] = mapped_column(_ascii(150))
    flapping: Mapped[bool]


class DailyUseRow(Base):
    """What one environment used on a day, at its most, and how many sweeps of the monitoring saw it."""

    __tablename__ = "daily_use"
    __table_args__ = (_ENGINE,)

    # No foreign keys: what was used outlives an environment.
    environment: Mapped[str] = mapped_column(_ascii(100), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    sweeps: Mapped[int]
    concurrent_users: Mapped[int | None]
    users: Mapped[int | None]
    storage_bytes: Mapped[int | None] = mapped_column(BigInteger)
