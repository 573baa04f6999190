"""From answers to incidents: what opens and closes, which of them have one cause, and which environments it touches."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import AwareDatetime
from slugify import slugify

from domain.incident import CLOSED, OPENED, IncidentDetails, Incidents
from domain.model import Frozen
from domain.monitoring.facts import Expectation, Watched
from domain.monitoring.rules import OF_EVERYBODY, OF_SERVER, SHARED, MonitoringRule, Probe
from domain.monitoring.state import Observation, ProbeState, Turn, advance

MANY = "varios"
"""Scope of a cause that many environments turned out to have in common."""

_MOMENT = "%Y%m%dt%H%M%S"

Key = tuple[str, Probe]


class Cause(Frozen):
    """What is, or was, wrong: in one environment, in many, or in something that they share."""

    incident: str
    probe: Probe
    scope: str
    since: AwareDatetime
    until: AwareDatetime | None = None
    subjects: tuple[str, ...]
    detail: str

    @property
    def told(self) -> str:
        """As operators read it."""
        where = f"{len(self.subjects)} ambientes" if self.scope == MANY else self.scope
        return f"{self.probe.label} ({where})"


class Settled(NamedTuple):
    """How everything stands after a sweep."""

    states: tuple[ProbeState, ...]
    opened: tuple[Cause, ...]
    closed: tuple[Cause, ...]


class PlannedEvent(NamedTuple):
    """One event that the registry has to be told."""

    kind: str
    environment: str
    ibge: str
    key: str
    details: IncidentDetails


def settle(
    before: Mapping[Key, ProbeState],
    answers: Iterable[Observation],
    now: datetime,
    rule: MonitoringRule,
    gone: Collection[str] = (),
) -> Settled:
    """The states after a sweep, and the causes that opened or closed in it; the subjects that are gone have no more.

    What fails in many environments at once, at one probe, is one cause: the host of the applications, a network.
    Whoever fails a little later joins it.
    """
    steps = [advance(before.get((seen.subject, seen.probe)), seen, now, rule.damping) for seen in answers]
    after = {step.state.key: step.state for step in steps}
    opening = defaultdict(list)
    for step in steps:
        if step.turn is Turn.OPENS:
            opening[step.state.probe].append(step.state)
    for probe, states in opening.items():
        shared = probe in SHARED
        common = None if shared else _common(probe, states, before, now, rule)
        for state in states:
            incident = common or _name(probe, state.subject.rpartition("/")[2], state.since)
            after[state.key] = state.model_copy(update={"incident": incident})
    whole = {key: state for key, state in before.items() if key[0] not in gone} | after
    had, has = _by_incident(before.values()), _by_incident(whole.values())
    opened = [_cause(incident, states) for incident, states in has.items() if incident not in had]
    closed = [
        _cause(incident, states, until=max((whole[one.key].since for one in states if one.key in whole), default=now))
        for incident, states in had.items()
        if incident not in has
    ]
    return Settled(tuple(after.values()), tuple(opened), tuple(closed))


def _common(
    probe: Probe, states: Sequence[ProbeState], before: Mapping[Key, ProbeState], now: datetime, rule: MonitoringRule
) -> str | None:
    """The incident that all of these have in common; None when each has its own."""
    if len(states) >= rule.together:
        return _name(probe, MANY, min(state.since for state in states))
    prefix = f"{probe.value}-{MANY}-"
    lately = [
        state.incident
        for state in before.values()
        if state.incident is not None
        and state.incident.startswith(prefix)
        and now - state.since <= 2 * rule.damping.within
    ]
    return max(lately, default=None)


def _name(probe: Probe, scope: str, since: datetime) -> str:
    return f"{probe.value}-{slugify(scope)}-{since.astimezone(UTC):{_MOMENT}}"


def _begun(incident: str) -> datetime:
    """When the first bad answer of an incident came: states forget it once answers are good again."""
    return datetime.strptime(incident.rpartition("-")[2], _MOMENT).replace(tzinfo=UTC)


def _by_incident(states: Iterable[ProbeState]) -> dict[str, list[ProbeState]]:
    found: dict[str, list[ProbeState]] = {}
    for state in states:
        if state.incident is not None:
            found.setdefault(state.incident, []).append(state)
    return found


def _cause(incident: str, states: Sequence[ProbeState], until: datetime | None = None) -> Cause:
    probe = states[0].probe
    return Cause(
        incident=incident,
        probe=probe,
        scope=scope_of(incident, states[0]),
        since=_begun(incident),
        until=until,
        subjects=tuple(sorted(state.subject for state in states)),
        detail=states[0].detail,
    )


def scope_of(incident: str, state: ProbeState) -> str:
    """What an incident's cause lies in."""
    return MANY if incident.startswith(f"{state.probe.value}-{MANY}-") else state.subject.rpartition("/")[2]


def touched(state: ProbeState, fleet: Iterable[Watched]) -> list[str]:
    """The environments that a failing probe touches; whoever is closed on purpose is touched by nothing shared."""
    if state.probe not in SHARED:
        return [state.subject]
    server = state.subject.rpartition("/")[2]
    return [
        one.slug
        for one in fleet
        if one.expectation is not Expectation.CLOSED
        and (state.probe in OF_EVERYBODY or (state.probe in OF_SERVER and one.server == server))
    ]


def plan_events(
    states: Iterable[ProbeState],
    closed: Collection[Cause],
    fleet: Sequence[Watched],
    known: Incidents,
    ibges: Mapping[str, str],
    rule: MonitoringRule,
    now: datetime,
) -> list[PlannedEvent]:
    """What the registry has to be told for its incidents to be those of the states.

    `ibges` are the environments whose incidents are decided now; of others, which are being upgraded or restored, the
    incidents stay as they are. Planned again, over what was told, it is empty.
    """
    wanted: dict[tuple[str, str], ProbeState] = {}
    affected: dict[str, int] = defaultdict(int)
    for state in states:
        if state.incident is None or not rule.opens_incidents(state.probe):
            continue
        for slug in touched(state, fleet):
            if (slug, state.incident) not in wanted and slug in ibges:
                wanted[slug, state.incident] = state
                affected[state.incident] += 1
    told = known.open_of_monitoring
    told_of = {incident for _, incident in told}
    events = []
    leading: set[tuple[str, str]] = set()

    def leads(kind: str, incident: str, *, first: bool) -> bool:
        is_first = first and (kind, incident) not in leading
        leading.add((kind, incident))
        return is_first

    for (slug, incident), state in sorted(wanted.items(), key=lambda item: item[0]):
        if (slug, incident) not in told:
            details = _details(
                incident,
                state,
                leads=leads(OPENED, incident, first=incident not in told_of),
                affected=affected[incident],
            )
            events.append(_event(OPENED, slug, ibges[slug], details, known))
    causes = {cause.incident: cause for cause in closed}
    for slug, incident in sorted(told - wanted.keys()):
        if slug in ibges:
            cause = causes.get(incident)
            is_over = all(key[1] != incident for key in wanted)
            details = _ending(incident, cause, now, leads=leads(CLOSED, incident, first=is_over), told=told)
            events.append(_event(CLOSED, slug, ibges[slug], details, known))
    return events


def _details(incident: str, state: ProbeState, *, leads: bool, affected: int) -> IncidentDetails:
    return IncidentDetails(
        incident=incident,
        cause=state.probe.value,
        scope=scope_of(incident, state),
        since=_begun(incident),
        leads=leads,
        affected=affected,
        reason=state.detail or state.probe.label,
    )


def _ending(
    incident: str, cause: Cause | None, now: datetime, *, leads: bool, told: Collection[tuple[str, str]]
) -> IncidentDetails:
    until = cause.until if cause is not None and cause.until is not None else now
    return IncidentDetails(
        incident=incident,
        cause=incident.partition("-")[0],
        scope=cause.scope if cause is not None else "ambiente",
        since=_begun(incident),
        until=until,
        leads=leads,
        affected=sum(1 for _, other in told if other == incident),
        reason="as sondas respondem bem de novo" if cause is not None else "o ambiente não tem mais esta causa",
    )


def _event(kind: str, slug: str, ibge: str, details: IncidentDetails, known: Incidents) -> PlannedEvent:
    # A second time is one that was over meanwhile, as that of an environment that was closed on purpose and reopened.
    times = known.times_opened[slug, details.incident] + (kind == OPENED)
    return PlannedEvent(kind, slug, ibge, f"{kind}:{details.incident}:{slug}#{times}", details)
