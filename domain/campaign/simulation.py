"""A whole campaign in a simulated clock: what the first plan foresaw, and what came of it."""

from datetime import date, datetime, timedelta

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from domain.campaign.facts import CampaignFacts, EnvironmentFacts, moment_of
from domain.campaign.history import (
    CampaignEvent,
    CampaignHappening,
    CampaignState,
    Outcome,
    Status,
    after,
    fold,
    refusal,
    require_possible,
)
from domain.campaign.plan import CampaignPlan, PlannedUnit, PlannedWave, plan
from domain.campaign.promotion import Observations, UnitObservation, Verdict, over_budget, promote
from domain.campaign.rules import CampaignRules
from domain.model import Frozen

_ONE_DAY = timedelta(days=1)
_SIGNATURES = ("duplicate entry * for key *", "unknown column * in *", "lock wait timeout exceeded")


class World(Frozen):
    """How kind the simulated world is."""

    failure_chance: float = Field(default=0.0, ge=0, le=1)
    illness_chance: float = Field(default=0.0, ge=0, le=1, description="That an environment is ill one day.")
    duration_spread: NonNegativeFloat = Field(default=0.1, description="Sigma of the log of real by predicted minutes.")
    daily_use: NonNegativeInt = Field(default=30, description="Sign-ins of one environment in a business day, about.")
    explained_after_days: PositiveInt | None = Field(
        default=3, description="When people close the failures that stopped it and resume; None: they never do."
    )
    most_days: PositiveInt = 730


class SimulatedCampaign(Frozen):
    """What happened, and how far that is from what was foreseen."""

    happenings: tuple[CampaignHappening, ...]
    first_plan: CampaignPlan
    last_plan: CampaignPlan
    ended_on: date | None = Field(
        description="Everybody who could be was upgraded and watched. None when it never was."
    )
    business_days_late: int | None = Field(description="The end against the first forecast.")

    @property
    def state(self) -> CampaignState:
        """The campaign at its end."""
        return fold(self.happenings)


def simulate_campaign(
    facts: CampaignFacts, rules: CampaignRules, world: World, *, start: date, seed: int
) -> SimulatedCampaign:
    """Let a campaign of all environments run from a day on. Equal for equal arguments."""
    clock = _Clock(facts, rules, world, start, seed)
    first = last = clock.plan(start)
    ended_on: date | None = None
    for day in (start + n * _ONE_DAY for n in range(world.most_days)):
        last = clock.live(day)
        if clock.over(last):
            ended_on = day
            break
    late = None
    if ended_on and first.ends_on:
        one, other = sorted((ended_on, first.ends_on))
        late = facts.calendar.business_days_between(one, other) * (1 if ended_on >= first.ends_on else -1)
    return SimulatedCampaign(
        happenings=tuple(clock.happenings), first_plan=first, last_plan=last, ended_on=ended_on, business_days_late=late
    )


class _Clock:
    """One campaign as it goes on, day by day."""

    def __init__(self, facts: CampaignFacts, rules: CampaignRules, world: World, start: date, seed: int) -> None:
        self._facts, self._rules, self._world = facts, rules, world
        self._chance = np.random.default_rng(seed)
        opened = CampaignHappening(
            kind=CampaignEvent.OPENED,
            at=moment_of(start, 0),
            release=facts.release.told,
            environments=tuple(one.slug for one in facts.environments),
        )
        self.happenings = [opened]
        self.state = fold(self.happenings)
        self._seen: dict[str, UnitObservation] = {}
        self._asked: dict[int, date] = {}
        self._stopped_on = start

    def plan(self, day: date) -> CampaignPlan:
        """The plan of a morning: who was upgraded has the new version."""
        version = self._facts.release.version
        environments = tuple(
            one.model_copy(update={"version": version, "version_since": self.state.units[one.slug].appointment.night})
            if self.state.upgraded(one.slug)
            else one
            for one in self._facts.environments
        )
        return plan(self.state, self._facts.model_copy(update={"environments": environments}), self._rules, day)

    def live(self, day: date) -> CampaignPlan:
        """One day and its night."""
        noon = moment_of(day, 0)
        self._use(day)
        self._explain(day, noon)
        found = self.plan(day)
        for wave in found.waves:
            if wave.number in self.state.begun - self.state.promoted and self._decide(wave, day, noon):
                found = self.plan(day)
        self._happen(CampaignEvent.PLANNED, noon, appointments=found.appointments)
        for wave in found.waves:
            tonight = [unit for unit in wave.units if unit.night == day and not unit.done]
            if tonight and self._begin(wave, noon):
                for unit in tonight:
                    self._upgrade(unit, day)
        return found

    def over(self, found: CampaignPlan) -> bool:
        """Whether nothing is left to do or to watch."""
        promoted = all(wave.number in self.state.promoted for wave in found.waves)
        return promoted and not found.appointments and self.state.status is Status.OPEN

    def _happen(self, kind: CampaignEvent, at: datetime, **told: object) -> None:
        happening = CampaignHappening.model_validate({"kind": kind, "at": at, **told})
        require_possible(self.state, happening)
        self.happenings.append(happening)
        self.state = after(self.state, happening)

    def _use(self, day: date) -> None:
        """A day's work with the environments that have the new version."""
        if not self._facts.calendar.is_business_day(day):
            return
        for slug, seen in sorted(self._seen.items()):
            sign_ins, signed, sent = self._chance.poisson([self._world.daily_use * share for share in (1, 0.5, 0.2)])
            self._seen[slug] = seen.model_copy(
                update={
                    "sign_ins": seen.sign_ins + int(sign_ins),
                    "documents_signed": seen.documents_signed + int(signed),
                    "processes_sent": seen.processes_sent + int(sent),
                    "healthy": bool(self._chance.random() >= self._world.illness_chance),
                }
            )

    def _explain(self, day: date, noon: datetime) -> None:
        """People find out why something failed, and let it have its turn again."""
        patience = self._world.explained_after_days
        stopped = self.state.status is Status.STOPPED
        if stopped and patience is not None and (day - self._stopped_on).days >= patience:
            failed = tuple(sorted(self.state.failures))
            if failed:
                self._happen(CampaignEvent.QUARANTINE_CLOSED, noon, environments=failed)
                self._happen(CampaignEvent.RETRIED, noon, environments=failed)
            self._happen(CampaignEvent.RESUMED, noon)

    def _decide(self, wave: PlannedWave, day: date, noon: datetime) -> bool:
        units = {
            slug: self._seen.get(slug) or _failed(unit.minutes)
            for slug, unit in self.state.units.items()
            if unit.appointment.wave == wave.number
        }
        asked = self._asked.get(wave.number)
        observations = Observations(
            today=day,
            complexity=self._facts.release.complexity,
            calendar=self._facts.calendar,
            units=units,
            members=len(self.state.members),
            open_failures=frozenset(self.state.failures),
            approved=asked is not None and asked < day,
        )
        verdict = promote(wave, observations, self._rules).verdict
        if self.state.status is not Status.OPEN:
            return False
        if verdict is Verdict.PERSON:
            self._asked.setdefault(wave.number, day)
        elif verdict is Verdict.STOP:
            self._stop(noon, day)
        elif verdict is Verdict.GO_ON:
            self._happen(CampaignEvent.PROMOTED, noon, wave=wave.number)
            return True
        return False

    def _begin(self, wave: PlannedWave, noon: datetime) -> bool:
        """Whether the wave has begun or may begin now."""
        if self.state.status is not Status.OPEN:
            return False
        if wave.number in self.state.begun:
            return True
        begin = CampaignHappening(kind=CampaignEvent.WAVE_BEGUN, at=noon, wave=wave.number)
        if refusal(self.state, begin):
            return False  # the wave before has not been promoted yet
        self.happenings.append(begin)
        self.state = after(self.state, begin)
        return True

    def _upgrade(self, unit: PlannedUnit, day: date) -> None:
        """One environment's turn, unless the campaign has stopped in the meantime."""
        if self.state.status is not Status.OPEN:
            return
        slug = unit.environment
        predicted = _predicted(next(one for one in self._facts.environments if one.slug == slug))
        minutes = predicted * float(self._chance.lognormal(0, self._world.duration_spread))
        failed = bool(self._chance.random() < self._world.failure_chance)
        self._happen(
            CampaignEvent.UNIT_FINISHED,
            unit.begins_at,
            environments=(slug,),
            outcome=Outcome.FAILED if failed else Outcome.UPGRADED,
            minutes=minutes,
            signature=str(self._chance.choice(_SIGNATURES)) if failed else "",
        )
        if not failed:
            self._seen[slug] = UnitObservation(outcome=Outcome.UPGRADED, minutes=minutes, predicted_minutes=predicted)
        elif over_budget(self.state, self._rules):
            self._stop(unit.begins_at, day)

    def _stop(self, at: datetime, day: date) -> None:
        self._stopped_on = day
        self._happen(CampaignEvent.STOPPED, at)


def _failed(minutes: float) -> UnitObservation:
    return UnitObservation(outcome=Outcome.FAILED, minutes=minutes, predicted_minutes=minutes)


def _predicted(environment: EnvironmentFacts) -> float:
    return environment.rehearsal.predicted_minutes if environment.rehearsal else 0.0
