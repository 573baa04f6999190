"""Whether an operator closed an environment to the public, by the registry."""

from domain.maintenance import Closing
from registry import EventRecord
from tasks import doors
from tasks.instance import Instance

CLOSED = "environment.closed"
"""Told before the edge closes, so that what opens by itself waits; its actor is the role of who closed."""

REOPENED = "environment.reopened"
"""Told once the edge lets people in again."""


def closing_of(instance: Instance) -> Closing | None:
    """The closing that is in force, or None."""
    told = closings(instance)
    if not told or told[-1].kind == REOPENED:
        return None
    last = told[-1]
    return Closing(since=last.occurred_at, role=last.actor, reason=str(last.details["reason"]))


def closings(instance: Instance) -> list[EventRecord]:
    """Every closing and reopening of the environment, oldest first."""
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=[CLOSED, REOPENED])
    return [event for event in told if event.environment == instance.name.slug]
