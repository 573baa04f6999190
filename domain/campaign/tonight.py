"""One night of a campaign as it goes: whose turn it is now, who is not fit for it, and whose rehearsal is due."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from pydantic import Field

from domain.campaign.eligibility import SETTLED, Exclusion, LeftOut, left_out
from domain.campaign.facts import CampaignFacts, EnvironmentFacts, Rehearsal, RehearsalOutcome, night_of
from domain.campaign.history import Appointment, CampaignEvent, CampaignHappening, CampaignState, Status, refusal
from domain.campaign.plan import CampaignPlan, PlannedUnit, PlannedWave
from domain.campaign.promotion import over_budget
from domain.campaign.rules import CampaignNightRule, CampaignRules
from domain.campaign.waves import STATE_WAVE
from domain.model import Frozen

_ONE_DAY = timedelta(days=1)
_WINDOW_OVER = "a janela desta noite não comporta mais os {minutes} min da atualização"


class Tonight(Frozen):
    """What is to be done in a night, seen at one moment of it."""

    night: date
    ready: tuple[PlannedUnit, ...] = Field(default=(), description="Whose turn it is now, in order.")
    later: tuple[PlannedUnit, ...] = Field(default=(), description="Whose turn comes later in this night.")
    unfit: tuple[LeftOut, ...] = Field(
        default=(), description="Whose turn came and who cannot take it; each is told once a night."
    )


def outlook(facts: CampaignFacts, minutes: float) -> CampaignFacts:
    """The facts as they will be when each one's turn comes, if all goes well: rehearsed the night before, copied since.

    Weeks ahead nobody's rehearsal can be held and no copy is young enough, so plans are made from this; whether an
    environment really is fit is asked of the facts themselves when its turn comes. `minutes` are those of a release
    whose rehearsal was not held yet. What failed in a rehearsal, and who never had a proved copy, is left as it is.
    """
    assumed = Rehearsal(outcome=RehearsalOutcome.PASSED, predicted_minutes=minutes)
    return facts.model_copy(
        update={
            "environments": tuple(
                one.model_copy(
                    update={
                        "rehearsal": (one.rehearsal or assumed).model_copy(update={"age_hours": 0.0}),
                        "certificate_age_hours": None if one.certificate_age_hours is None else 0.0,
                    }
                )
                for one in facts.environments
            )
        }
    )


def tonight(
    found: CampaignPlan, campaign: CampaignState, facts: CampaignFacts, rules: CampaignRules, now: datetime
) -> Tonight:
    """Who may begin now. `facts` are the real ones, not the plan's outlook.

    Nobody begins in a campaign that does not go on, over its failure budget, in a wave that has not begun, outside of
    the environment's own window, or without a rehearsal and a proved copy that are young enough.
    """
    night = night_of(now)
    if campaign.status is not Status.OPEN or over_budget(campaign, rules):
        return Tonight(night=night)
    known = {one.slug: one for one in facts.environments}
    out = left_out(campaign, facts, rules)
    ready, later, unfit = list[PlannedUnit](), list[PlannedUnit](), list[LeftOut]()
    for unit in found.units:
        slug = unit.environment
        if slug in campaign.units or unit.night != night or unit.appointment.wave not in campaign.begun:
            continue
        if unit.begins_at > now:
            later.append(unit)
        elif slug in out:
            unfit += [] if out[slug].kind in SETTLED else [out[slug]]
        elif now + timedelta(minutes=(minutes := _minutes(unit, known[slug], rules))) > known[slug].closes_at(night):
            told = _WINDOW_OVER.format(minutes=minutes)
            unfit.append(LeftOut(environment=slug, kind=Exclusion.NO_NIGHT, reason=told))
        else:
            ready.append(unit)
    missed = {slug for slug, appointment in campaign.postponed.items() if appointment.night == night}
    return Tonight(
        night=night,
        ready=tuple(ready),
        later=tuple(later),
        unfit=tuple(one for one in unfit if one.environment not in missed),
    )


def _minutes(unit: PlannedUnit, environment: EnvironmentFacts, rules: CampaignRules) -> int:
    """What it needs by the plan, or by the rehearsal that was held since."""
    return max(unit.appointment.minutes, environment.reserved_minutes(rules.nights.margin_percent))


def next_unit(
    ready: Iterable[PlannedUnit],
    running: Mapping[str, str],
    facts: CampaignFacts,
    rule: CampaignNightRule,
) -> PlannedUnit | None:
    """The first whose server, and the whole fleet, have room for it; `running` is environment to server.

    Of one municipality one goes at a time: an upgrade keeps every other run of the municipality out.
    """
    if len(running) >= rule.at_once:
        return None
    servers = {one.slug: one.server for one in facts.environments}
    towns = {one.slug: one.municipality for one in facts.environments}
    away = {towns[slug] for slug in running if slug in towns}
    busy = list(running.values())
    return next(
        (
            unit
            for unit in ready
            if towns[unit.environment] not in away and busy.count(servers[unit.environment]) < rule.per_server
        ),
        None,
    )


def rehearsals_due(
    found: CampaignPlan, campaign: CampaignState, facts: CampaignFacts, rules: CampaignRules, now: datetime
) -> tuple[str, ...]:
    """Whose upgrade is to be rehearsed now: those of this night and of the next that have none young enough by then.

    Only of waves that have begun or may begin: what waits for the wave before it is not rehearsed night after night.
    Who is out for another reason, or failed its rehearsal, is not either: a person rehearses it again.
    """
    if campaign.status is not Status.OPEN:
        return ()
    known = {one.slug: one for one in facts.environments}
    soon = night_of(now) + _ONE_DAY
    due = list[tuple[datetime, str]]()
    for wave in found.waves:
        if not (wave.number in campaign.begun or may_begin(wave, campaign)):
            continue
        for unit in wave.units:
            if unit.environment in campaign.units or unit.night > soon:
                continue
            rehearsal = known[unit.environment].rehearsal
            waits = max((unit.begins_at - now) / timedelta(hours=1), 0.0)
            if rehearsal is None or (
                rehearsal.outcome is RehearsalOutcome.PASSED and rehearsal.age_hours + waits > rules.rehearsal_hours
            ):
                due.append((unit.begins_at, unit.environment))
    return tuple(slug for _, slug in sorted(due))


def sure_nights(
    found: CampaignPlan, campaign: CampaignState, facts: CampaignFacts, now: datetime
) -> tuple[PlannedUnit, ...]:
    """The turns of this night and the next that may be told to people: rehearsed well, and in a wave that may go."""
    if campaign.status is not Status.OPEN:
        return ()
    known = {one.slug: one for one in facts.environments}
    return tuple(
        unit
        for wave in found.waves
        if wave.number in campaign.begun or may_begin(wave, campaign)
        for unit in wave.units
        if unit.environment not in campaign.units
        and now < unit.begins_at
        and unit.night <= night_of(now) + _ONE_DAY
        and (rehearsal := known[unit.environment].rehearsal)
        and rehearsal.outcome is RehearsalOutcome.PASSED
    )


def may_begin(wave: PlannedWave, campaign: CampaignState) -> bool:
    """Whether nothing keeps a wave from beginning, once its first night comes."""
    begin = CampaignHappening(kind=CampaignEvent.WAVE_BEGUN, at=wave.units[0].begins_at, wave=wave.number)
    return refusal(campaign, begin) is None


def waves_to_begin(found: CampaignPlan, campaign: CampaignState, night: date) -> tuple[PlannedWave, ...]:
    """The waves with a turn in this night that have not begun and may."""
    return tuple(
        wave
        for wave in found.waves
        if wave.number not in campaign.begun
        and any(unit.night == night and not unit.done for unit in wave.units)
        and may_begin(wave, campaign)
    )


def to_be_judged(wave: PlannedWave, campaign: CampaignState) -> PlannedWave | None:
    """A wave without those who missed their turn in it: it goes on without them. None when nobody is left.

    The state's own environments are waited for.
    """
    if wave.number == STATE_WAVE:
        return wave
    missed = {slug for slug, appointment in campaign.postponed.items() if appointment.wave == wave.number}
    units = tuple(unit for unit in wave.units if unit.done or unit.environment not in missed)
    return wave.model_copy(update={"units": units}) if units else None


def is_over(found: CampaignPlan, campaign: CampaignState) -> bool:
    """Whether nothing is left to do, to watch, or to be decided by a person."""
    return (
        campaign.status is Status.OPEN
        and not found.appointments
        and all(wave.number in campaign.promoted for wave in found.waves)
        and all(one.kind in SETTLED for one in found.left_out)
    )


def promises(found: CampaignPlan, campaign: CampaignState) -> tuple[tuple[Appointment, ...], tuple[int, ...]] | None:
    """What a plan promises otherwise than it was agreed last, and all its waves; None when that is nothing."""
    new = tuple(one for one in found.appointments if campaign.appointments.get(one.environment) != one)
    waves = frozenset(one.wave for one in found.appointments)
    return None if not new and waves == campaign.agreed else (new, tuple(sorted(waves)))


def unrecorded(campaign: CampaignState, facts: CampaignFacts) -> tuple[str, ...]:
    """Who had its turn in a wave that has begun and is not recorded: a run may have died with it under its hands."""
    known = {one.slug for one in facts.environments}
    return tuple(
        slug
        for slug, appointment in sorted(campaign.appointments.items())
        if appointment.wave in campaign.begun and slug not in campaign.units and slug in known
    )
