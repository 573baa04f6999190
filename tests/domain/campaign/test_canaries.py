"""Few canaries hold everything that comes later, also what joins when the canaries are done."""

from collections.abc import Sequence
from itertools import combinations

from hypothesis import given, settings

from domain.campaign.coverage import traits_held, traits_of
from domain.campaign.facts import CampaignFacts, EnvironmentFacts
from domain.campaign.history import CampaignEvent, fold
from domain.campaign.plan import plan
from domain.campaign.waves import WaveKind
from domain.environment import Purpose
from tests.domain.campaign.fleets import (
    MONDAY,
    RULES,
    agreed,
    fleets,
    happening,
    make_environment,
    make_facts,
    opened,
    opening,
)

_MOST_OF_ONE_CHOICE = 3  # a production and its municipality's training and homologation


@settings(deadline=None, max_examples=40)
@given(fleets(most=7))
def test_canaries_are_as_few_as_the_stated_bound_promises(facts: CampaignFacts) -> None:
    known = {environment.slug: environment for environment in facts.environments}
    found = plan(opened(facts), facts, RULES, MONDAY)
    towns = [known[unit.environment] for unit in found.units if not known[unit.environment].of_the_state]
    canaries = sum(len(wave.units) for wave in found.waves if wave.kind is WaveKind.CANARIES)
    most = max((len(traits_of(town)) for town in towns), default=0) * _MOST_OF_ONE_CHOICE
    assert canaries <= sum(1 / n for n in range(1, most + 1)) * _fewest(towns) + 1e-9


def _fewest(towns: Sequence[EnvironmentFacts]) -> int:
    """By trying everything; a production comes with its municipality's other environments."""
    others = {
        town.slug: {
            one.slug
            for one in towns
            if one.municipality == town.municipality
            and one.purpose is not Purpose.PRODUCAO
            and town.purpose is Purpose.PRODUCAO
        }
        for town in towns
    }
    needed = traits_held(towns)
    return next(
        number
        for number in range(len(towns) + 1)
        for chosen in combinations(towns, number)
        if traits_held(chosen) >= needed
        and set().union(*(others[one.slug] for one in chosen)) <= {one.slug for one in chosen}
    )


def test_a_kind_of_thing_that_joins_late_has_a_canary_of_its_own() -> None:
    towns = [make_environment(f"cidade-{letter}", server=letter) for letter in "abcdefgh"]
    facts = make_facts(*towns)
    found = plan(opened(facts), facts, RULES, MONDAY)
    wave = found.waves[0]
    assert wave.kind is WaveKind.CANARIES
    new = [make_environment(name, parameters="never seen", server=name) for name in ("lavras", "pompeu", "unai")]
    state = fold(
        [
            opening(facts),
            agreed(found),
            happening(CampaignEvent.WAVE_BEGUN, wave=wave.number),
            happening(CampaignEvent.UNIT_FINISHED, *(one.environment for one in wave.units), outcome="upgraded"),
            happening(CampaignEvent.PROMOTED, wave=wave.number),
            happening(CampaignEvent.JOINED, *(one.slug for one in new)),
        ]
    )
    again = plan(state, make_facts(*towns, *new), RULES, MONDAY)
    of_new = sorted(unit.appointment.wave for unit in again.units if unit.environment in {one.slug for one in new})
    assert of_new[0] < of_new[1], "one of them goes before the others"
    assert again.units[0].done
    assert again.units[0].appointment == found.units[0].appointment
