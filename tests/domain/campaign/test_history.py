"""A campaign is what its events say, in order; what cannot happen is refused, and changes nothing if it was written."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.campaign.eligibility import Exclusion
from domain.campaign.history import (
    Appointment,
    CampaignEvent,
    CampaignHappening,
    CampaignState,
    Status,
    after,
    fold,
    refusal,
    require_possible,
)
from domain.campaign.plan import plan
from domain.errors import GateClosedError, IntegrityError
from domain.freeze import Freeze
from tests.domain.campaign.fleets import MONDAY, RULES, STATE, happening, make_environment, make_facts, opening

FACTS = make_facts(*STATE, make_environment())
SLUGS = [environment.slug for environment in FACTS.environments]
CLOSED = Freeze(first=MONDAY, last=MONDAY, reason="Festa")
APPOINTMENTS = [
    Appointment(environment=slug, wave=wave, night=MONDAY, first_minute=600, minutes=30)
    for slug, wave in zip(SLUGS, (1, 1, 2), strict=True)
]
OPENED = opening(FACTS)
PLANNED = happening(CampaignEvent.PLANNED, appointments=APPOINTMENTS)
BEGUN = happening(CampaignEvent.WAVE_BEGUN, wave=1)
DONE = happening(CampaignEvent.UNIT_FINISHED, SLUGS[0], outcome="upgraded", minutes=12)
FAILED = happening(CampaignEvent.UNIT_FINISHED, SLUGS[1], outcome="failed", minutes=3, signature="disk full")


def test_the_whole_of_a_campaign_follows_from_its_events() -> None:
    state = fold([OPENED, PLANNED, BEGUN, DONE, FAILED, happening(CampaignEvent.STOPPED)])
    assert state.status is Status.STOPPED
    assert state.begun == {1}
    assert state.upgraded(SLUGS[0])
    assert not state.upgraded(SLUGS[1])
    assert state.failures == {SLUGS[1]: "disk full"}


def test_a_failure_is_tried_again_only_when_somebody_explained_it() -> None:
    state = fold([OPENED, PLANNED, BEGUN, FAILED])
    again = happening(CampaignEvent.RETRIED, SLUGS[1])
    with pytest.raises(GateClosedError, match="A falha de estado-producao ainda não foi encerrada"):
        require_possible(state, again)
    closed = after(state, happening(CampaignEvent.QUARANTINE_CLOSED, SLUGS[1]))
    assert plan(closed, FACTS, RULES, MONDAY).left_out[0].kind is Exclusion.FAILED
    found = plan(after(closed, again), FACTS, RULES, MONDAY)
    assert not found.left_out
    assert SLUGS[1] in {unit.environment for unit in found.units}


@pytest.mark.parametrize(
    ("history", "refused", "reason"),
    [
        ([OPENED], OPENED, "A campanha já está aberta"),
        ([OPENED], BEGUN, "Não há noites marcadas para a onda 1"),
        ([OPENED, PLANNED], happening(CampaignEvent.WAVE_BEGUN, wave=2), "A onda 1 ainda não foi liberada"),
        ([OPENED, PLANNED], DONE, "A onda de estado-homologacao não começou"),
        ([OPENED, PLANNED, BEGUN, DONE], DONE, "estado-homologacao já terminou"),
        ([OPENED, PLANNED], happening(CampaignEvent.PROMOTED, wave=1), "A onda 1 não começou"),
        ([OPENED], happening(CampaignEvent.RESUMED), "A campanha não está parada"),
        ([OPENED, PLANNED, happening(CampaignEvent.PAUSED)], BEGUN, "A campanha está em pausa"),
        (
            [OPENED, PLANNED, BEGUN, FAILED, happening(CampaignEvent.STOPPED)],
            happening(CampaignEvent.PROMOTED, wave=1),
            "A campanha está parada",
        ),
        ([OPENED, happening(CampaignEvent.ABORTED)], happening(CampaignEvent.RESUMED), "A campanha já foi encerrada"),
        ([OPENED], happening(CampaignEvent.SKIPPED, "lavras-producao"), "lavras-producao não é da campanha"),
        ([OPENED], happening(CampaignEvent.SKIPPED), "Falta dizer de qual ambiente"),
        ([OPENED], happening(CampaignEvent.BLACKOUT_CLAIMED, SLUGS[0]), "Faltam os dias"),
        ([OPENED, PLANNED, BEGUN], happening(CampaignEvent.UNIT_FINISHED, SLUGS[0]), "Falta dizer como terminou"),
    ],
)
def test_what_cannot_happen_is_refused_and_changes_nothing(
    history: list[CampaignHappening], refused: CampaignHappening, reason: str
) -> None:
    state = fold(history)
    assert refusal(state, refused) == reason
    assert fold([*history, refused]) == state


def test_an_upgrade_that_ran_when_the_campaign_was_stopped_is_still_recorded() -> None:
    state = fold([OPENED, PLANNED, BEGUN, happening(CampaignEvent.STOPPED), DONE])
    assert state.upgraded(SLUGS[0])


def test_a_plan_that_follows_does_not_move_what_is_done_weeks_later() -> None:
    state = fold([OPENED, PLANNED, BEGUN, DONE])
    found = plan(state, FACTS, RULES, MONDAY + timedelta(days=21))
    done = next(unit for unit in found.units if unit.environment == SLUGS[0])
    assert (done.done, done.appointment) == (True, APPOINTMENTS[0])
    assert all(unit.night >= MONDAY + timedelta(days=21) for unit in found.units if not unit.done)


def test_an_aborted_campaign_plans_nobody() -> None:
    found = plan(fold([OPENED, happening(CampaignEvent.ABORTED)]), FACTS, RULES, MONDAY)
    assert {one.kind for one in found.left_out} == {Exclusion.ABORTED}
    assert not found.waves


@pytest.mark.parametrize("events", [[], [happening(CampaignEvent.PAUSED)]])
def test_a_history_without_its_beginning_is_refused(events: list[CampaignHappening]) -> None:
    with pytest.raises(IntegrityError, match="histórico"):
        fold(events)


EVENTS = st.sampled_from(
    [
        PLANNED,
        BEGUN,
        DONE,
        FAILED,
        happening(CampaignEvent.WAVE_BEGUN, wave=2),
        happening(CampaignEvent.PROMOTED, wave=1),
        happening(CampaignEvent.UNIT_FINISHED, SLUGS[2], outcome="upgraded", minutes=5),
        happening(CampaignEvent.BLACKOUT_CLAIMED, SLUGS[2], blackout=CLOSED),
        *(happening(kind) for kind in (CampaignEvent.PAUSED, CampaignEvent.RESUMED, CampaignEvent.STOPPED)),
        *(
            happening(kind, slug, reason="teste")
            for slug in SLUGS
            for kind in (
                CampaignEvent.SKIPPED,
                CampaignEvent.RETRIED,
                CampaignEvent.LEFT,
                CampaignEvent.JOINED,
                CampaignEvent.QUARANTINE_CLOSED,
            )
        ),
    ]
)


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=25), st.integers(0, 25), st.integers(0, 40))
def test_a_campaign_goes_on_after_a_crash_at_any_point_as_if_nothing_had_happened(
    events: list[CampaignHappening], crash: int, days: int
) -> None:
    whole = fold([OPENED, *events])
    state: CampaignState = fold([OPENED, *events[:crash]])
    for event in events[crash:]:
        state = after(state, event)
    assert state == whole
    assert CampaignState.model_validate_json(state.model_dump_json()) == state
    today: date = MONDAY + timedelta(days=days)
    found = plan(state, FACTS, RULES, today)
    assert sorted([*(u.environment for u in found.units), *(one.environment for one in found.left_out)]) == sorted(
        SLUGS
    )
    for unit in found.units:
        assert unit.done == state.upgraded(unit.environment)
        assert unit.done or unit.night >= today
        assert not unit.done or unit.appointment == state.units[unit.environment].appointment
