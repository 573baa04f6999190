"""What the registry gives back: immutable facts, with times in UTC."""

from datetime import date
from typing import Literal, NamedTuple

from pydantic import AwareDatetime, Field, JsonValue, NonNegativeInt, PositiveInt

from domain.environment import Purpose
from domain.message_key import Key
from domain.model import Frozen
from domain.municipality import IbgeCode, Municipality, Slug
from domain.plan import Plan
from domain.reference import Database, ReferenceRows, Sha256
from domain.structure import Structure
from domain.webhook.contracts import Source, WebhookId
from domain.webhook.delivery import WebhookState
from domain.webhook.endpoint import EndpointName, EndpointState, OutgoingState

Ruling = Literal["approve", "reject", "revoke", "waive"]
Outcome = Literal["sent", "refused", "returned"]
Dropped = Literal["expired", "withdrawn"]


class ContractRecord(Frozen):
    """The plan that a municipality agreed to, since `created_at`."""

    plan: Plan
    created_at: AwareDatetime


class EnvironmentRecord(Frozen):
    """Where one environment lives and from what it was made."""

    slug: str
    ibge: IbgeCode
    purpose: Purpose
    release_version: str
    reference_digest: Sha256 | None = Field(default=None, description="Set once the creation was proved.")
    hostname: str
    database_server: str = Field(description="Name of the MariaDB server's block.")
    database_sei: str
    database_sip: str
    directory_ou: str
    bucket: str
    orgao_sigla: str
    created_at: AwareDatetime | None = Field(default=None, description="Given by the registry.")


class ReferenceRecord(Frozen):
    """What the pristine databases of a release look like."""

    digest: Sha256
    version: str
    kind: Literal["official", "reduced"]
    sei_fingerprint: Structure
    sip_fingerprint: Structure
    rows: dict[Database, ReferenceRows]


class TrainingRecord(Frozen):
    """Counts of one training report; the people are only in the object it came from."""

    ibge: IbgeCode
    object_key: str
    sha256: Sha256
    counts: dict[str, JsonValue] = Field(description="Unidade to its counts.")
    recorded_at: AwareDatetime


class DecisionRecord(Frozen):
    """One answer of a person to a gate."""

    id: PositiveInt
    ibge: IbgeCode
    gate: str
    decision: Ruling
    name: str = Field(repr=False)
    reason: str = Field(repr=False)
    decided_at: AwareDatetime
    flow_run_id: str | None
    valid_until: date | None = Field(default=None, description="The last day on which a waiver counts.")


class EventRecord(Frozen):
    """One thing that happened."""

    id: PositiveInt
    occurred_at: AwareDatetime
    kind: str
    ibge: IbgeCode
    environment: str | None
    actor: str
    flow_run_id: str | None
    details: dict[str, JsonValue]
    key: str | None


class KnownEnvironment(NamedTuple):
    """One environment with what every step first looks up of it."""

    record: EnvironmentRecord
    municipality: Municipality
    events: tuple[EventRecord, ...]


class CampaignEventRecord(Frozen):
    """One thing that happened in an upgrade campaign."""

    campaign: str
    number: PositiveInt
    kind: str
    occurred_at: AwareDatetime
    actor: str = Field(description="The role of who decided, or `implanta`.")
    flow_run_id: str | None
    details: dict[str, JsonValue]


class QueuedMessage(Frozen):
    """A message as it enters the queue; who gets it is looked up when it is sent."""

    key: Key
    ibge: IbgeCode
    event: str
    variables: dict[str, JsonValue]
    expires_at: AwareDatetime | None = Field(default=None, description="From when on it is not worth sending.")


class ReturnedMessage(Frozen):
    """A letter that did not arrive, after a mail server had taken it; `is_new` when nobody knew until now."""

    key: Key
    ibge: IbgeCode
    role: str
    is_new: bool


class MessageRecord(QueuedMessage):
    """One message to a municipality: how it stands, and how many have it by role. Nobody is named."""

    created_at: AwareDatetime
    attempts: NonNegativeInt
    next_attempt_at: AwareDatetime
    sent_at: AwareDatetime | None
    dropped_at: AwareDatetime | None = Field(description="When it left the queue without having been sent to all.")
    dropped_because: Dropped | None
    refused: NonNegativeInt = Field(description="Addresses that the mail server refused for good.")
    sent_by_role: dict[str, int]
    refused_by_role: dict[str, int]
    returned_by_role: dict[str, int] = Field(
        default_factory=dict, description="Those whose server took it and gave it up later: it did not arrive."
    )
    done: frozenset[str] = Field(default=frozenset(), repr=False, description="Digests of whom nothing is due to.")


class ArrivedWebhook(Frozen):
    """A webhook whose signature was proved, as it enters the outbox."""

    source: Source
    webhook_id: WebhookId
    municipality: Slug
    sha256: Sha256 = Field(description="Of the body, byte by byte.")
    body: str = Field(repr=False)


class WebhookRecord(Frozen):
    """One webhook: how it stands. The body is gone some days after its flow was started."""

    source: Source
    webhook_id: WebhookId
    municipality: Slug
    sha256: Sha256
    body: str | None = Field(repr=False)
    received_at: AwareDatetime
    state: WebhookState
    attempts: NonNegativeInt
    next_attempt_at: AwareDatetime
    decided_at: AwareDatetime | None = Field(description="When its flow was started, or given up.")
    flow_run_id: str | None
    problem: str | None


class EndpointRecord(Frozen):
    """An address of another system that is told of events."""

    name: EndpointName
    url: str
    types: tuple[str, ...] = Field(description="What it asked for; nothing means everything.")
    state: EndpointState
    created_at: AwareDatetime
    refused_since: AwareDatetime | None = Field(description="Since when it has taken nothing; None while it does.")
    told_at: AwareDatetime | None = Field(description="When the team was told that it is sent nothing more.")


class OutgoingRecord(Frozen):
    """One message to one endpoint: how it stands."""

    id: PositiveInt
    endpoint: EndpointName
    event_id: PositiveInt
    ibge: IbgeCode
    type: str
    body: str = Field(repr=False)
    created_at: AwareDatetime
    state: OutgoingState
    attempts: NonNegativeInt
    next_attempt_at: AwareDatetime
    try_until: AwareDatetime
    decided_at: AwareDatetime | None
    problem: str | None
