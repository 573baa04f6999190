"""The plan of a campaign, made anew from what happened whenever it is asked for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import islice

from pydantic import AwareDatetime, Field

from domain.calendar import BusinessCalendar
from domain.campaign.eligibility import Exclusion, LeftOut, follow, left_out
from domain.campaign.facts import CampaignFacts, EnvironmentFacts
from domain.campaign.history import Appointment, CampaignState, Status
from domain.campaign.nights import appoint
from domain.campaign.rules import CampaignRules, SoakRule
from domain.campaign.waves import STATE_WAVE, WaveKind, assign_waves, title_of
from domain.model import Frozen


class PlannedUnit(Frozen):
    """One environment of the plan."""

    appointment: Appointment
    why: str = Field(description="Why in that wave.")
    done: bool = False

    @property
    def environment(self) -> str:
        """Its slug."""
        return self.appointment.environment

    @property
    def night(self) -> date:
        """The day on which its night begins."""
        return self.appointment.night

    @property
    def begins_at(self) -> AwareDatetime:
        """When its upgrade begins."""
        return self.appointment.begins_at


class PlannedWave(Frozen):
    """One wave of the plan, in order of time."""

    number: int
    kind: WaveKind
    units: tuple[PlannedUnit, ...] = Field(min_length=1)

    @property
    def first_night(self) -> date:
        """The night with which it begins."""
        return self.units[0].night

    @property
    def last_night(self) -> date:
        """The night with which it ends."""
        return self.units[-1].night

    @property
    def title(self) -> str:
        """The wave as operators read it."""
        return title_of(self.number)


class CampaignPlan(Frozen):
    """Who is upgraded when and why, and who is not."""

    release: str
    status: Status
    today: date
    waves: tuple[PlannedWave, ...]
    left_out: tuple[LeftOut, ...]
    ends_on: date | None = Field(description="Forecast: the last wave is over and was watched. None with nobody to go.")

    @property
    def units(self) -> tuple[PlannedUnit, ...]:
        """Everybody in the plan, wave by wave."""
        return tuple(unit for wave in self.waves for unit in wave.units)

    @property
    def appointments(self) -> tuple[Appointment, ...]:
        """What is to be agreed: the times of those who are not done."""
        return tuple(unit.appointment for unit in self.units if not unit.done)


def plan(campaign: CampaignState, facts: CampaignFacts, rules: CampaignRules, today: date) -> CampaignPlan:
    """The plan as of a day; equal for equal arguments.

    What is done stays as it was, and what was agreed stays while it can. A campaign that is paused or stopped is
    planned as if it went on today.
    """
    known = {one.slug: one for one in facts.environments if one.slug in campaign.members}
    out = left_out(campaign, facts, rules)
    while True:
        going = [one for slug, one in sorted(known.items()) if slug not in out and not campaign.upgraded(slug)]
        units = _units(campaign, facts, known, going, rules, today)
        unplaced = {
            slug: LeftOut(
                environment=slug,
                kind=Exclusion.NO_NIGHT,
                reason=f"não há noite livre em {rules.nights.longest_search_days} dias",
            )
            for slug, unit in units.items()
            if unit is None
        }
        if not unplaced:
            break
        out |= unplaced
        out |= follow(campaign, known, out)
    waves = _in_waves([*_done(campaign), *(unit for unit in units.values() if unit)])
    soak = rules.soak[facts.release.complexity]
    ends_on = soaked_on(waves[-1].last_night, waves[-1].kind, soak, facts.calendar) if waves else None
    return CampaignPlan(
        release=campaign.release,
        status=campaign.status,
        today=today,
        waves=waves,
        left_out=tuple(out[slug] for slug in sorted(out)),
        ends_on=ends_on,
    )


def soaked_on(night: date, kind: WaveKind, soak: SoakRule, calendar: BusinessCalendar) -> date:
    """The day in whose night the next wave may begin: so many business days after a wave's last night."""
    days = soak.state_business_days if kind is WaveKind.STATE else soak.wave_business_days
    return next(islice(calendar.business_days_after(night), days - 1, None))


def _units(
    campaign: CampaignState,
    facts: CampaignFacts,
    known: Mapping[str, EnvironmentFacts],
    going: Sequence[EnvironmentFacts],
    rules: CampaignRules,
    today: date,
) -> dict[str, PlannedUnit | None]:
    """Everybody who is to go, wave after wave, each wave after the one before was watched; None without a night."""
    soak = rules.soak[facts.release.complexity]
    places = assign_waves(campaign, going, rules.waves)
    members: dict[int, list[tuple[EnvironmentFacts, int]]] = defaultdict(list)
    for one in going:
        members[places[one.slug].wave].append((one, places[one.slug].wave))
    done: dict[int, date] = {STATE_WAVE: date.min, **_state_since(campaign, facts, today)}
    for unit in campaign.units.values():
        done[unit.appointment.wave] = max(unit.appointment.night, done.get(unit.appointment.wave, date.min))
    units: dict[str, PlannedUnit | None] = {}
    ready = today
    for wave in sorted({*members, *done}):
        last = done.get(wave, date.min)
        if wave in members:
            earliest = max(today, ready)
            appointed = appoint(members[wave], campaign, known, rules.nights, earliest)
            for slug, appointment in appointed.items():
                units[slug] = PlannedUnit(appointment=appointment, why=places[slug].why) if appointment else None
            last = max((last, *(one.night for one in appointed.values() if one)))
        if last > date.min and (wave in members or wave not in campaign.promoted):
            ready = max(ready, soaked_on(last, WaveKind.of(wave), soak, facts.calendar))
    return units


def _state_since(campaign: CampaignState, facts: CampaignFacts, today: date) -> dict[int, date]:
    """Since when the state's own environments have the version, where they had it before or outside the campaign.

    Where nobody has seen since when, they are watched from today: late, never early.
    """
    outside = [
        one.version_since or today
        for one in facts.environments
        if one.of_the_state and facts.release.reached_by(one) and not campaign.upgraded(one.slug)
    ]
    return {STATE_WAVE: max(outside)} if outside else {}


def _done(campaign: CampaignState) -> list[PlannedUnit]:
    return [
        PlannedUnit(appointment=unit.appointment, why="atualizado", done=True)
        for slug, unit in campaign.units.items()
        if campaign.upgraded(slug)
    ]


def _in_waves(units: Sequence[PlannedUnit]) -> tuple[PlannedWave, ...]:
    by_wave: dict[int, list[PlannedUnit]] = defaultdict(list)
    for unit in sorted(units, key=lambda unit: (unit.begins_at, unit.environment)):
        by_wave[unit.appointment.wave].append(unit)
    return tuple(
        PlannedWave(number=number, kind=WaveKind.of(number), units=tuple(by_wave[number])) for number in sorted(by_wave)
    )
