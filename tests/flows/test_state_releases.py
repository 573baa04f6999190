"""What the system that operates the state's own SEI tells: a plan for operators, and the day that the wait is from."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.settings import Settings
from domain.environment import Purpose
from domain.errors import InvalidInputError
from flows.state_releases import release_published, state_upgraded
from lab.state import LabState
from tasks.campaign_facts import campaign_facts, find_release
from tests.flows.campaign_world import MONDAY, STATE, TARGET, World, world_in
from tests.flows.mailbox import own_registry

READY = MONDAY - timedelta(days=30)


@pytest.fixture
def url(lab_state: LabState, programme: Settings) -> Iterator[SecretStr]:
    """A registry of one test alone."""
    with own_registry(lab_state) as url:
        yield url


@pytest.fixture
def world(url: SecretStr) -> Iterator[World]:
    """A fleet without the state's own environments."""
    with world_in(url) as world:
        world.add("cidade-a", "3110105", Purpose.PRODUCAO, population=5_000, server="banco-0")
        world.back_up()
        yield world


def test_a_release_waits_until_the_state_has_it_and_then_shows_whom_it_reaches(world: World) -> None:
    published = release_published(TARGET)
    assert "Nada se sabe do SEI do próprio estado" in published.told
    assert published.environments == 0
    ready = state_upgraded(TARGET, READY)
    assert not ready.waiting_for
    assert ready.environments > 0
    assert world.registry.state_releases() == {TARGET: READY}
    (state,) = (one for one in campaign_facts(find_release(TARGET)).environments if one.of_the_state)
    assert (state.slug, state.version_since) == (STATE, READY)
    assert release_published(TARGET).environments == ready.environments
    assert state_upgraded(TARGET, READY) == ready, "again changes nothing"


def test_what_is_told_amiss_is_refused_and_kept_nowhere(world: World) -> None:
    assert "não está no catálogo" in release_published("9.9.9").told
    with pytest.raises(InvalidInputError, match="não está no catálogo"):
        state_upgraded("9.9.9", READY)
    with pytest.raises(InvalidInputError, match="ainda não chegou"):
        state_upgraded(TARGET, MONDAY + timedelta(days=1))
    assert world.registry.state_releases() == {}
    state_upgraded(TARGET, READY)
    with pytest.raises(InvalidInputError, match=r"já tem a 4\.1\.0 desde"):
        state_upgraded(TARGET, READY + timedelta(days=1))
    assert world.registry.state_releases() == {TARGET: READY}


def test_the_catalog_s_day_counts_more_than_the_one_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    state_upgraded(TARGET, READY)
    rules, day = Catalog().campaigns(), date(2027, 1, 4)
    corrected = rules.model_copy(update={"state": rules.state.model_copy(update={"received": {TARGET: day}})})
    monkeypatch.setattr(Catalog, "campaigns", lambda self: corrected)
    (state,) = (one for one in campaign_facts(find_release(TARGET)).environments if one.of_the_state)
    assert state.version_since == day


def test_where_the_state_is_operated_from_here_nobody_tells_what_it_has(world: World) -> None:
    world.add(STATE, "3100104", Purpose.PRODUCAO)
    with pytest.raises(InvalidInputError, match="operados daqui"):
        state_upgraded(TARGET, READY)
    assert world.registry.state_releases() == {}
