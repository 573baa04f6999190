"""A fleet as the monitoring sees it; each test states only what matters to it."""

from datetime import UTC, datetime, timedelta

from blocks.catalog import Catalog
from domain.environment import Purpose
from domain.incident import IncidentHappening, Incidents
from domain.monitoring.causes import PlannedEvent, Settled, plan_events, settle
from domain.monitoring.facts import Expectation, Watched
from domain.monitoring.rules import Probe
from domain.monitoring.state import Observation, ProbeState
from domain.plan import Plan

RULE = Catalog().monitoring()
BEGAN = datetime(2027, 6, 1, 12, tzinfo=UTC)
SWEEP = timedelta(minutes=5)
PLAN = Plan(faixa=1, users=150, concurrent_users=10, negotiated=False)


def watched(
    slug: str, *, server: str = "principal", expectation: Expectation = Expectation.OPEN, plan: Plan | None = PLAN
) -> Watched:
    return Watched(
        slug=slug,
        ibge="3168705",
        purpose=Purpose.TREINAMENTO,
        server=server,
        database_sei=f"{slug}_sei",
        database_sip=f"{slug}_sip",
        created_at=BEGAN - timedelta(days=100),
        expectation=expectation,
        plan=plan,
    )


def answer(subject: str, probe: Probe = Probe.PAGE, *, good: bool) -> Observation:
    return Observation.of(subject, probe, good=good, detail="" if good else "não responde")


class Months:
    """Sweeps one after the other, with the registry's events told as each of them wants."""

    def __init__(self, *fleet: Watched) -> None:
        self.fleet = fleet
        self.states: dict[tuple[str, Probe], ProbeState] = {}
        self.happenings: list[IncidentHappening] = []
        self.now = BEGAN
        self.settled: list[Settled] = []

    def sweep(self, *answers: Observation, gone: tuple[str, ...] = ()) -> list[PlannedEvent]:
        settled = settle(self.states, answers, self.now, RULE, gone)
        self.settled.append(settled)
        self.states = {key: one for key, one in self.states.items() if key[0] not in gone}
        self.states |= {one.key: one for one in settled.states}
        ibges = {one.slug: one.ibge for one in self.fleet} | dict.fromkeys(gone, "3168705")
        known = Incidents(self.happenings)
        fleet = [one for one in self.fleet if one.slug not in gone]
        events = plan_events(self.states.values(), settled.closed, fleet, known, ibges, RULE, self.now)
        self.happenings += [
            IncidentHappening(one.kind, one.environment, self.now, one.details.model_dump(mode="json"))
            for one in events
        ]
        self.now += SWEEP
        return events

    @property
    def incidents(self) -> Incidents:
        return Incidents(self.happenings)
