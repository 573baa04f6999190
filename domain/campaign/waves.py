"""Which wave each environment belongs to: the state's, then canaries, then waves that grow."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.campaign.coverage import Trait, choose_canaries, siblings_of, traits_held, traits_of
from domain.campaign.facts import EnvironmentFacts
from domain.campaign.history import CampaignState
from domain.campaign.rules import WaveRule
from domain.environment import Purpose

STATE_WAVE, CANARY_WAVE, FIRST_GROWING_WAVE = 1, 2, 3
_LAST_FAIXA = 10**6  # a negotiated plan is larger than all of the table


class WaveKind(StrEnum):
    """What a wave is for."""

    STATE = "state"
    CANARIES = "canaries"
    GROWING = "growing"

    @classmethod
    def of(cls, wave: int) -> "WaveKind":
        """The kind of a wave by its number."""
        return {STATE_WAVE: cls.STATE, CANARY_WAVE: cls.CANARIES}.get(wave, cls.GROWING)


def title_of(wave: int) -> str:
    """A wave as operators read it."""
    return {
        WaveKind.STATE: "ambientes do estado",
        WaveKind.CANARIES: "canários",
        WaveKind.GROWING: f"onda {wave - CANARY_WAVE}",
    }[WaveKind.of(wave)]


@dataclass(frozen=True)
class Place:
    """The wave of one environment, and why that one."""

    wave: int
    why: str


def assign_waves(campaign: CampaignState, going: Sequence[EnvironmentFacts], rule: WaveRule) -> dict[str, Place]:
    """The wave of everybody that is to be upgraded.

    Who was told a wave stays in it while that can be; newcomers go to the last one. A kind of thing that no canary
    holds gets one: with the canaries, or in the next wave once those were promoted. Who else holds it comes later.
    """
    places = {one.slug: Place(STATE_WAVE, "ambiente do estado: vai primeiro") for one in going if one.of_the_state}
    towns = [one for one in going if not one.of_the_state]
    siblings = siblings_of(towns)
    canaries, uncovered = _canaries(campaign, towns, siblings)
    late = CANARY_WAVE in campaign.promoted
    canary_wave = _first_open(campaign) if late else CANARY_WAVE
    places |= {slug: Place(canary_wave, why) for slug, why in canaries.items()}
    rest = _in_order([one for one in towns if one.slug not in canaries])
    floors = {one.slug: canary_wave + 1 if late and traits_of(one) & uncovered else FIRST_GROWING_WAVE for one in rest}
    return places | _grow(campaign, rest, floors, Counter(place.wave for place in places.values()), rule)


def _first_open(campaign: CampaignState) -> int:
    """The first growing wave that has not begun."""
    return max((FIRST_GROWING_WAVE, *(wave + 1 for wave in campaign.begun)))


def _canaries(
    campaign: CampaignState,
    towns: Sequence[EnvironmentFacts],
    siblings: Mapping[str, tuple[EnvironmentFacts, ...]],
) -> tuple[dict[str, str], frozenset[Trait]]:
    """The canaries that are still to go, with the reasons, and what only the new ones among them cover."""
    proved = [campaign.units[slug].appointment for slug in campaign.units if campaign.upgraded(slug)]
    covered = frozenset[Trait]().union(*(one.traits for one in proved if one.wave >= CANARY_WAVE))
    kept = [one for one in towns if _kept_wave(campaign, one.slug) == CANARY_WAVE]
    canaries = {one.slug: "canário: já estava marcado" for one in kept}
    for one in kept:
        if one.purpose is Purpose.PRODUCAO:
            for sibling in siblings.get(one.municipality, ()):
                canaries.setdefault(sibling.slug, f"canário: vem antes de {one.slug}, do mesmo município")
    covered |= traits_held(one for one in towns if one.slug in canaries)
    uncovered = traits_held(towns) - covered
    return canaries | {
        slug: why for slug, why in choose_canaries(towns, uncovered, siblings).items() if slug not in canaries
    }, uncovered


def _kept_wave(campaign: CampaignState, slug: str) -> int | None:
    """The wave that an environment was told, while that wave is not over."""
    appointment = campaign.appointments.get(slug)
    return appointment.wave if appointment and appointment.wave not in campaign.promoted else None


def _grow(
    campaign: CampaignState,
    rest: Sequence[EnvironmentFacts],
    floors: Mapping[str, int],
    taken: Counter[int],
    rule: WaveRule,
) -> dict[str, Place]:
    kept = {one.slug: wave for one in rest if (wave := _kept_wave(campaign, one.slug)) and wave >= floors[one.slug]}
    taken.update(kept.values())
    taken.update(unit.appointment.wave for unit in campaign.units.values())
    first = max(kept.values(), default=_first_open(campaign))
    productions = {one.municipality: kept[one.slug] for one in rest if _is_production(one) and one.slug in kept}
    places: dict[str, Place] = {}
    after: dict[str, int] = {}
    full_before: dict[int, int] = {}  # who may go from a wave on finds no room before another
    for one in rest:
        floor = max(floors[one.slug], after.get(one.municipality, 0) if _is_production(one) else 0)
        wave = kept.get(one.slug)
        if wave is None or wave < floor:
            if wave is not None:
                taken[wave] -= 1
            wave = full_before.get(max(floor, first), max(floor, first))
            if not _is_production(one) and productions.get(one.municipality, 0) >= floor:
                wave = productions[one.municipality]
            else:
                while taken[wave] >= rule.size(wave - FIRST_GROWING_WAVE):
                    wave += 1
                full_before[max(floor, first)] = wave
            taken[wave] += 1
        if not _is_production(one):
            after[one.municipality] = max(after.get(one.municipality, 0), wave)
        size = rule.size(wave - FIRST_GROWING_WAVE)
        faixa = f"faixa {one.faixa}" if one.faixa else "plano negociado"
        places[one.slug] = Place(wave, f"onda de até {size} ambientes, dos menores aos maiores: {faixa}")
    return places


def _is_production(environment: EnvironmentFacts) -> bool:
    return environment.purpose is Purpose.PRODUCAO


def _in_order(environments: Sequence[EnvironmentFacts]) -> list[EnvironmentFacts]:
    """The smaller cities first, where a failure stops fewer people; a city's production after its other ones."""
    faixas: dict[str, int] = {}
    for one in environments:
        faixas[one.municipality] = max(faixas.get(one.municipality, 0), one.faixa or _LAST_FAIXA)
    return sorted(
        environments, key=lambda one: (faixas[one.municipality], one.municipality, _is_production(one), one.slug)
    )
