"""Fleets to upgrade: the state's environments, and prefeituras of every kind."""

from datetime import date, time

from hypothesis import strategies as st

from domain.calendar import BusinessCalendar
from domain.campaign.facts import (
    CampaignFacts,
    EnvironmentFacts,
    NightHours,
    Rehearsal,
    RehearsalOutcome,
    TargetRelease,
)
from domain.campaign.history import CampaignEvent, CampaignHappening, CampaignState, fold
from domain.campaign.plan import CampaignPlan
from domain.environment import Purpose
from domain.freeze import Freeze
from domain.upgrade.complexity import Complexity
from tests.domain.examples import CATALOG

RULES = CATALOG.campaigns()
CALENDAR = BusinessCalendar(uf="MG")
MONDAY = date(2027, 3, 1)
NIGHT = NightHours(begins=time(22), ends=time(6))
HOURS = (NIGHT, NightHours(begins=time(20), ends=time(23, 30)), NightHours(begins=time(1), ends=time(5)))
RELEASE = TargetRelease(
    version="4.1.2",
    complexity=Complexity.LOW,
    start_lines=("4.0", "4.1"),
    modules={"pen": ("3.7.0",), "wssei": ("2.2.0",)},
)


def make_rehearsal(
    *, minutes: float = 20, outcome: RehearsalOutcome = RehearsalOutcome.PASSED, signatures: tuple[str, ...] = ()
) -> Rehearsal:
    return Rehearsal(outcome=outcome, predicted_minutes=minutes, signatures=signatures)


REHEARSED = make_rehearsal()


def make_environment(
    municipality: str = "rio-doce",
    purpose: Purpose = Purpose.PRODUCAO,
    *,
    of_the_state: bool = False,
    faixa: int | None = 1,
    version: str = "4.1.0",
    version_since: date | None = None,
    modules: dict[str, str] | None = None,
    parameters: str = "a",
    server: str = "db1",
    hours: NightHours = NIGHT,
    freezes: tuple[Freeze, ...] = (),
    certificate_age_hours: float | None = 5,
    rehearsal: Rehearsal | None = REHEARSED,
    open_incidents: int = 0,
) -> EnvironmentFacts:
    return EnvironmentFacts(
        slug=f"{municipality}-{purpose}",
        municipality=municipality,
        purpose=purpose,
        of_the_state=of_the_state,
        faixa=faixa,
        version=version,
        version_since=version_since,
        modules=modules or {},
        parameters_digest=parameters,
        server=server,
        hours=hours,
        freezes=freezes,
        certificate_age_hours=certificate_age_hours,
        rehearsal=rehearsal,
        open_incidents=open_incidents,
    )


STATE = (
    make_environment("estado", Purpose.HOMOLOGACAO, of_the_state=True, rehearsal=make_rehearsal(minutes=60)),
    make_environment("estado", of_the_state=True, rehearsal=make_rehearsal(minutes=60)),
)


def make_facts(*environments: EnvironmentFacts, complexity: Complexity = Complexity.LOW) -> CampaignFacts:
    release = RELEASE.model_copy(update={"complexity": complexity})
    return CampaignFacts(release=release, environments=environments, calendar=CALENDAR)


def happening(kind: CampaignEvent, *environments: str, **told: object) -> CampaignHappening:
    at = "2027-03-01T12:00:00-03:00"
    return CampaignHappening.model_validate({"kind": kind, "at": at, "environments": environments, **told})


def opening(facts: CampaignFacts) -> CampaignHappening:
    slugs = [environment.slug for environment in facts.environments]
    return happening(CampaignEvent.OPENED, *slugs, release=facts.release.told)


def opened(facts: CampaignFacts) -> CampaignState:
    return fold([opening(facts)])


def agreed(found: CampaignPlan) -> CampaignHappening:
    return happening(CampaignEvent.PLANNED, appointments=found.appointments)


def rehearsals() -> st.SearchStrategy[Rehearsal | None]:
    """Most passed, some failed, some were never held."""
    outcomes = st.sampled_from([*[RehearsalOutcome.PASSED] * 5, RehearsalOutcome.FAILED])
    held = st.builds(make_rehearsal, minutes=st.integers(1, 150), outcome=outcomes)
    return st.one_of(*[held] * 6, st.none())


@st.composite
def fleets(draw: st.DrawFn, most: int = 12) -> CampaignFacts:
    """The state and some prefeituras, each with production and perhaps the others; some cannot take part."""
    environments = list(STATE)
    for number in range(draw(st.integers(1, most))):
        faixa = draw(st.sampled_from([1, 1, 2, 3, None]))
        purposes = [
            Purpose.PRODUCAO,
            *draw(st.lists(st.sampled_from([Purpose.TREINAMENTO, Purpose.HOMOLOGACAO]), max_size=2, unique=True)),
        ]
        for purpose in purposes:
            first = draw(st.integers(1, 28))
            environments.append(
                make_environment(
                    f"cidade-{chr(ord('a') + number)}",
                    purpose,
                    faixa=faixa,
                    version=draw(st.sampled_from(["4.1.0", "4.0.0", "4.1.1", "4.1.2", "3.1.0"])),
                    modules=draw(
                        st.sampled_from(
                            [{}, {}, {"pen": "3.7.0"}, {"pen": "3.7.0", "wssei": "2.2.0"}, {"pen": "1.0.0"}]
                        )
                    ),
                    parameters=draw(st.sampled_from("aab")),
                    server=draw(st.sampled_from(["db1", "db2"])),
                    hours=draw(st.sampled_from(HOURS)),
                    freezes=(Freeze(first=date(2027, 3, first), last=date(2027, 3, first + 3), reason="Festa"),),
                    certificate_age_hours=draw(st.sampled_from([1, 1, 1, 1, 30, None])),
                    rehearsal=draw(rehearsals()),
                )
            )
    return make_facts(*environments, complexity=draw(st.sampled_from(list(Complexity))))
