"""What the registry is told of one environment, by the run that is at work."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from prefect.runtime import flow_run
from pydantic import JsonValue

from registry import EventRecord
from tasks import doors
from tasks.history import ACTOR
from tasks.instance import Instance

T = TypeVar("T")


def tell_event(
    instance: Instance,
    kind: str,
    details: dict[str, JsonValue],
    *,
    actor: str = ACTOR,
    key: str | None = None,
    occurred_at: datetime | None = None,
) -> bool:
    """Add an event of an environment; False when its key is already there.

    Raises:
        IntegrityError: details, actor or key hold personal data.
    """
    return doors.registry().record_event(
        kind,
        ibge=instance.municipality.ibge,
        environment=instance.name.slug,
        actor=actor,
        flow_run_id=flow_run.id,
        details=details,
        key=key,
        occurred_at=occurred_at,
    )


def told_by_environment(kinds: Iterable[str], read: Callable[[EventRecord], T]) -> dict[str, list[T]]:
    """What the registry was told of each environment of the fleet, as `read` understands it, in its order."""
    told: dict[str, list[T]] = {}
    for event in doors.registry().events(kinds=list(kinds)):
        told.setdefault(event.environment or "", []).append(read(event))
    return told
