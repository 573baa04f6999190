"""The next wave needs time, real use, health, durations as foreseen and failures within the budget: all of them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.campaign.history import Appointment, CampaignEvent, Outcome, after, fold
from domain.campaign.plan import PlannedUnit, PlannedWave
from domain.campaign.promotion import Observations, UnitObservation, Verdict, over_budget, promote
from domain.campaign.waves import WaveKind
from domain.upgrade.complexity import Complexity
from tests.domain.campaign.fleets import CALENDAR, MONDAY, RULES, STATE, happening, make_facts, opened

FRIDAY = MONDAY + timedelta(days=4)


def make_wave(*environments: str, kind: WaveKind = WaveKind.GROWING, night: date = MONDAY) -> PlannedWave:
    numbers = {WaveKind.STATE: 1, WaveKind.CANARIES: 2, WaveKind.GROWING: 3}
    units = tuple(
        PlannedUnit(
            appointment=Appointment(environment=one, wave=numbers[kind], night=night, first_minute=600, minutes=30),
            why="teste",
            done=True,
        )
        for one in environments
    )
    return PlannedWave(number=numbers[kind], kind=kind, units=units)


def make_unit(
    outcome: Outcome = Outcome.UPGRADED,
    *,
    minutes: float = 20,
    use: int = 50,
    open_incidents: int = 0,
    healthy: bool = True,
) -> UnitObservation:
    return UnitObservation(
        outcome=outcome,
        minutes=minutes,
        predicted_minutes=20,
        sign_ins=use,
        documents_signed=use,
        processes_sent=use,
        open_incidents=open_incidents,
        healthy=healthy,
    )


def seen(
    units: dict[str, UnitObservation],
    *,
    today: date = FRIDAY,
    complexity: Complexity = Complexity.LOW,
    members: int = 100,
    open_failures: frozenset[str] = frozenset(),
    approved: bool = False,
) -> Observations:
    return Observations(
        today=today,
        complexity=complexity,
        calendar=CALENDAR,
        units=units,
        members=members,
        open_failures=open_failures,
        approved=approved,
    )


WAVE = make_wave("a-producao", "b-producao")
GOOD = {"a-producao": make_unit(), "b-producao": make_unit()}


def test_a_wave_that_went_well_lets_the_next_one_begin() -> None:
    decision = promote(WAVE, seen(GOOD), RULES)
    assert decision.verdict is Verdict.GO_ON
    assert decision.reasons == ("onda 1: 2 ambientes atualizados, observados, em uso e sãos",)


@pytest.mark.parametrize(
    ("units", "verdict", "reason"),
    [
        ({"a-producao": make_unit()}, Verdict.WAIT, "faltam 1 ambientes: b-producao"),
        (
            dict.fromkeys(GOOD, make_unit(use=2)),
            Verdict.WAIT,
            "pouco uso de verdade: 4 de 50 acessos, 4 de 20 documentos assinados, 4 de 5 processos enviados",
        ),
        ({**GOOD, "b-producao": make_unit(healthy=False)}, Verdict.WAIT, "não estão sãos: b-producao"),
        ({**GOOD, "b-producao": make_unit(open_incidents=1)}, Verdict.WAIT, "têm incidente aberto: b-producao"),
        (dict.fromkeys(GOOD, make_unit(minutes=40)), Verdict.PERSON, "as atualizações levaram 2.0 vezes o previsto"),
    ],
)
def test_each_thing_that_lacks_is_told(units: dict[str, UnitObservation], verdict: Verdict, reason: str) -> None:
    decision = promote(WAVE, seen(units), RULES)
    assert decision.verdict is verdict
    assert any(why.startswith(reason) for why in decision.reasons), decision.reasons


def test_before_its_time_nothing_goes_on_and_the_day_is_told() -> None:
    decision = promote(make_wave(*GOOD, kind=WaveKind.STATE), seen(GOOD, today=MONDAY + timedelta(days=1)), RULES)
    assert (decision.verdict, decision.until) == (Verdict.WAIT, date(2027, 3, 3))
    assert decision.reasons == ("a observação vai até 03/03/2027",)


def test_a_version_of_high_complexity_needs_a_person_after_everything_else() -> None:
    later = FRIDAY + timedelta(days=14)
    assert promote(WAVE, seen(GOOD, today=later, complexity=Complexity.HIGH), RULES).verdict is Verdict.PERSON
    assert promote(WAVE, seen(GOOD, today=MONDAY, complexity=Complexity.HIGH), RULES).verdict is Verdict.WAIT
    approved = seen(GOOD, today=later, complexity=Complexity.HIGH, approved=True)
    assert promote(WAVE, approved, RULES).verdict is Verdict.GO_ON
    too_early = seen(GOOD, today=MONDAY, complexity=Complexity.HIGH, approved=True)
    assert promote(WAVE, too_early, RULES).verdict is Verdict.WAIT, "a yes does not replace the time"


def test_a_wave_without_use_for_too_long_becomes_a_persons_question() -> None:
    unused = dict.fromkeys(GOOD, make_unit(use=0))
    decision = promote(WAVE, seen(unused, today=MONDAY + timedelta(days=40)), RULES)
    assert decision.verdict is Verdict.PERSON
    assert "depois de" in decision.reasons[0]


@pytest.mark.parametrize(
    ("members", "failures", "stops"),
    [(49, 1, True), (50, 1, False), (100, 2, False), (100, 3, True), (853, 3, False), (853, 4, True)],
)
def test_the_lower_of_two_percent_and_three_environments_is_the_budget(
    members: int, failures: int, stops: bool
) -> None:
    failed = frozenset(f"x{number}-producao" for number in range(failures))
    decision = promote(WAVE, seen(GOOD, members=members, open_failures=failed, approved=True), RULES)
    assert (decision.verdict is Verdict.STOP) == stops
    if stops:
        assert f"{failures} ambientes com falha" in decision.reasons[0]


def test_an_ill_environment_counts_as_a_failure() -> None:
    ill = {**GOOD, "b-producao": make_unit(healthy=False)}
    assert promote(WAVE, seen(ill, members=49), RULES).verdict is Verdict.STOP


def test_the_budget_is_asked_after_each_upgrade() -> None:
    facts = make_facts(*STATE)
    state = opened(facts)
    assert over_budget(state, RULES) is None
    history = [
        happening(
            CampaignEvent.PLANNED,
            appointments=[
                Appointment(environment="estado-producao", wave=1, night=MONDAY, first_minute=600, minutes=9)
            ],
        ),
        happening(CampaignEvent.WAVE_BEGUN, wave=1),
        happening(CampaignEvent.UNIT_FINISHED, "estado-producao", outcome="failed", signature="disk full"),
    ]
    for one in history:
        state = after(state, one)
    assert "1 ambientes com falha" in (over_budget(state, RULES) or "")
    closed = after(state, happening(CampaignEvent.QUARANTINE_CLOSED, "estado-producao"))
    assert over_budget(closed, RULES) is None


@given(st.integers(0, 60), st.integers(0, 60), st.booleans(), st.sampled_from(list(Complexity)))
def test_more_use_and_more_time_never_make_a_decision_graver(
    days: int, use: int, healthy: bool, complexity: Complexity
) -> None:
    def verdict(more_days: int, more_use: int) -> Verdict:
        units = dict.fromkeys(GOOD, make_unit(use=use + more_use, healthy=healthy))
        return promote(
            WAVE, seen(units, today=MONDAY + timedelta(days=days + more_days), complexity=complexity), RULES
        ).verdict

    if verdict(0, 0) is Verdict.GO_ON:
        assert verdict(7, 10) is Verdict.GO_ON
    if verdict(0, 0) is not Verdict.STOP:
        assert verdict(0, 10) is not Verdict.STOP


def test_fold_refuses_a_history_without_its_beginning() -> None:
    from domain.errors import IntegrityError

    with pytest.raises(IntegrityError, match="não começa pela abertura"):
        fold([happening(CampaignEvent.PAUSED)])
