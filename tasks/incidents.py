"""Incidents of environments, told by operators or by the monitoring: while one is open, no campaign counts on it."""

from collections import Counter

from domain.change import Change
from domain.incident import CLOSED, OPENED, IncidentHappening, Incidents
from tasks import doors
from tasks.environment_events import tell_event
from tasks.instance import load_any_instance
from tasks.maintenance import require_impersonal


def open_incident(environment: str, role: str, reason: str) -> Change:
    """Tell of an incident; one more is one more, and each is closed by itself.

    Raises:
        InvalidInputError: the environment is not registered, or the reason names a person.
    """
    return _record(environment, OPENED, role, reason)


def close_incident(environment: str, role: str, reason: str) -> Change:
    """Tell that an incident that somebody opened is over; without such a one nothing changes.

    What the monitoring opened it closes itself, when its probes answer well.
    """
    if not incidents().open_by_hand(environment):
        return Change(unchanged=1)
    return _record(environment, CLOSED, role, reason)


def open_incidents() -> Counter[str]:
    """How many are open, by environment; one question to the registry."""
    return incidents().counts()


def incidents(ibge: str | None = None) -> Incidents:
    """Every incident of the fleet, or of one municipality's environments."""
    return Incidents(
        IncidentHappening(event.kind, event.environment or "", event.occurred_at, event.details)
        for event in doors.registry().events(ibge, kinds=[OPENED, CLOSED])
    )


def _record(environment: str, kind: str, role: str, reason: str) -> Change:
    require_impersonal(environment, role, reason)
    instance = load_any_instance(environment)
    tell_event(instance, kind, {"reason": reason}, actor=role)
    return Change(created=1) if kind == OPENED else Change(updated=1)
