"""A webhook that was accepted: how it stands, and when its flow is tried to be started again."""

from datetime import timedelta
from enum import StrEnum

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=10)


class WebhookState(StrEnum):
    """Where a webhook stands."""

    ACCEPTED = "accepted"
    STARTED = "started"
    FAILED = "failed"

    @property
    def label(self) -> str:
        """The state as operators read it."""
        return {"accepted": "na fila", "started": "iniciado", "failed": "com falha"}[self.value]


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts that found a system down: doubled each time, ten minutes at most."""
    doublings = min(max(attempts, 1) - 1, 10)
    return min(FIRST_WAIT * int(2**doublings), LONGEST_WAIT)


def idempotency_key(source: str, webhook_id: str) -> str:
    """What Prefect knows the flow run of a webhook by: however often it is asked for, there is one."""
    return f"webhook:{source}:{webhook_id}"
