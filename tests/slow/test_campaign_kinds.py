"""Campaigns of a correction and of a module over real environments: by the same way as those of a version of SEI."""

from collections.abc import Iterator

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
from tasks.modules import installed_modules, installed_versions
from tasks.sightings import see_environment
from tests.flows.campaign_process import in_one_night
from tests.flows.mailbox import own_registry

NEW, FIX, PEN = "4.1.0", "4.1.5", "pen-3.7.0"
CORRECTED = (("3202108", "Ecoporanga"), ("3202207", "Fundão"))
WITH_MODULE = (("3202256", "Governador Lindenberg"), ("3202306", "Guaçuí"))
"""The state's own first."""
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


def carry_out(code: str, fleet: list[Instance], monkeypatch: pytest.MonkeyPatch) -> None:
    """The campaign of a release, night after night, until it is over."""
    with in_one_night():
        state, rules = StateRule(municipalities=(fleet[0].name.municipality,), received={}), Catalog.campaigns
        monkeypatch.setattr(Catalog, "campaigns", lambda self: rules(self).model_copy(update={"state": state}))
        campaign = start_campaign(code, [], "gerência", "Recomendada pelo estado")
        for _ in range(6):
            upgrade_campaign()
            if campaign.refresh().status is not Status.OPEN:
                break
        assert campaign.state.status is Status.FINISHED
        order = [line.happening.environments[0] for line in campaign.lines if line.happening.outcome]
        assert order == [one.name.slug for one in fleet], "the state first, each once"


def left_out(code: str, fleet: list[Instance]) -> dict[str, str]:
    """Why a campaign of another release would leave each of them out."""
    for one in fleet:
        see_environment.fn(one.name.slug)
    with in_one_night():
        campaign = start_campaign(code, [], "gerência", "Só para ver o plano")
        return {one.environment: one.reason for one in Night(campaign).view().plan.left_out}


def test_a_correction_and_then_a_module_that_was_not_published_for_it(
    url: SecretStr, monkeypatch: pytest.MonkeyPatch
) -> None:
    towns = fleet(url, CORRECTED)
    carry_out(FIX, towns, monkeypatch)
    for one in towns:
        now = load_instance(one.name.slug)
        assert now.record.release_version == FIX
        assert installed_versions(now).sei == FIX
        assert doors.runtime().deployed_code(now.name) == FIX
        assert doors.runtime().health(now.name).serving
    reasons = left_out(PEN, towns)
    assert set(reasons) == {one.name.slug for one in towns}
    assert set(reasons.values()) == {"está na 4.1.5, para a qual a pen-3.7.0 não foi publicada"}


def test_a_module_and_then_a_correction_for_which_it_was_not_published(
    url: SecretStr, monkeypatch: pytest.MonkeyPatch
) -> None:
    towns = fleet(url, WITH_MODULE)
    carry_out(PEN, towns, monkeypatch)
    for one in towns:
        now = load_instance(one.name.slug)
        assert now.record.release_version == NEW
        assert installed_modules(now) == {"pen": "3.7.0"}
        assert doors.runtime().deployed_code(now.name) == f"{NEW}+{PEN}"
        assert doors.runtime().health(now.name).serving
    reasons = left_out(FIX, towns)
    assert set(reasons.values()) == {"módulo sem compatibilidade conhecida com a 4.1.5: pen 3.7.0"}
