"""Campaigns to plan and to run: small fleets of every kind; each test states only what matters to it."""

from collections.abc import Iterable, Sequence
from datetime import date, time, timedelta

from hypothesis import strategies as st

from domain.calendar import BusinessCalendar
from domain.campaign.facts import (
    CampaignFacts,
    EnvironmentFacts,
    NightHours,
    TargetRelease,
    moment_of,
)
from domain.campaign.history import CampaignEvent, CampaignHappening, CampaignState, Outcome, after, fold
from domain.campaign.plan import CampaignPlan, PlannedUnit
from domain.environment import Purpose
from domain.freeze import Freeze
from domain.upgrade.complexity import Complexity
from tests.domain.campaign.fleets import make_environment, make_rehearsal
from tests.domain.examples import CATALOG

RULES = CATALOG.campaigns()
MONDAY = date(2026, 3, 2)
CALENDAR = BusinessCalendar(uf="MG")
HOURS = (
    NightHours(begins=time(22), ends=time(6)),
    NightHours(begins=time(0), ends=time(5)),
    NightHours(begins=time(18), ends=time(21)),
)
SIGNATURE = "duplicate entry * for key *"


def make_release(complexity: Complexity = Complexity.LOW) -> TargetRelease:
    return TargetRelease(
        version="5.0.4", complexity=complexity, start_lines=("4.0", "4.1"), modules={"pen": ("4.0.1", "4.0.3")}
    )


STATE = make_environment("estado", of_the_state=True)


def towns(number: int) -> tuple[EnvironmentFacts, ...]:
    """So many productions with nothing to tell them apart."""
    return tuple(make_environment(f"cidade-{place:03d}") for place in range(number))


def make_facts(
    *environments: EnvironmentFacts,
    release: TargetRelease | None = None,
    quarantined: Iterable[tuple[str, str]] = (),
) -> CampaignFacts:
    return CampaignFacts(
        release=release or make_release(),
        environments=environments,
        calendar=CALENDAR,
        quarantined=frozenset(quarantined),
    )


def happening(kind: CampaignEvent, day: date = MONDAY, **told: object) -> CampaignHappening:
    return CampaignHappening.model_validate({"kind": kind, "at": moment_of(day, 0), **told})


def opened(facts: CampaignFacts) -> CampaignState:
    """A campaign of all environments, with nothing agreed yet."""
    slugs = tuple(one.slug for one in facts.environments)
    return fold([happening(CampaignEvent.OPENED, release=facts.release.told, environments=slugs)])


def told(state: CampaignState, kind: CampaignEvent, **what: object) -> CampaignState:
    """The campaign one event later."""
    return after(state, happening(kind, MONDAY, **what))


def agreed(state: CampaignState, found: CampaignPlan) -> CampaignState:
    return told(state, CampaignEvent.PLANNED, appointments=found.appointments)


def finished(
    state: CampaignState, units: Iterable[PlannedUnit], outcome: Outcome = Outcome.UPGRADED, signature: str = ""
) -> CampaignState:
    """These and their wave begun, each over."""
    for unit in units:
        state = told(state, CampaignEvent.WAVE_BEGUN, wave=unit.appointment.wave)
        state = told(
            state,
            CampaignEvent.UNIT_FINISHED,
            environments=(unit.environment,),
            outcome=outcome,
            minutes=30,
            signature=signature,
        )
    return state


def nights(found: CampaignPlan) -> dict[str, date]:
    return {unit.environment: unit.night for unit in found.units}


def waves(found: CampaignPlan) -> dict[str, int]:
    return {unit.environment: unit.appointment.wave for unit in found.units}


def why_not(found: CampaignPlan) -> dict[str, str]:
    return {one.environment: one.reason for one in found.left_out}


@st.composite
def environments(draw: st.DrawFn, municipality: str, purpose: Purpose, *, sound: bool) -> EnvironmentFacts:
    """One environment; a sound one lacks nothing that a plan asks for."""
    first = MONDAY + timedelta(days=draw(st.integers(0, 60)))
    frozen = Freeze(first=first, last=first + timedelta(days=draw(st.integers(0, 20))), reason="festa")
    rehearsed = make_rehearsal(
        minutes=draw(st.integers(5, 120)), signatures=draw(st.sampled_from([(), (), (), (SIGNATURE,)]))
    )
    return make_environment(
        municipality,
        purpose,
        faixa=draw(st.sampled_from([1, 2, 3, None])),
        version=draw(st.sampled_from(["4.0.12", "4.1.1"] if sound else ["3.1.7", "4.1.1", "4.1.1", "5.0.4"])),
        modules=draw(st.sampled_from([{}, {"pen": "4.0.1"}, {"pen": "4.0.3"}])),
        parameters=draw(st.sampled_from("ab")),
        server=draw(st.sampled_from(["banco-1", "banco-2"])),
        hours=draw(st.sampled_from(HOURS)),
        freezes=draw(st.sampled_from([(), (frozen,)])),
        certificate_age_hours=12 if sound else draw(st.sampled_from([None, 12, 12, 30])),
        rehearsal=rehearsed if sound else draw(st.sampled_from([None, rehearsed])),
    )


@st.composite
def campaign_facts(draw: st.DrawFn, *, sound: bool = False, most: int = 14) -> CampaignFacts:
    """The state's production and some municipalities, one or two environments each, in any order."""
    found: list[EnvironmentFacts] = [STATE]
    for number in range(draw(st.integers(0, most))):
        for purpose in draw(st.sampled_from([[Purpose.PRODUCAO], [Purpose.TREINAMENTO, Purpose.PRODUCAO]])):
            found.append(draw(environments(f"cidade-{number:02d}", purpose, sound=sound)))
    release = make_release(draw(st.sampled_from(list(Complexity))))
    return make_facts(*draw(st.permutations(found)), release=release)


def named(facts: CampaignFacts) -> dict[str, EnvironmentFacts]:
    return {one.slug: one for one in facts.environments}


def most_at_once(units: Sequence[PlannedUnit]) -> int:
    """How many of these run in the busiest moment."""
    begins = [unit.begins_at for unit in units]
    return max(
        (sum(unit.begins_at <= moment < unit.appointment.ends_at for unit in units) for moment in begins), default=0
    )
