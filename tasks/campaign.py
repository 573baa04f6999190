"""One night of a campaign, step by step: what a run that died left, the decisions, the nights, and each one's turn."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue
from slugify import slugify

from blocks.catalog import Catalog
from domain.campaign.eligibility import Exclusion
from domain.campaign.facts import CampaignFacts, night_of
from domain.campaign.history import CampaignEvent, Outcome, Status, UnitRecord
from domain.campaign.plan import CampaignPlan, PlannedWave, plan
from domain.campaign.promotion import Decision, Observations, UnitObservation, Verdict, over_budget, promote
from domain.campaign.rules import CampaignRules
from domain.campaign.tonight import (
    Tonight,
    is_over,
    outlook,
    promises,
    rehearsals_due,
    sure_nights,
    to_be_judged,
    tonight,
    unrecorded,
    waves_to_begin,
)
from domain.environment import EnvironmentName
from domain.errors import GateClosedError, told
from domain.message import Event, message_key
from domain.upgrade.release import Release
from domain.upgrading import UpgradeReport
from tasks import clock, doors
from tasks.campaign_facts import campaign_facts, company_calendar, find_release, minutes_of
from tasks.campaign_log import Campaign, quarantined
from tasks.campaign_notices import announce_night
from tasks.campaign_units import Attempt, attempts
from tasks.messages import put_in_queue

_RESUME = "Veja ./implanta upgrade status; corrigida a causa, ./implanta upgrade resume."
_PROMOTE = "Veja ./implanta upgrade status e decida com ./implanta upgrade promote."
_HELD = "Compare com ./implanta upgrade status; se a causa é outra, ./implanta upgrade close-failure do que falhou."
_TOLD_TO_THE_TEAM = frozenset({Exclusion.HELD})
_BY_HAND = (
    "O ambiente está fechado ao público. Execute de novo a atualização dele (./implanta upgrade run) e, se não voltar,"
    " restaure a cópia do momento anterior (./implanta backup restore)."
)


@dataclass(frozen=True)
class View:
    """A campaign and its fleet at one moment: the real facts, and the plan made of what is to be expected."""

    facts: CampaignFacts
    plan: CampaignPlan


@dataclass(frozen=True)
class Turns:
    """What a run may do next."""

    tonight: Tonight
    rehearsals: tuple[str, ...]
    facts: CampaignFacts

    def server_of(self, environment: str) -> str:
        """The database server of an environment of the fleet."""
        return next(one.server for one in self.facts.environments if one.slug == environment)


class Night:
    """A campaign under the hands of one run."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.release: Release = find_release(campaign.state.release)
        self.rules: CampaignRules = Catalog().campaigns()
        self.troubles: dict[str, str] = {}
        self._refused: set[str] = set()

    @property
    def name(self) -> str:
        """The campaign's name."""
        return self.campaign.name

    @property
    def reason(self) -> str:
        """Why an environment is upgraded, as its own history tells."""
        return f"Campanha da versão {self.release.code} ({self.name})"

    def alone(self) -> AbstractContextManager[None]:
        """Keep every other run of the campaign out; a run that dies lets go by itself.

        Raises:
            GateClosedError: another run is at work.
        """
        return doors.registry().lock(f"campanha:{self.name}")

    def view(self) -> View:
        """Everything as it is now."""
        state = self.campaign.refresh()
        facts = campaign_facts(self.release, quarantined(self.campaign))
        expected = outlook(facts, minutes_of(self.release))
        return View(facts, plan(state, expected, self.rules, night_of(clock.now())))

    def settle(self) -> tuple[str, ...]:
        """Record what a run that died could not; who was left in the middle is returned, and has to be gone on with."""
        state, known = self.campaign.refresh(), attempts(self.release.code)
        unfinished = []
        for slug in unrecorded(state, campaign_facts(self.release)):
            attempt = known.get(slug)
            if attempt is None or attempt.begun_at < state.appointments[slug].begins_at:
                continue
            if attempt.is_over and attempt.cut_off:
                continue  # as before, by no fault of its own: its turn comes again
            if attempt.is_over:
                self._record(slug, attempt, None)
            else:
                unfinished.append(slug)
        return tuple(unfinished)

    def waves_to_judge(self) -> tuple[PlannedWave, ...]:
        """The waves that have begun and were not let go on, without those who missed their turn; in order."""
        state = self.campaign.refresh()
        if state.status is not Status.OPEN:
            return ()
        begun = [wave for wave in self.view().plan.waves if wave.number in state.begun - state.promoted]
        return tuple(judged for wave in begun if (judged := to_be_judged(wave, state)))

    def units_of(self, wave: PlannedWave) -> dict[str, UnitRecord]:
        """Everybody whose turn in a wave is over, whatever came of it."""
        units = self.campaign.state.units
        return {slug: unit for slug, unit in units.items() if unit.appointment.wave == wave.number}

    def judge(
        self, wave: PlannedWave, seen: Mapping[str, UnitObservation], *, role: str = "", reason: str = ""
    ) -> Decision:
        """Decide on a wave by what was seen of it, and tell the campaign; a person approves with role and reason.

        What has to wait is decided anew by each run, and not told.

        Raises:
            GateClosedError: a person lets it go on and it may not, with what is missing.
        """
        decision = promote(wave, self._observations(seen, approved=bool(role)), self.rules)
        why = "; ".join(decision.reasons)
        if decision.verdict is Verdict.GO_ON:
            told_why = f"{reason} ({why})" if reason else why
            by = {"actor": role} if role else {}
            self.campaign.tell(CampaignEvent.PROMOTED, wave=wave.number, reason=told_why, **by)
        elif role:
            raise GateClosedError(f"{wave.title}: {why}", f"campanha {self.name}", "Veja ./implanta upgrade status.")
        elif decision.verdict is Verdict.STOP:
            self._stop(why, wave.units[0].environment)
        elif decision.verdict is Verdict.PERSON:
            self._alert(wave.units[0].environment, f"{wave.title}: uma pessoa decide", decision.reasons, _PROMOTE)
        return decision

    def _observations(self, seen: Mapping[str, UnitObservation], *, approved: bool) -> Observations:
        state = self.campaign.state
        return Observations(
            today=night_of(clock.now()),
            complexity=self.release.complexity,
            calendar=company_calendar(),
            units=seen,
            members=len(state.members),
            open_failures=frozenset(state.failures),
            approved=approved,
        )

    def agree(self) -> View:
        """Promise the nights of the plan as it is now, where that is something new; only what differs is told."""
        view = self.view()
        news = promises(view.plan, self.campaign.state)
        if news is not None and self.campaign.state.status is Status.OPEN:
            appointments, waves = news
            self.campaign.tell(CampaignEvent.PLANNED, appointments=appointments, waves=waves)
        return view

    def begin_waves(self, view: View) -> None:
        """Let the waves begin whose first night this is and for which nothing is to be waited."""
        for wave in waves_to_begin(view.plan, self.campaign.refresh(), night_of(clock.now())):
            reason = f"{len(wave.units)} ambientes; primeira noite {wave.first_night:%d/%m/%Y}"
            self.campaign.tell(CampaignEvent.WAVE_BEGUN, wave=wave.number, reason=reason)

    def turns(self, view: View, busy: Collection[str], rehearsed: Collection[str]) -> Turns:
        """Whose turn it is now and whose rehearsal is due, by the facts of this moment; who missed a turn is told.

        Who is `busy` is being upgraded or rehearsed. Who is `rehearsed` was, in this run, and is not a second time.
        """
        state = self.campaign.refresh()
        facts = campaign_facts(self.release, quarantined(self.campaign))
        now = clock.now()
        wanted = rehearsals_due(view.plan, state, facts, self.rules, now)
        due = tuple(slug for slug in wanted if slug not in rehearsed)
        found = tonight(view.plan, state, facts, self.rules, now)
        for one in found.unfit:
            if one.environment not in {*due, *busy}:  # or it may yet have its turn
                trouble = self.troubles.get(one.environment)
                reason = f"{one.reason}; o ensaio não pôde ser feito: {trouble}" if trouble else one.reason
                self.campaign.tell(CampaignEvent.POSTPONED, one.environment, reason=reason)
                if one.kind in _TOLD_TO_THE_TEAM:
                    self._alert(one.environment, f"{one.environment} retido", (one.reason,), _HELD)
        away = {*self._refused, *busy}
        ready = tuple(unit for unit in found.ready if unit.environment not in away)
        return Turns(found.model_copy(update={"ready": ready}), due, facts)

    def rehearsed(self, environment: str, result: object) -> None:
        """What a rehearsal found is in the registry; one that could not be held is told, if the turn comes to that."""
        if isinstance(result, BaseException):
            self.troubles[environment] = told(result)

    def record(self, environment: str, began_at: datetime | None, result: object) -> None:
        """Tell the campaign what came of one environment's turn, as the registry knows it; stop over the budget.

        Who was refused before anything was touched is postponed. Who could not even be brought back stops the campaign.
        Without `began_at` its upgrade had begun in a run that died.
        """
        attempt, status = attempts(self.release.code).get(environment), self.campaign.refresh().status
        if attempt is not None and attempt.is_over and attempt.cut_off:
            if status is Status.OPEN:
                self.campaign.tell(CampaignEvent.POSTPONED, environment, reason=f"{attempt.cause}; tem nova vez")
        elif attempt is not None and (began_at is None or attempt.begun_at >= began_at):
            if status is not Status.ABORTED:  # its end is then in the registry's history of the environment alone
                self._record(environment, attempt, result)
        elif status is Status.OPEN:
            self._refused.add(environment)
            self.campaign.tell(CampaignEvent.POSTPONED, environment, reason=told(result))

    def _record(self, environment: str, attempt: Attempt, result: object) -> None:
        outcome = Outcome.UPGRADED if attempt.upgraded else Outcome.FAILED
        reason = "" if attempt.upgraded else attempt.cause or told(result)
        closed = result.closed_seconds / 60 if isinstance(result, UpgradeReport) else attempt.minutes
        self.campaign.tell(
            CampaignEvent.UNIT_FINISHED,
            environment,
            outcome=outcome,
            minutes=closed,
            signature=attempt.signature,
            reason=reason,
        )
        if attempt.upgraded:
            return
        if not attempt.is_over:
            self._stop(f"{environment} ficou no meio da atualização: {reason}", environment, _BY_HAND)
        elif why := over_budget(self.campaign.state, self.rules):
            self._stop(f"{why}; a última: {environment}", environment)

    def announce(self, view: View) -> None:
        """Queue the messages of the nights that are sure enough, each once."""
        facts = campaign_facts(self.release, quarantined(self.campaign))
        known = {one.slug: one for one in facts.environments}
        for unit in sure_nights(view.plan, self.campaign.refresh(), facts, clock.now()):
            announce_night(self.name, self.release.code, unit, known[unit.environment])

    def close(self) -> bool:
        """Whether nothing is left to do or to watch: the campaign is then told to be over."""
        view = self.view()
        if not is_over(view.plan, self.campaign.state):
            return False
        done = sum(unit.done for unit in view.plan.units)
        self.campaign.tell(CampaignEvent.FINISHED, reason=f"{done} ambientes atualizados e observados")
        return True

    def _stop(self, why: str, environment: str, fix: str = _RESUME) -> None:
        if self.campaign.refresh().status is Status.OPEN:
            self.campaign.tell(CampaignEvent.STOPPED, reason=why)
        self._alert(environment, "parada", (why,), fix)

    def _alert(self, environment: str, situation: str, reasons: tuple[str, ...], fix: str) -> None:
        """Write to the programme's team, once for each situation of a night."""
        municipality = EnvironmentName.parse(environment).municipality
        ibge = doors.registry().find_municipality(municipality).ibge
        night = f"{night_of(clock.now()):%Y%m%d}"
        variables: dict[str, JsonValue] = {
            "versao": self.release.code,
            "situacao": situation,
            "motivos": list(reasons[:10]),
            "providencia": fix,
        }
        parts = (self.name, situation, environment, night)
        key = message_key(Event.ALERTA_CAMPANHA, ibge, *(slugify(part)[:60] for part in parts))
        put_in_queue(municipality, Event.ALERTA_CAMPANHA, key, variables)
