"""A campaign from its opening to its end: the real registry, plan, decisions and flow.

Only the two calls that change one environment, and the look at it afterwards, are a double's (`campaign_world`).
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from sqlalchemy import event as sqlalchemy_event

from blocks.settings import Settings
from domain.campaign.history import CampaignEvent, Status
from domain.campaign.sighting import SEEN
from domain.environment import Purpose
from domain.errors import GateClosedError
from domain.message import Event
from lab.state import LabState
from tasks.campaign import Night
from tasks.campaign_facts import campaign_facts, find_release
from tasks.campaign_log import Campaign, open_campaign, resume_campaign
from tasks.sightings import sighting_in, sightings
from tests.flows.campaign_world import MONDAY, STATE, TARGET, World, at, days_from, small_rules, world_in
from tests.flows.mailbox import own_registry

TOWNS = {f"cidade-{chr(97 + n)}": f"31{n + 10:05d}" for n in range(22)}
BOTH = (Purpose.TREINAMENTO, Purpose.PRODUCAO)
MONDAY_NIGHT = at(MONDAY, 22)


@pytest.fixture
def url(lab_state: LabState, programme: Settings) -> Iterator[SecretStr]:
    """A registry of one test alone."""
    with own_registry(lab_state) as url:
        yield url


@pytest.fixture
def world(url: SecretStr) -> Iterator[World]:
    with world_in(url) as world:
        world.add(STATE, "3100104", Purpose.HOMOLOGACAO, Purpose.PRODUCAO)
        for number, (slug, ibge) in enumerate(TOWNS.items()):
            world.add(
                slug,
                ibge,
                *(BOTH if number % 5 == 0 else (Purpose.PRODUCAO,)),
                population=[5_000, 30_000, 90_000][number % 3],
                server=f"banco-{number % 2}",
            )
        world.back_up()
        yield world


def start(world: World) -> Campaign:
    members = [record.slug for record in world.registry.list_environments()]
    return open_campaign(TARGET, members, "gerência", "Versão nova do estado")


def reasons(campaign: Campaign, kind: CampaignEvent) -> dict[str, str]:
    campaign.refresh()
    told = [line.happening for line in campaign.lines if line.happening.kind is kind]
    return {(one.environments[0] if one.environments else ""): one.reason for one in told}


def until(world: World, days: Iterator[date], reached: Callable[[], bool]) -> None:
    """Day after day, until it is so."""
    for day in days:
        world.night(day)
        if reached():
            return
    raise AssertionError("it never came to that")


def status(campaign: Campaign) -> Status:
    return campaign.refresh().status


def left_out(campaign: Campaign) -> dict[str, str]:
    return {one.environment: one.reason for one in Night(campaign).view().plan.left_out}


def alerts(world: World) -> set[str]:
    """What the programme's team was written."""
    told = [message for ibge in ("3100104", *TOWNS.values()) for message in world.registry.messages(ibge)]
    return {str(one.variables["situacao"]) for one in told if one.event == Event.ALERTA_CAMPANHA}


@pytest.mark.slow
def test_a_campaign_of_29_environments_from_the_state_to_its_end(world: World) -> None:
    """Two fail in their rehearsal, one in its step, some in bake time, which stops all; the rest is upgraded."""
    campaign, days = start(world), days_from(MONDAY, 120)
    assert len(campaign.state.members) == 29
    world.fails_in_rehearsal = {"cidade-c-producao": "unknown column * in *", "cidade-h-producao": "duplicate entry"}
    for _ in range(3):
        world.night(next(days))
    assert world.upgraded == ["estado-homologacao", "estado-producao"], "the state first, and watched"
    until(world, days, lambda: 3 in campaign.refresh().begun)
    # One fails during its step, which the budget of this fleet bears; then some of its wave fall ill.
    broken = min(slug for slug, one in campaign.state.appointments.items() if one.wave == 4)
    world.fails_in_upgrade = {broken: "table * doesn * exist"}
    until(world, days, lambda: broken in campaign.refresh().failures)
    assert status(campaign) is Status.OPEN, "one failure is within the budget of 29"
    assert any("não foram atualizados e voltaram ao que eram" in trouble for trouble in world.troubles)
    fourth = {slug for slug, unit in campaign.state.units.items() if unit.appointment.wave == 4} - {broken}
    world.ill = set(sorted(fourth)[:3])
    until(world, days, lambda: status(campaign) is Status.STOPPED)
    assert "a aplicação não atende" in reasons(campaign, CampaignEvent.STOPPED)[""]
    assert "parada" in alerts(world)
    before = len(world.upgraded)
    world.night(next(days))
    assert len(world.upgraded) == before, "nobody is upgraded while it is stopped"
    # The causes are found: the ill are well again, the one that failed has its turn again.
    world.ill, world.fails_in_upgrade = set(), {}
    campaign.tell(CampaignEvent.QUARANTINE_CLOSED, broken, actor="suporte", reason="tabela criada à mão, removida")
    campaign.tell(CampaignEvent.RETRIED, broken, actor="suporte", reason="causa corrigida")
    resume_campaign(campaign, "gerência", "causas explicadas")
    rest = campaign.state.members - world.fails_in_rehearsal.keys()
    until(world, days, lambda: set(world.upgraded) == rest)
    out = left_out(campaign)
    assert set(out) == set(world.fails_in_rehearsal)
    assert out["cidade-c-producao"] == "o ensaio falhou: unknown column * in *"
    assert status(campaign) is Status.OPEN, "two wait for somebody"
    # Mended and rehearsed again, they go as well; then all is over.
    mended, world.fails_in_rehearsal = list(world.fails_in_rehearsal), {}
    for environment in mended:
        world.rehearse(environment, TARGET)
    until(world, days, lambda: status(campaign) is Status.FINISHED)
    assert sorted(world.upgraded) == sorted(campaign.state.members), "each once"
    assert world.run(world.now) is None, "what is over is left alone"


def test_a_run_that_died_after_an_upgrade_is_settled_by_the_next_and_nobody_goes_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = start(world)
    world.run(world.now)
    with monkeypatch.context() as patch:
        patch.setattr(Night, "record", lambda *_: (_ for _ in ()).throw(MemoryError("kill -9")))
        world.now = MONDAY_NIGHT
        with pytest.raises(MemoryError):
            world.run(MONDAY_NIGHT)
    died = list(world.upgraded)
    assert died
    assert not campaign.refresh().units
    world.run(MONDAY_NIGHT + timedelta(hours=1))
    assert all(campaign.refresh().upgraded(slug) for slug in died)
    assert len(world.upgraded) == len(set(world.upgraded))


def test_an_upgrade_that_was_cut_off_is_brought_back_first_and_has_its_turn_again(
    url: SecretStr, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world_in(url) as world:
        world.add(STATE, "3100104", Purpose.PRODUCAO)
        world.back_up()
        campaign = start(world)
        world.cut_off = {"estado-producao"}
        with monkeypatch.context() as patch:
            patch.setattr(Night, "record", lambda *_: (_ for _ in ()).throw(MemoryError("kill -9")))
            with pytest.raises(MemoryError):
                world.run(MONDAY_NIGHT)
        world.run(MONDAY_NIGHT + timedelta(minutes=30))
        assert world.upgraded == ["estado-producao"]
        told = reasons(campaign, CampaignEvent.POSTPONED)["estado-producao"]
        assert told == "a execução foi interrompida no meio da atualização; tem nova vez"
        assert campaign.refresh().failures == {}


def test_high_complexity_waits_for_a_person_who_may_not_shorten_the_watch(url: SecretStr) -> None:
    with world_in(url, complexity="alta") as world:
        world.add(STATE, "3100104", Purpose.PRODUCAO)
        world.add("cidade-a", "3100203", Purpose.PRODUCAO)
        world.back_up()
        campaign = start(world)
        days = list(days_from(MONDAY, 30))
        for day in days[:10]:
            world.night(day)
        night = Night(campaign)
        (wave,) = night.waves_to_judge()
        seen = {slug: world.observe(slug, unit) for slug, unit in night.units_of(wave).items()}
        with pytest.raises(GateClosedError, match="a observação vai até"):
            night.judge(wave, seen, role="gerência", reason="temos pressa")
        for day in days[10:20]:
            world.night(day)
        assert world.upgraded == ["estado-producao"], "nobody decided yet"
        assert campaign.refresh().promoted == frozenset()
        assert "ambientes do estado: uma pessoa decide" in alerts(world)
        night.judge(wave, seen, role="gerência", reason="ata 12/2027")
        line = campaign.lines[-1]
        assert (line.happening.kind, line.actor) == (CampaignEvent.PROMOTED, "gerência")
        assert line.happening.reason.startswith("ata 12/2027 (")
        for day in days[20:]:
            world.night(day)
        assert world.upgraded == ["estado-producao", "cidade-a-producao"]


def test_who_is_refused_or_without_a_copy_misses_its_turn_and_the_wave_goes_on(url: SecretStr) -> None:
    with world_in(url) as world:
        world.add(STATE, "3100104", Purpose.PRODUCAO)
        for slug, ibge in list(TOWNS.items())[:4]:
            world.add(slug, ibge, Purpose.PRODUCAO)
        world.back_up()
        campaign = start(world)
        world.refused = {"cidade-b-producao"}
        days = days_from(MONDAY, 40)
        until(world, days, lambda: len(world.upgraded) == 4)
        assert "cidade-b-producao" not in world.upgraded
        assert "O servidor de banco não respondeu" in reasons(campaign, CampaignEvent.POSTPONED)["cidade-b-producao"]
        world.refused = set()
        until(world, days, lambda: status(campaign) is Status.FINISHED)
        assert len(world.upgraded) == 5


def test_pause_blackout_leave_and_skip_hold_from_the_next_turn_on(url: SecretStr) -> None:
    with world_in(url) as world:
        world.add(STATE, "3100104", Purpose.PRODUCAO)
        for slug, ibge in list(TOWNS.items())[:3]:
            world.add(slug, ibge, Purpose.PRODUCAO)
        world.back_up()
        campaign = start(world)
        days = days_from(MONDAY, 40)
        world.night(next(days))
        assert world.upgraded == ["estado-producao"]
        campaign.tell(CampaignEvent.PAUSED, actor="gerência", reason="feriado prolongado")
        for _ in range(7):
            world.night(next(days))
        assert campaign.refresh().promoted == frozenset()
        resume_campaign(campaign, "gerência", "de volta")
        campaign.tell(CampaignEvent.LEFT, "cidade-a-producao", actor="prefeitura", reason="fica na versão antiga")
        campaign.tell(CampaignEvent.SKIPPED, "cidade-b-producao", actor="infraestrutura", reason="migra de servidor")
        blackout = {"first": MONDAY, "last": MONDAY + timedelta(days=20), "reason": "Matrículas"}
        campaign.tell(CampaignEvent.BLACKOUT_CLAIMED, "cidade-c-producao", actor="prefeitura", blackout=blackout)
        until(world, days, lambda: status(campaign) is Status.FINISHED)
        assert world.upgraded == ["estado-producao", "cidade-c-producao"]
        assert campaign.state.units["cidade-c-producao"].appointment.night > MONDAY + timedelta(days=20)


def test_an_error_met_in_a_rehearsal_holds_whom_it_met_when_another_fails_with_it(url: SecretStr) -> None:
    rules = small_rules(failures=small_rules().failures.model_copy(update={"percent": 60.0}))
    with world_in(url, rules) as world:
        world.add(STATE, "3100104", Purpose.PRODUCAO)
        for slug, ibge in list(TOWNS.items())[:3]:
            world.add(slug, ibge, Purpose.PRODUCAO)
        world.back_up()
        campaign = start(world)
        world.fails_in_upgrade = {"estado-producao": "lock wait timeout exceeded"}
        world.night(MONDAY)
        assert campaign.refresh().failures == {"estado-producao": "lock wait timeout exceeded"}
        assert not world.upgraded
        out = left_out(campaign)
        assert out["estado-producao"].startswith("em quarentena: falhou ao receber a 4.1.0")
        assert all("primeiro o estado" in why for slug, why in out.items() if slug != "estado-producao")


def test_the_prefeitura_is_told_of_its_night_once_it_was_rehearsed_and_of_another_when_it_moves(url: SecretStr) -> None:
    with world_in(url) as world:
        world.add(STATE, "3100104", Purpose.PRODUCAO)
        world.back_up()
        campaign = start(world)
        world.run(at(MONDAY, 12))
        world.run(at(MONDAY, 13))
        told = [one for one in world.registry.messages("3100104") if one.event == Event.JANELA_MANUTENCAO]
        assert [one.variables["inicio"] for one in told] == ["2027-03-01T22:00:00-03:00"]
        assert told[0].variables["fim"] == "2027-03-02T05:00:00-03:00"
        assert told[0].variables["motivo"] == "Atualização do SEI para a versão 4.1.0."
        closed = {"first": MONDAY, "last": MONDAY + timedelta(days=1), "reason": "Matrículas"}
        campaign.tell(CampaignEvent.BLACKOUT_CLAIMED, "estado-producao", actor="prefeitura", blackout=closed)
        world.run(at(MONDAY + timedelta(days=1), 12))
        told = [one for one in world.registry.messages("3100104") if one.event == Event.JANELA_MANUTENCAO]
        assert [one.key.partition("#")[2] for one in told] == ["", "1"]
        assert told[1].variables["inicio"] == "2027-03-03T22:00:00-03:00"
        assert told[0].dropped_because == "withdrawn"


def test_facts_ask_the_registry_as_often_for_a_large_fleet_as_for_a_small_one(url: SecretStr) -> None:
    statements: list[str] = []
    with world_in(url) as world:
        world.add(STATE, "3100104", Purpose.PRODUCAO)
        numbers = []
        for towns in (list(TOWNS.items())[:2], list(TOWNS.items())[2:]):
            for slug, ibge in towns:
                world.add(slug, ibge, Purpose.PRODUCAO)
            world.back_up()
            statements.clear()
            listener = lambda *told: statements.append(told[2])  # noqa: E731
            sqlalchemy_event.listen(Engine, "before_cursor_execute", listener)
            facts = campaign_facts(find_release(TARGET))
            sqlalchemy_event.remove(Engine, "before_cursor_execute", listener)
            numbers.append(len(statements))
        assert len(facts.environments) == 23
        assert numbers[0] == numbers[1] < 20
        assert all(one.certificate_age_hours == 0 for one in facts.environments)


def test_an_environment_has_its_version_since_the_night_in_which_that_was_seen(url: SecretStr) -> None:
    """What is seen at two in the morning was upgraded in the night that began on the day before."""
    with world_in(url) as world:
        world.add(STATE, "3100104", Purpose.PRODUCAO)
        seen = sighting_in(sightings()["estado-producao"])
        world.now = at(MONDAY + timedelta(days=1), 2)
        pen = {"modules": {"pen": "3.7.0"}, "modules_since": {"pen": world.now}, "since": at(MONDAY, 13)}
        world.tell(SEEN, "estado-producao", seen.model_copy(update=pen).model_dump(mode="json", exclude_defaults=True))
        assert campaign_facts(find_release("pen-3.7.0")).environments[0].version_since == MONDAY
        world.now = at(MONDAY + timedelta(days=2), 2)
        assert campaign_facts(find_release(TARGET)).environments[0].version_since == MONDAY
        world.upgrade("estado-producao", TARGET, role="gerência", reason="fora da campanha")
        assert campaign_facts(find_release(TARGET)).environments[0].version_since is None, "not seen since"


def test_two_campaigns_do_not_go_on_at_once(url: SecretStr) -> None:
    with world_in(url) as world:
        world.add(STATE, "3100104", Purpose.PRODUCAO)
        world.back_up()
        campaign = start(world)
        with pytest.raises(GateClosedError, match="está aberta, e só uma anda de cada vez"):
            open_campaign("4.0.0", ["estado-producao"], "gerência", "outra")
        campaign.tell(CampaignEvent.PAUSED, actor="gerência", reason="correção urgente antes")
        with pytest.raises(GateClosedError, match=r"Já há a campanha 4\.1\.0, que está em pausa"):
            start(world)
        second = open_campaign("4.0.0", ["estado-producao"], "gerência", "outra")
        with pytest.raises(GateClosedError, match="só uma anda de cada vez"):
            resume_campaign(campaign, "gerência", "volta")
        second.tell(CampaignEvent.ABORTED, actor="gerência", reason="não precisa")
        campaign.tell(CampaignEvent.ABORTED, actor="gerência", reason="outra versão")
        assert start(world).name == "4.1.0-2"
