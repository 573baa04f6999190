"""A plan breaks no rule whatever the fleet, keeps what was agreed, and tells each one left out why."""

from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.campaign.coverage import traits_held
from domain.campaign.facts import CampaignFacts, EnvironmentFacts, RehearsalOutcome
from domain.campaign.history import CampaignEvent, Outcome
from domain.campaign.plan import CampaignPlan, plan
from domain.campaign.waves import CANARY_WAVE, STATE_WAVE
from domain.environment import Purpose
from domain.freeze import Freeze
from domain.upgrade.complexity import Complexity
from tests.domain.campaign.campaigns import (
    CALENDAR,
    HOURS,
    MONDAY,
    RULES,
    SIGNATURE,
    STATE,
    agreed,
    campaign_facts,
    finished,
    make_facts,
    make_release,
    most_at_once,
    named,
    nights,
    opened,
    told,
    towns,
    waves,
    why_not,
)
from tests.domain.campaign.fleets import make_environment, make_rehearsal


def planned(*environments: EnvironmentFacts) -> CampaignPlan:
    facts = make_facts(*environments)
    return plan(opened(facts), facts, RULES, MONDAY)


@settings(max_examples=60, deadline=None)
@given(campaign_facts())
def test_everybody_is_in_the_plan_once_or_is_told_why_not(facts: CampaignFacts) -> None:
    found = plan(opened(facts), facts, RULES, MONDAY)
    told_of = [unit.environment for unit in found.units] + [one.environment for one in found.left_out]
    assert sorted(told_of) == sorted(one.slug for one in facts.environments)
    assert all(one.reason for one in found.left_out)
    assert all(unit.why for unit in found.units)


@settings(max_examples=60, deadline=None)
@given(campaign_facts(sound=True))
def test_every_night_is_one_that_the_prefeitura_the_fleet_and_the_server_allow(facts: CampaignFacts) -> None:
    found = plan(opened(facts), facts, RULES, MONDAY)
    known, rule = named(facts), RULES.nights
    by_server = defaultdict(list)
    for unit in found.units:
        one, at = known[unit.environment], unit.appointment
        assert at.night >= MONDAY
        assert rule.works_on(at.night)
        assert one.open_on(at.night)
        assert one.hours.first_minute <= at.first_minute
        assert at.first_minute + at.minutes <= one.hours.last_minute
        assert at.minutes >= one.rehearsal.predicted_minutes * 1.25  # type: ignore[union-attr]  # sound
        by_server[at.night, one.server].append(unit)
    assert most_at_once(found.units) <= rule.at_once
    for units in by_server.values():
        assert most_at_once(units) <= rule.per_server
        assert sum(unit.appointment.minutes for unit in units) <= rule.minutes_per_server


@settings(max_examples=60, deadline=None)
@given(campaign_facts(sound=True))
def test_waves_follow_each_other_after_the_soak_and_productions_their_own_trainings(facts: CampaignFacts) -> None:
    found = plan(opened(facts), facts, RULES, MONDAY)
    assert found.waves[0].number == STATE_WAVE
    soak = RULES.soak[facts.release.complexity]
    for earlier, later in pairwise(found.waves):
        days = soak.state_business_days if earlier.number == STATE_WAVE else soak.wave_business_days
        assert CALENDAR.business_days_between(earlier.last_night, later.first_night) >= days
    assert found.ends_on is not None
    assert found.ends_on > found.waves[-1].last_night
    when = nights(found)
    for one in facts.environments:
        training = f"{one.municipality}-{Purpose.TREINAMENTO.value}"
        if one.purpose is Purpose.PRODUCAO and training in when and one.slug in when:
            assert when[training] < when[one.slug]


@settings(max_examples=60, deadline=None)
@given(campaign_facts())
def test_whatever_comes_in_a_later_wave_was_held_by_a_canary(facts: CampaignFacts) -> None:
    found = plan(opened(facts), facts, RULES, MONDAY)
    known = named(facts)
    canaries = [known[slug] for slug, wave in waves(found).items() if wave == CANARY_WAVE]
    later = [known[slug] for slug, wave in waves(found).items() if wave > CANARY_WAVE]
    assert traits_held(later) <= traits_held(canaries)


@settings(max_examples=30, deadline=None)
@given(campaign_facts())
def test_the_order_in_which_environments_are_named_changes_nothing(facts: CampaignFacts) -> None:
    found = plan(opened(facts), facts, RULES, MONDAY)
    other = facts.model_copy(update={"environments": tuple(sorted(facts.environments, key=lambda one: one.slug))})
    assert plan(opened(other), other, RULES, MONDAY) == found


@settings(max_examples=40, deadline=None)
@given(campaign_facts(sound=True), st.data())
def test_a_later_plan_moves_nothing_that_is_done_or_agreed(facts: CampaignFacts, data: st.DataObject) -> None:
    state = opened(facts)
    first = plan(state, facts, RULES, MONDAY)
    state = agreed(state, first)
    assert plan(state, facts, RULES, MONDAY).appointments == first.appointments
    wave = first.waves[0]
    state = finished(state, wave.units)
    state = told(state, CampaignEvent.PROMOTED, wave=wave.number)
    today = wave.last_night + timedelta(days=data.draw(st.integers(1, 2)))
    again = plan(state, facts, RULES, today)
    assert nights(again) == nights(first)
    assert [unit.environment for unit in again.units if unit.done] == [unit.environment for unit in wave.units]


@settings(max_examples=40, deadline=None)
@given(campaign_facts(sound=True), st.data())
def test_an_environment_that_joins_moves_nobody_else(facts: CampaignFacts, data: st.DataObject) -> None:
    state = opened(facts)
    first = plan(state, facts, RULES, MONDAY)
    state = agreed(state, first)
    like = data.draw(st.sampled_from(facts.environments))
    name = f"a-nova-{Purpose.PRODUCAO.value}"
    update = {"slug": name, "municipality": "a-nova", "purpose": Purpose.PRODUCAO, "of_the_state": False}
    new = like.model_copy(update=update)
    more = facts.model_copy(update={"environments": (new, *facts.environments)})
    joined = told(state, CampaignEvent.JOINED, environments=(name,))
    again = plan(joined, more, RULES, MONDAY)
    if traits_held([new]) <= traits_held(one for one in facts.environments if not one.of_the_state):
        assert {slug: night for slug, night in nights(again).items() if slug != name} == nights(first)
    assert name in nights(again)


def test_who_claims_a_day_gets_another_one_and_the_others_stay() -> None:
    facts = make_facts(STATE, *towns(12))
    state = opened(facts)
    first = plan(state, facts, RULES, MONDAY)
    unlucky = first.waves[-1].units[-1]
    claimed = Freeze(first=unlucky.night, last=unlucky.night + timedelta(days=1), reason="concurso público")
    state = agreed(state, first)
    state = told(state, CampaignEvent.BLACKOUT_CLAIMED, environments=[unlucky.environment], blackout=claimed)
    again = nights(plan(state, facts, RULES, MONDAY))
    moved = {slug for slug, night in nights(first).items() if again[slug] != night}
    assert moved == {unlucky.environment}
    assert again[unlucky.environment] > claimed.last


def test_waves_grow_threefold_to_their_largest() -> None:
    found = planned(STATE, *towns(140))
    assert [len(wave.units) for wave in found.waves] == [1, 1, 5, 15, 45, 60, 14]
    assert [wave.title for wave in found.waves][:3] == ["ambientes do estado", "canários", "onda 1"]


@pytest.mark.parametrize(
    ("complexity", "canaries_on"),
    [
        (Complexity.LOW, date(2026, 3, 4)),
        (Complexity.MEDIUM, date(2026, 3, 9)),
        (Complexity.HIGH, date(2026, 3, 16)),
    ],
)
def test_the_state_is_watched_longer_the_more_complex_the_version(complexity: Complexity, canaries_on: date) -> None:
    facts = make_facts(STATE, *towns(3), release=make_release(complexity))
    found = plan(opened(facts), facts, RULES, MONDAY)
    assert found.waves[0].last_night == MONDAY
    assert found.waves[1].first_night == canaries_on


def test_an_open_incident_of_the_state_keeps_everybody_else_waiting() -> None:
    troubled = make_environment("estado", of_the_state=True, version="5.0.4", version_since=MONDAY, open_incidents=1)
    found = planned(troubled, *towns(1))
    assert why_not(found)["cidade-000-producao"] == "primeiro o estado: estado-producao tem incidente aberto"
    assert not found.units
    assert found.ends_on is None


def test_who_the_state_upgraded_before_the_campaign_is_watched_from_that_day() -> None:
    early = make_environment("estado", of_the_state=True, version="5.0.4", version_since=MONDAY)
    found = planned(early, *towns(1))
    assert nights(found)["cidade-000-producao"] == date(2026, 3, 4)


def test_the_state_of_which_nobody_saw_since_when_is_watched_from_today() -> None:
    found = planned(make_environment("estado", of_the_state=True, version="5.0.4"), *towns(1))
    assert nights(found)["cidade-000-producao"] == date(2026, 3, 4)


def test_the_night_in_which_the_campaign_upgraded_the_state_counts_and_not_when_that_was_seen() -> None:
    facts, tuesday = make_facts(STATE, *towns(1)), MONDAY + timedelta(days=1)
    first = plan(opened(facts), facts, RULES, MONDAY)
    done = finished(agreed(opened(facts), first), first.waves[0].units)
    seen = STATE.model_copy(update={"version": "5.0.4", "version_since": tuesday})
    after = facts.model_copy(update={"environments": (seen, *facts.environments[1:])})
    assert nights(plan(done, after, RULES, tuesday))["cidade-000-producao"] == date(2026, 3, 4)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        (make_environment(version="3.1.7"), "está na 3.1.7, e a 5.0.4 parte só de: 4.0, 4.1"),
        (make_environment(version="5.0.4"), "já está na versão 5.0.4"),
        (make_environment(modules={"pen": "3.7.0"}), "módulo sem compatibilidade conhecida com a 5.0.4: pen 3.7.0"),
        (make_environment(rehearsal=None), "a atualização não foi ensaiada em uma cópia sua"),
        (
            make_environment(rehearsal=make_rehearsal(outcome=RehearsalOutcome.FAILED, signatures=(SIGNATURE,))),
            f"o ensaio falhou: {SIGNATURE}",
        ),
        (make_environment(certificate_age_hours=25), "a cópia provada tem 25 h; o limite são 24 h"),
        (make_environment(certificate_age_hours=None), "não tem cópia provada"),
        (
            make_environment(rehearsal=make_rehearsal(minutes=500)),
            "precisa de 625 min e a janela ou o servidor dá 480 min por noite",
        ),
        (
            make_environment(freezes=(Freeze(first=MONDAY, last=MONDAY + timedelta(days=800), reason="obra"),)),
            "não há noite livre em 366 dias",
        ),
    ],
)
def test_who_cannot_be_upgraded_is_told_why(environment: EnvironmentFacts, reason: str) -> None:
    found = planned(STATE, environment, *towns(2))
    assert why_not(found) == {"rio-doce-producao": reason}


def test_a_production_waits_while_its_training_environment_cannot_go() -> None:
    found = planned(STATE, make_environment(purpose=Purpose.TREINAMENTO, rehearsal=None), make_environment(), *towns(2))
    assert why_not(found)["rio-doce-producao"] == ("espera rio-doce-treinamento, do mesmo município, que ficou de fora")


def test_who_left_or_was_skipped_or_is_in_quarantine_is_not_planned() -> None:
    facts = make_facts(STATE, *towns(4), quarantined=[("cidade-002-producao", "5.0.4")])
    state = opened(facts)
    state = told(state, CampaignEvent.LEFT, environments=["cidade-000-producao"], reason="vai trocar de servidor")
    state = told(state, CampaignEvent.SKIPPED, environments=["cidade-001-producao"], reason="pedido da prefeitura")
    found = plan(state, facts, RULES, MONDAY)
    assert why_not(found) == {
        "cidade-000-producao": "saiu da campanha: vai trocar de servidor",
        "cidade-001-producao": "pulado: pedido da prefeitura",
        "cidade-002-producao": "em quarentena: falhou ao receber a 5.0.4 e ninguém encerrou a falha",
    }


def test_a_failure_holds_those_whose_rehearsal_met_it_and_nobody_else() -> None:
    alike = make_environment("timoteo", rehearsal=make_rehearsal(signatures=(SIGNATURE,)))
    facts = make_facts(STATE, alike, *towns(8))
    state = opened(facts)
    first = plan(state, facts, RULES, MONDAY)
    state = finished(agreed(state, first), first.waves[0].units)
    state = told(state, CampaignEvent.PROMOTED, wave=STATE_WAVE)
    failed = first.waves[1].units[0]
    state = finished(state, [failed], Outcome.FAILED, SIGNATURE)
    again = plan(state, facts, RULES, failed.night + timedelta(days=1))
    assert set(why_not(again)) == {failed.environment, alike.slug}
    assert why_not(again)[alike.slug] == f"retido: o ensaio encontrou o erro com que outro falhou ({SIGNATURE})"
    closed = told(state, CampaignEvent.QUARANTINE_CLOSED, environments=[failed.environment])
    again = plan(closed, facts, RULES, failed.night + timedelta(days=1))
    assert why_not(again) == {failed.environment: "falhou; espera que alguém peça nova tentativa"}


def test_an_aborted_campaign_plans_nobody() -> None:
    facts = make_facts(STATE, *towns(2))
    found = plan(told(opened(facts), CampaignEvent.ABORTED), facts, RULES, MONDAY)
    assert not found.units
    assert set(why_not(found).values()) == {"a campanha foi encerrada"}


def test_a_member_that_the_fleet_no_longer_has_is_told() -> None:
    facts = make_facts(STATE)
    state = told(opened(facts), CampaignEvent.JOINED, environments=["lavras-producao"])
    assert why_not(plan(state, facts, RULES, MONDAY)) == {"lavras-producao": "não está entre os ambientes da frota"}


def test_the_night_of_a_window_after_midnight_touches_the_next_day_only() -> None:
    closed = Freeze(first=date(2026, 3, 3), last=date(2026, 3, 3), reason="feriado")
    early = make_environment(hours=HOURS[1], freezes=(closed,))
    assert not early.open_on(MONDAY)
    assert early.open_on(date(2026, 3, 3))
