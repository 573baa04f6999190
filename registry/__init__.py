"""The fleet's memory: what exists, what was decided and what happened, in MariaDB."""

from registry.records import (
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
)
from registry.schema import migrate
from registry.store import Registry

__all__ = [
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
    "migrate",
]
