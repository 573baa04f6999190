"""The nights of one wave: who begins when, within everybody's hours and what the fleet and each server bear."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from domain.campaign.coverage import traits_of
from domain.campaign.facts import NIGHT_MINUTES, EnvironmentFacts
from domain.campaign.history import Appointment, CampaignState
from domain.campaign.rules import CampaignNightRule
from domain.environment import Purpose

_ONE_DAY = timedelta(days=1)
_Minutes = NDArray[np.int16]


class _Nights:
    """How many upgrades run in each minute of each night, in all and on each server."""

    def __init__(self, rule: CampaignNightRule) -> None:
        self._rule = rule
        self._fleet: dict[date, _Minutes] = defaultdict(_empty)
        self._servers: dict[tuple[date, str], _Minutes] = defaultdict(_empty)

    def first_minute(self, environment: EnvironmentFacts, night: date, minutes: int) -> int | None:
        """When an upgrade may begin at the earliest in a night, if it fits there at all."""
        hours, server = environment.hours, self._servers[night, environment.server]
        if int(server.sum()) + minutes > self._rule.minutes_per_server:
            return None
        window = slice(hours.first_minute, hours.last_minute)
        full = (self._fleet[night][window] >= self._rule.at_once) | (server[window] >= self._rule.per_server)
        full_before = np.concatenate(([0], np.cumsum(full)))
        free = full_before[minutes:] == full_before[:-minutes]
        return hours.first_minute + int(free.argmax()) if free.any() else None

    def is_free(self, environment: EnvironmentFacts, at: Appointment) -> bool:
        """Whether an appointment may be as it is."""
        hours, server = environment.hours, self._servers[at.night, environment.server]
        last = at.first_minute + at.minutes
        return bool(
            hours.first_minute <= at.first_minute
            and last <= hours.last_minute
            and int(server.sum()) + at.minutes <= self._rule.minutes_per_server
            and (server[at.first_minute : last] < self._rule.per_server).all()
            and (self._fleet[at.night][at.first_minute : last] < self._rule.at_once).all()
        )

    def take(self, server: str, at: Appointment, number: int = 1) -> None:
        """Keep the time of an appointment; -1 gives it back."""
        minutes = slice(at.first_minute, at.first_minute + at.minutes)
        self._fleet[at.night][minutes] += number
        self._servers[at.night, server][minutes] += number


def _empty() -> _Minutes:
    return np.zeros(NIGHT_MINUTES, dtype=np.int16)


def appoint(
    members: Sequence[tuple[EnvironmentFacts, int]],
    campaign: CampaignState,
    facts: Mapping[str, EnvironmentFacts],
    rule: CampaignNightRule,
    earliest: date,
) -> dict[str, Appointment | None]:
    """The night of every member of one wave, given with its number; None where there is none in the time searched.

    An agreed night stays where it still can. A municipality's production comes in a later night than its others.
    """
    nights = _Nights(rule)
    for slug, unit in campaign.units.items():
        if slug in facts and unit.appointment.night >= earliest:
            nights.take(facts[slug].server, unit.appointment)
    found: dict[str, Appointment | None] = {}
    for one, wave in members:
        kept = _kept(one, wave, campaign, rule, earliest)
        if kept and nights.is_free(one, kept):
            found[one.slug] = kept
            nights.take(one.server, kept)
    last: dict[str, date] = {
        facts[slug].municipality: unit.appointment.night
        for slug, unit in campaign.units.items()
        if slug in facts and facts[slug].purpose is not Purpose.PRODUCAO
    }
    for one, wave in sorted(members, key=lambda member: member[0].purpose is Purpose.PRODUCAO):
        production = one.purpose is Purpose.PRODUCAO
        first = (
            max(earliest, last[one.municipality] + _ONE_DAY) if production and one.municipality in last else earliest
        )
        kept = found.get(one.slug)
        if kept and kept.night < first:
            nights.take(one.server, kept, -1)
            kept = None
        if kept is None:
            kept = found[one.slug] = _first_free(one, wave, campaign, rule, nights, first)
            if kept:
                nights.take(one.server, kept)
        if kept and not production:
            last[one.municipality] = max(last.get(one.municipality, kept.night), kept.night)
    return found


def _kept(
    one: EnvironmentFacts, wave: int, campaign: CampaignState, rule: CampaignNightRule, earliest: date
) -> Appointment | None:
    """What was agreed with an environment, as far as that depends on nobody else."""
    agreed = campaign.appointments.get(one.slug)
    if agreed is None or agreed.wave != wave or agreed.night < earliest or not rule.works_on(agreed.night):
        return None
    if not one.open_on(agreed.night, campaign.blackouts.get(one.slug, ())):
        return None
    minutes = one.reserved_minutes(rule.margin_percent)
    return agreed.model_copy(update={"minutes": minutes, "traits": traits_of(one)})


def _first_free(
    one: EnvironmentFacts, wave: int, campaign: CampaignState, rule: CampaignNightRule, nights: _Nights, first: date
) -> Appointment | None:
    minutes, blackouts = one.reserved_minutes(rule.margin_percent), campaign.blackouts.get(one.slug, ())
    for night in _working_nights(first, rule):
        if one.open_on(night, blackouts):
            begin = nights.first_minute(one, night, minutes)
            if begin is not None:
                return Appointment(
                    environment=one.slug,
                    wave=wave,
                    night=night,
                    first_minute=begin,
                    minutes=minutes,
                    traits=traits_of(one),
                )
    return None


def _working_nights(first: date, rule: CampaignNightRule) -> Iterator[date]:
    nights = (first + n * _ONE_DAY for n in range(rule.longest_search_days))
    return filter(rule.works_on, nights)
