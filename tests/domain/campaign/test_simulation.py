"""Whole campaigns in a simulated clock: nothing is broken on the way, and the forecast can be held against the end."""

from collections import defaultdict
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.campaign.facts import CampaignFacts
from domain.campaign.history import Appointment, CampaignEvent, Outcome, Status, fold
from domain.campaign.plan import soaked_on
from domain.campaign.promotion import over_budget
from domain.campaign.simulation import SimulatedCampaign, World, simulate_campaign
from domain.campaign.waves import WaveKind
from domain.environment import Purpose
from tests.domain.campaign.fleets import (
    CALENDAR,
    MONDAY,
    RULES,
    STATE,
    fleets,
    make_environment,
    make_facts,
    make_rehearsal,
)

SMALL = RULES.model_copy(update={"waves": RULES.waves.model_copy(update={"first": 2, "growth": 2, "most": 4})})
CALM = World(daily_use=100, duration_spread=0)


def towns(number: int) -> CampaignFacts:
    letters = [f"cidade-{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(number)]
    environments = [
        make_environment(name, purpose, rehearsal=make_rehearsal(minutes=15), server=f"db{place % 3}")
        for place, name in enumerate(letters)
        for purpose in (Purpose.TREINAMENTO, Purpose.PRODUCAO)
    ]
    return make_facts(*STATE, *environments)


def test_where_all_goes_well_the_end_is_the_one_foreseen() -> None:
    found = simulate_campaign(towns(20), SMALL, CALM, start=MONDAY, seed=1)
    assert found.ended_on == found.first_plan.ends_on
    assert found.business_days_late == 0
    assert sum(map(found.state.upgraded, found.state.members)) == 42
    nights = {unit.environment: unit.appointment for unit in found.first_plan.units}
    assert {slug: unit.appointment for slug, unit in found.state.units.items()} == nights, "every promise was kept"


def test_too_little_use_makes_it_late_and_a_person_is_asked_in_the_end() -> None:
    found = simulate_campaign(towns(3), SMALL, World(daily_use=0), start=MONDAY, seed=1)
    assert found.business_days_late is not None
    assert found.business_days_late > SMALL.longest_wait_business_days


def test_failures_that_nobody_explains_stop_it_for_good_and_the_rest_is_untouched() -> None:
    world = World(daily_use=100, failure_chance=1.0, explained_after_days=None, most_days=60)
    found = simulate_campaign(towns(20), SMALL, world, start=MONDAY, seed=1)
    assert found.ended_on is None
    assert found.state.status is Status.STOPPED
    assert [unit.outcome for unit in found.state.units.values()] == [Outcome.FAILED]


def test_explained_failures_are_tried_again() -> None:
    world = CALM.model_copy(update={"failure_chance": 0.15})
    found = simulate_campaign(towns(12), SMALL, world, start=MONDAY, seed=5)
    kinds = [happening.kind for happening in found.happenings]
    assert CampaignEvent.STOPPED in kinds
    assert CampaignEvent.RETRIED in kinds
    assert found.ended_on is not None
    assert (found.business_days_late or 0) > 0
    # Those whose failure did not stop the campaign stay in quarantine.
    assert all(found.state.upgraded(slug) or slug in found.state.failures for slug in found.state.members)


@settings(deadline=None, max_examples=25)
@given(fleets(most=6), st.integers(0, 1000), st.sampled_from([0.0, 0.1, 0.4]), st.sampled_from([0.0, 0.02]))
def test_nothing_is_broken_whatever_happens(facts: CampaignFacts, seed: int, failures: float, illness: float) -> None:
    world = World(failure_chance=failures, illness_chance=illness, daily_use=60, most_days=150)
    found = simulate_campaign(facts, SMALL, world, start=MONDAY, seed=seed)
    check(found, facts)
    assert fold(found.happenings) == found.state


def test_a_simulation_is_equal_for_equal_arguments() -> None:
    world = World(failure_chance=0.1, daily_use=60)
    one, same = (simulate_campaign(towns(5), SMALL, world, start=MONDAY, seed=3) for _ in range(2))
    assert one == same
    assert one.happenings != simulate_campaign(towns(5), SMALL, world, start=MONDAY, seed=4).happenings


def check(found: SimulatedCampaign, facts: CampaignFacts) -> None:
    """What holds of every history, whatever went wrong in it."""
    known = {environment.slug: environment for environment in facts.environments}
    done: dict[str, date] = {}
    tried: dict[tuple[date, str], list[Appointment]] = defaultdict(list)
    ends: dict[int, date] = {}
    soak = SMALL.soak[facts.release.complexity]
    for number, happening in enumerate(found.happenings):
        if happening.kind is not CampaignEvent.UNIT_FINISHED:
            continue
        before = fold(found.happenings[:number])
        (slug,) = happening.environments
        at, one = before.appointments[slug], known[slug]
        assert before.status is Status.OPEN
        assert over_budget(before, SMALL) is None, "the budget stops it before the next one"
        assert slug not in done, "nobody twice"
        assert one.open_on(at.night)
        assert SMALL.nights.works_on(at.night)
        tried[at.night, one.server].append(at)
        for wave, night in ends.items():
            if wave < at.wave:
                assert at.night >= soaked_on(night, WaveKind.of(wave), soak, CALENDAR), "watched before"
                assert wave in before.promoted
        for other, night in done.items():
            if one.municipality == known[other].municipality and one.purpose is not Purpose.PRODUCAO:
                assert known[other].purpose is not Purpose.PRODUCAO, f"{slug} on {night} after its production"
        if happening.outcome is Outcome.UPGRADED:
            done[slug] = at.night
            ends[at.wave] = max(at.night, ends.get(at.wave, MONDAY - timedelta(days=30)))
    assert all(sum(one.minutes for one in night) <= SMALL.nights.minutes_per_server for night in tried.values())
