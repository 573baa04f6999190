"""Campaigns of a module and of a correction over real environments, by the same way as those of a version of SEI."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.settings import Settings
from domain.campaign.history import Status
from domain.campaign.rules import StateRule
from domain.environment import EnvironmentName, Purpose
from domain.municipality import municipality_from
from domain.plan import choose_plan
from flows.create_environment import create_environment
from flows.upgrade_campaign import upgrade_campaign
from lab.state import LabState
from registry import Registry
from tasks import doors
from tasks.adhesion import adhere
from tasks.backup_cycle import back_up
from tasks.campaign import Night
from tasks.campaign_decisions import start_campaign
from tasks.instance import Instance, load_instance
from tasks.modules import installed_modules
from tasks.sightings import see_environment
from tests.flows.campaign_process import in_one_night
from tests.flows.mailbox import own_registry

NEW, FIX, PEN = "4.1.0", "4.1.5", "pen-3.7.0"
WITH_MODULE = (("3202256", "Governador Lindenberg"), ("3202306", "Guaçuí"))
"""The state's own first."""
PLAIN = (("3202108", "Ecoporanga"), ("3202207", "Fundão"))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def url(lab_state: LabState, programme: Settings) -> Iterator[SecretStr]:
    with own_registry(lab_state) as url, pytest.MonkeyPatch.context() as patch:
        patch.delenv("IMPLANTA_REFERENCE_DIR", raising=False)
        yield url


def fleet(url: SecretStr, places: tuple[tuple[str, str], ...]) -> list[Instance]:
    registry, catalog, made = Registry(url), Catalog(), []
    for ibge, name in places:
        town = municipality_from(ibge, name, 8_000, catalog.ibge_table())
        adhere(registry, town, choose_plan(8_000, catalog.plans()))
        create_environment(town.slug, Purpose.TREINAMENTO, NEW)
        slug = EnvironmentName(municipality=town.slug, purpose=Purpose.TREINAMENTO).slug
        assert back_up(load_instance(slug)).proved
        see_environment.fn(slug)
        made.append(load_instance(slug))
    return made


@contextmanager
def led_by(state: Instance) -> Iterator[None]:
    """Watched for no time at all, with the state's own environments in this municipality."""
    with in_one_night(), pytest.MonkeyPatch.context() as patch:
        rules = Catalog.campaigns
        own = StateRule(municipalities=(state.name.municipality,), received={})
        patch.setattr(Catalog, "campaigns", lambda self: rules(self).model_copy(update={"state": own}))
        yield


def carry_out(code: str, fleet: list[Instance], release: str, deployed: str) -> list[Instance]:
    """The campaign of a release, night after night, until all are of a release and run a code; how they are then."""
    with led_by(fleet[0]):
        campaign = start_campaign(code, [], "gerência", "Recomendada pelo estado")
        for _ in range(6):
            upgrade_campaign()
            if campaign.refresh().status is not Status.OPEN:
                break
    assert campaign.state.status is Status.FINISHED
    order = [line.happening.environments[0] for line in campaign.lines if line.happening.outcome]
    assert order == [one.name.slug for one in fleet], "the state first, each once"
    after = [load_instance(one.name.slug) for one in fleet]
    assert {one.record.release_version for one in after} == {release}
    assert {doors.runtime().deployed_code(one.name) for one in after} == {deployed}
    assert all(doors.runtime().health(one.name).serving for one in after)
    return after


def left_out(code: str, fleet: list[Instance]) -> dict[str, str]:
    """Why a campaign of another release would leave each of them out."""
    for one in fleet:
        see_environment.fn(one.name.slug)
    with led_by(fleet[0]):
        campaign = start_campaign(code, [], "gerência", "Só para ver o plano")
        return {one.environment: one.reason for one in Night(campaign).view().plan.left_out}


def test_a_module_and_then_a_correction_for_which_it_was_not_published(url: SecretStr) -> None:
    towns = carry_out(PEN, fleet(url, WITH_MODULE), NEW, f"{NEW}+{PEN}")
    assert [installed_modules(one) for one in towns] == [{"pen": "3.7.0"}] * 2
    told = "módulo sem compatibilidade conhecida com a 4.1.5: pen 3.7.0"
    assert left_out(FIX, towns) == {one.name.slug: told for one in towns}


def test_a_correction_goes_to_everybody_the_state_first(url: SecretStr) -> None:
    carry_out(FIX, fleet(url, PLAIN), FIX, FIX)
