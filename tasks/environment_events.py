"""What the registry is told of one environment, by the run that is at work."""

from datetime import datetime

from prefect.runtime import flow_run
from pydantic import JsonValue

from tasks import doors
from tasks.history import ACTOR
from tasks.instance import Instance


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
