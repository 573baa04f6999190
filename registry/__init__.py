"""The fleet's memory: what exists, what was decided and what happened, in MariaDB."""

from registry.records import (
    ArrivedWebhook,
    CampaignEventRecord,
    ContractRecord,
    DecisionRecord,
    EndpointRecord,
    EnvironmentRecord,
    EventRecord,
    KnownEnvironment,
    MessageRecord,
    OutgoingRecord,
    QueuedMessage,
    ReferenceRecord,
    ReturnedMessage,
    Ruling,
    TrainingRecord,
    WebhookRecord,
)
from registry.schema import migrate
from registry.store import Registry

__all__ = [
    "ArrivedWebhook",
    "CampaignEventRecord",
    "ContractRecord",
    "DecisionRecord",
    "EndpointRecord",
    "EnvironmentRecord",
    "EventRecord",
    "KnownEnvironment",
    "MessageRecord",
    "OutgoingRecord",
    "QueuedMessage",
    "ReferenceRecord",
    "Registry",
    "ReturnedMessage",
    "Ruling",
    "TrainingRecord",
    "WebhookRecord",
    "migrate",
]
