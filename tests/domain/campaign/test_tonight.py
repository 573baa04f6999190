"""Whatever operators decide and whatever comes of upgrades, in whatever order: nobody goes who must not."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from domain.campaign.eligibility import Exclusion
from domain.campaign.facts import CampaignFacts, EnvironmentFacts, RehearsalOutcome, moment_of, night_of
from domain.campaign.history import CampaignEvent, CampaignHappening, CampaignState, Outcome, Status, after, refusal
from domain.campaign.plan import plan, soaked_on
from domain.campaign.promotion import Observations, UnitObservation, Verdict, over_budget, promote
from domain.campaign.tonight import (
    is_over,
    next_unit,
    outlook,
    promises,
    rehearsals_due,
    to_be_judged,
    tonight,
    waves_to_begin,
)
from domain.campaign.waves import WaveKind
from domain.freeze import Freeze
from tests.domain.campaign.fleets import (
    CALENDAR,
    MONDAY,
    REHEARSED,
    RULES,
    STATE,
    fleets,
    make_environment,
    make_facts,
    make_rehearsal,
    opened,
)

NOON, NIGHT = 0, 11 * 60
MINUTES = 30.0
DAYS = 24
SMALL = RULES.model_copy(
    update={
        "waves": RULES.waves.model_copy(update={"first": 2, "growth": 2, "most": 4}),
        "failures": RULES.failures.model_copy(update={"percent": 25.0}),
    }
)


class Run:
    """A campaign as the flow carries it, with the fleet's facts changing under it; every start is checked."""

    def __init__(self, facts: CampaignFacts, draw: Callable[..., Any]) -> None:
        self.facts, self.draw, self.state = facts, draw, opened(facts)
        self.known = {one.slug: one for one in facts.environments}
        self.done: set[str] = set()
        self.minutes: dict[tuple[date, str], int] = defaultdict(int)
        self.last: dict[int, date] = {}

    def tell(self, kind: CampaignEvent, at: datetime, *environments: str, **told: object) -> None:
        happening = CampaignHappening.model_validate({"kind": kind, "at": at, "environments": environments, **told})
        assert refusal(self.state, happening) is None, (kind, refusal(self.state, happening))
        self.state = after(self.state, happening)

    def command(self, at: datetime) -> None:
        """Whatever an operator types; what is refused changes nothing."""
        slug = self.draw(st.sampled_from(sorted(self.known)))
        kind = self.draw(
            st.sampled_from(
                [
                    *(CampaignEvent.PAUSED, CampaignEvent.RESUMED, CampaignEvent.RESUMED, CampaignEvent.SKIPPED),
                    *(CampaignEvent.RETRIED, CampaignEvent.LEFT, CampaignEvent.JOINED, CampaignEvent.BLACKOUT_CLAIMED),
                    CampaignEvent.QUARANTINE_CLOSED,
                ]
            )
        )
        told: dict[str, object] = {"reason": "teste"}
        if kind is CampaignEvent.BLACKOUT_CLAIMED:
            first = night_of(at)
            told["blackout"] = Freeze(first=first, last=first + timedelta(days=3), reason="Festa")
        whole = {CampaignEvent.PAUSED, CampaignEvent.RESUMED}
        happening = CampaignHappening.model_validate(
            {"kind": kind, "at": at, "environments": () if kind in whole else (slug,), **told}
        )
        self.state = after(self.state, happening)

    def live(self, now: datetime) -> None:
        """One run."""
        night = night_of(now)
        found = plan(self.state, outlook(self.facts, MINUTES), SMALL, night)
        for wave in found.waves:
            judged = to_be_judged(wave, self.state) if wave.number in self.state.begun - self.state.promoted else None
            if (
                judged
                and self.state.status is Status.OPEN
                and self.judge(judged.number, judged, night) is Verdict.GO_ON
            ):
                self.tell(CampaignEvent.PROMOTED, now, wave=wave.number)
        found = plan(self.state, outlook(self.facts, MINUTES), SMALL, night)
        if self.state.status is Status.OPEN and (news := promises(found, self.state)):
            self.tell(CampaignEvent.PLANNED, now, appointments=news[0], waves=news[1])
        assert promises(found, self.state) is None or self.state.status is not Status.OPEN
        for wave in waves_to_begin(found, self.state, night):
            self.tell(CampaignEvent.WAVE_BEGUN, now, wave=wave.number)
        for slug in rehearsals_due(found, self.state, self.facts, SMALL, now):
            outcome = self.draw(st.sampled_from([*[RehearsalOutcome.PASSED] * 6, RehearsalOutcome.FAILED]))
            self.change(slug, rehearsal=make_rehearsal(minutes=20, outcome=outcome))
        while True:
            seen = tonight(found, self.state, self.facts, SMALL, now)
            for one in seen.unfit:
                self.tell(CampaignEvent.POSTPONED, now, one.environment, reason=one.reason)
            unit = next_unit(seen.ready, {}, self.facts, SMALL.nights)
            if unit is None:
                return
            self.check(unit.environment, now, unit.appointment.wave)
            failed = self.draw(st.sampled_from([False] * 9 + [True]))
            self.tell(
                CampaignEvent.UNIT_FINISHED,
                now,
                unit.environment,
                outcome=Outcome.FAILED if failed else Outcome.UPGRADED,
                minutes=20,
                signature="duplicate entry" if failed else "",
            )
            if not failed:
                self.done.add(unit.environment)
                self.change(unit.environment, version=self.facts.release.version)
                self.last[unit.appointment.wave] = max(night, self.last.get(unit.appointment.wave, night))
            elif over_budget(self.state, SMALL):
                self.tell(CampaignEvent.STOPPED, now, reason="falhas")

    def judge(self, number: int, wave: object, night: date) -> Verdict:
        units = {
            slug: UnitObservation(
                outcome=unit.outcome,
                minutes=20,
                predicted_minutes=20,
                sign_ins=99,
                documents_signed=99,
                processes_sent=99,
                healthy=self.draw(st.sampled_from([True] * 9 + [False])),
            )
            for slug, unit in self.state.units.items()
            if unit.appointment.wave == number
        }
        observations = Observations(
            today=night,
            complexity=self.facts.release.complexity,
            calendar=CALENDAR,
            units=units,
            members=len(self.state.members),
            open_failures=frozenset(self.state.failures),
            approved=True,
        )
        return promote(wave, observations, SMALL).verdict  # type: ignore[arg-type]  # a planned wave

    def change(self, slug: str, **facts: object) -> None:
        self.known[slug] = self.known[slug].model_copy(update=facts)
        self.facts = self.facts.model_copy(update={"environments": tuple(self.known.values())})

    def check(self, slug: str, now: datetime, wave: int) -> None:
        """Everything that must hold when an upgrade begins."""
        one, night = self.known[slug], night_of(now)
        assert self.state.status is Status.OPEN
        assert over_budget(self.state, SMALL) is None
        assert slug not in self.done, "nobody twice"
        assert self.state.units.get(slug) is None, "not while what came of the last try stands"
        assert not self.state.upgraded(slug)
        assert slug in self.state.members
        assert not {slug} & {*self.state.skipped, *self.state.left, *self.state.failures}
        assert one.open_on(night, self.state.blackouts.get(slug, ()))
        assert SMALL.nights.works_on(night)
        assert moment_of(night, one.hours.first_minute) <= now
        assert now + timedelta(minutes=20) <= moment_of(night, one.hours.last_minute)
        assert one.certificate_age_hours is not None
        assert one.certificate_age_hours <= SMALL.certificate_hours
        assert one.rehearsal
        assert one.rehearsal.outcome is RehearsalOutcome.PASSED
        soak = SMALL.soak[self.facts.release.complexity]
        for earlier, last in self.last.items():
            if earlier < wave:
                assert earlier in self.state.promoted
                assert night >= soaked_on(last, WaveKind.of(earlier), soak, CALENDAR), "watched before"
        if not one.of_the_state:
            state = [other for other in self.known.values() if other.of_the_state]
            assert all(
                self.facts.release.reached_by(other) or other.slug in {*self.state.left, *self.state.skipped}
                for other in state
            ), "the state first"
        self.minutes[night, one.server] += one.reserved_minutes(SMALL.nights.margin_percent)
        assert self.minutes[night, one.server] <= SMALL.nights.minutes_per_server


@settings(deadline=None, max_examples=15)
@given(st.data(), fleets(most=5))
def test_nobody_goes_who_must_not_whatever_is_decided(data: st.DataObject, facts: CampaignFacts) -> None:
    run = Run(facts, data.draw)
    for day in range(DAYS):
        for minute in (NOON, NIGHT, NIGHT + 180):
            now = moment_of(MONDAY + timedelta(days=day), minute)
            if data.draw(st.integers(0, 7)) == 0:
                run.command(now)
            run.live(now)
    event(f"{min(len(run.done), 5)} ou mais atualizados" if run.done else "ninguém atualizado")


def state_at(*environments: EnvironmentFacts) -> tuple[CampaignFacts, CampaignState]:
    """The state's wave agreed and begun, in its first night."""
    facts = make_facts(*environments)
    state = opened(facts)
    found = plan(state, outlook(facts, MINUTES), RULES, MONDAY)
    for kind, told in (
        (CampaignEvent.PLANNED, {"appointments": found.appointments}),
        (CampaignEvent.WAVE_BEGUN, {"wave": 1}),
    ):
        state = after(state, CampaignHappening.model_validate({"kind": kind, "at": moment_of(MONDAY, 0), **told}))
    return facts, state


def at_the_turn(
    facts: CampaignFacts, state: CampaignState, minute: int = NIGHT
) -> tuple[Sequence[str], dict[str, str]]:
    found = plan(state, outlook(facts, MINUTES), RULES, MONDAY)
    seen = tonight(found, state, facts, RULES, moment_of(MONDAY, minute))
    return [unit.environment for unit in seen.ready], {one.environment: one.reason for one in seen.unfit}


@pytest.mark.parametrize(
    ("homologation", "reason"),
    [
        (make_environment("estado", STATE[0].purpose, of_the_state=True, rehearsal=None), "não foi ensaiada"),
        (
            make_environment(
                "estado",
                STATE[0].purpose,
                of_the_state=True,
                rehearsal=REHEARSED.model_copy(update={"age_hours": 40.0}),
            ),
            "o ensaio tem 40 h; o limite são 36 h",
        ),
        (
            make_environment("estado", STATE[0].purpose, of_the_state=True, certificate_age_hours=25),
            "a cópia provada tem 25 h; o limite são 24 h",
        ),
    ],
)
def test_a_plan_looks_weeks_ahead_and_the_turn_asks_for_today(homologation: EnvironmentFacts, reason: str) -> None:
    facts, state = state_at(homologation, STATE[1])
    ready, unfit = at_the_turn(facts, state)
    assert ready == []
    assert reason in unfit["estado-homologacao"]


def test_what_no_longer_fits_into_the_window_misses_its_turn() -> None:
    facts, state = state_at(*STATE)
    assert at_the_turn(facts, state) == (["estado-homologacao"], {})
    ready, unfit = at_the_turn(facts, state, 17 * 60 + 30)  # 05:30 of a window until 06:00
    assert ready == []
    assert unfit == {"estado-homologacao": "a janela desta noite não comporta mais os 75 min da atualização"}
    assert at_the_turn(facts, state, NOON) == ([], {}), "before its time"


def test_who_missed_a_turn_is_told_once_a_night_and_no_wave_but_the_states_waits_for_it() -> None:
    facts, state = state_at(*STATE[:1], make_environment("lavras"))
    found = plan(state, outlook(facts, MINUTES), RULES, MONDAY)
    missed = CampaignHappening(
        kind=CampaignEvent.POSTPONED,
        at=moment_of(MONDAY, NIGHT),
        environments=("estado-homologacao", "lavras-producao"),
    )
    state = after(state, missed)
    by_number = {wave.number: wave for wave in found.waves}
    assert to_be_judged(by_number[1], state) == by_number[1]
    assert to_be_judged(by_number[2], state) is None
    facts = facts.model_copy(update={"environments": (STATE[0].model_copy(update={"rehearsal": None}),)})
    assert at_the_turn(facts, state) == ([], {})


def test_a_campaign_is_over_only_when_nobody_waits_for_anything() -> None:
    facts, state = state_at(*STATE)
    assert not is_over(plan(state, outlook(facts, MINUTES), RULES, MONDAY), state)
    done = facts.model_copy(
        update={"environments": tuple(one.model_copy(update={"version": "4.1.2"}) for one in facts.environments)}
    )
    assert is_over(plan(state, outlook(done, MINUTES), RULES, MONDAY), state), "who has it already waits for nothing"
    failed = make_environment(rehearsal=make_rehearsal(outcome=RehearsalOutcome.FAILED))
    waiting = make_facts(*done.environments, failed)
    state = opened(waiting)
    found = plan(state, outlook(waiting, MINUTES), RULES, MONDAY)
    assert [one.kind for one in found.left_out if one.environment == failed.slug] == [Exclusion.REHEARSAL_FAILED]
    assert not is_over(found, state)
