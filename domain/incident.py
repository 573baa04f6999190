"""Incidents of environments, as the registry's events tell them: those that people open and those of the monitoring."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from pydantic import AwareDatetime, Field, ValidationError

from domain.model import Frozen

OPENED, CLOSED = "incident.opened", "incident.closed"
OF_MONITORING = "monitoracao"
"""Origin of the incidents that no person opened."""


class IncidentDetails(Frozen):
    """What an event of the monitoring says; one of a person has a reason only."""

    origin: str = OF_MONITORING
    incident: str = Field(description="The same for all environments that have the cause in common.")
    cause: str
    scope: str = Field(description="What the cause lies in: the environment itself, a database server, everything.")
    since: AwareDatetime = Field(description="The first bad answer, before anything was opened.")
    until: AwareDatetime | None = Field(default=None, description="The first good answer of those that closed it.")
    leads: bool = Field(description="Whether this event is the one that tells others of the cause.")
    affected: int = Field(description="How many environments have it in common.")
    reason: str


class IncidentHappening(NamedTuple):
    """One event of one environment."""

    kind: str
    environment: str
    at: datetime
    details: object


class Span(NamedTuple):
    """From when until when an incident lasted; one that is open has no end."""

    cause: str
    since: datetime
    until: datetime | None


class _Entry(NamedTuple):
    since: datetime
    cause: str


class Incidents:
    """Every incident of some environments, folded from their events in order."""

    def __init__(self, happenings: Iterable[IncidentHappening]) -> None:
        self._by_hand = Counter[str]()
        self._open: dict[tuple[str, str], _Entry] = {}
        self._spans: dict[str, list[Span]] = {}
        self.times_opened = Counter[tuple[str, str]]()
        """How often an environment was told to have an incident, by environment and incident."""
        for happening in happenings:
            told = _details(happening.details)
            if told is None:
                self._fold_by_hand(happening)
            else:
                self._fold(happening, told)

    def _fold_by_hand(self, happening: IncidentHappening) -> None:
        before = self._by_hand[happening.environment]
        self._by_hand[happening.environment] = max(before + (1 if happening.kind == OPENED else -1), 0)

    def _fold(self, happening: IncidentHappening, told: IncidentDetails) -> None:
        key = (happening.environment, told.incident)
        if happening.kind == OPENED:
            self._open[key] = _Entry(told.since, told.cause)
            self.times_opened[key] += 1
        elif entry := self._open.pop(key, None):
            span = Span(entry.cause, entry.since, told.until or happening.at)
            self._spans.setdefault(happening.environment, []).append(span)

    def open_by_hand(self, environment: str) -> int:
        """How many that people opened are open."""
        return self._by_hand[environment]

    @property
    def open_of_monitoring(self) -> frozenset[tuple[str, str]]:
        """Environment and incident of each that the monitoring has open."""
        return frozenset(self._open)

    def counts(self) -> Counter[str]:
        """How many are open by environment, whoever opened them."""
        found = Counter(environment for environment, _ in self._open)
        found.update(self._by_hand)
        return found

    def spans(self, environment: str) -> list[Span]:
        """What the monitoring saw, over or not."""
        still = [Span(one.cause, one.since, None) for (slug, _), one in self._open.items() if slug == environment]
        return self._spans.get(environment, []) + still


def _details(details: object) -> IncidentDetails | None:
    try:
        return IncidentDetails.model_validate(details)
    except ValidationError:
        return None
