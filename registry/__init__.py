"""The fleet's memory: what exists, what was decided and what happened, in MariaDB."""

from registry.records import (
    ArrivedWebhook,
    ContractRecord,
    DecisionRecord,
    EnvironmentRecord,
    EventRecord,
    MessageRecord,
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
    "ContractRecord",
    "DecisionRecord",
    "EnvironmentRecord",
    "EventRecord",
    "MessageRecord",
    "QueuedMessage",
    "ReferenceRecord",
    "Registry",
    "ReturnedMessage",
    "Ruling",
    "TrainingRecord",
    "WebhookRecord",
    "migrate",
]
