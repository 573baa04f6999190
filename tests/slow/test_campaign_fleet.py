"""A campaign over real environments, the state first: what fails goes back, who falls ill stops it, the rest goes on.

Databases, files, applications, backups, rehearsals and scripts are the lab's own; the days of watching pass at once.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context

import pytest
from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.installed_versions import read_installed_versions
from blocks.settings import PROJECT_ROOT, Settings
from domain.campaign.history import CampaignEvent, Status
from domain.environment import EnvironmentName, Purpose
from domain.errors import IntegrityError
from domain.municipality import municipality_from
from domain.plan import choose_plan
from domain.upgrading import UpgradeEvent
from flows.create_environment import create_environment
from flows.upgrade_campaign import upgrade_campaign
from lab.state import LabState
from registry import Registry
from tasks import doors
from tasks.adhesion import adhere
from tasks.backup_cycle import back_up
from tasks.campaign import Night
from tasks.campaign_decisions import decide, start_campaign
from tasks.campaign_log import Campaign
from tasks.instance import Instance, load_instance
from tasks.sightings import see_environment
from tasks.upgrading import rehearsals_of
from tests.flows.campaign_process import STATE, in_one_night
from tests.flows.mailbox import own_registry

OLD, NEW = "4.0.0", "4.1.0"
POPULATION = 8_000
PLACES = (
    ("3200102", "Afonso Cláudio"), ("3200136", "Águia Branca"), ("3200201", "Alegre"), ("3200300", "Alfredo Chaves"),
    ("3200359", "Alto Rio Novo"), ("3200409", "Anchieta"), ("3200508", "Apiacá"), ("3200607", "Aracruz"),
    ("3200706", "Atílio Vivácqua"), ("3200805", "Baixo Guandu"), ("3200904", "Barra de São Francisco"),
    ("3201001", "Boa Esperança"), ("3201100", "Bom Jesus do Norte"), ("3201159", "Brejetuba"),
    ("3201209", "Cachoeiro de Itapemirim"), ("3201308", "Cariacica"), ("3201407", "Castelo"), ("3201506", "Colatina"),
    ("3201605", "Conceição da Barra"), ("3201704", "Conceição do Castelo"), ("3201803", "Divino de São Lourenço"),
    ("3201902", "Domingos Martins"), ("3202009", "Dores do Rio Preto"),
)  # fmt: skip
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * 3600)]


@pytest.fixture(scope="module")
def url(lab_state: LabState, programme: Settings) -> Iterator[SecretStr]:
    """A registry that the lab's worker, which runs by the clock, does not know; environments of the small reference."""
    with own_registry(lab_state) as url, pytest.MonkeyPatch.context() as patch:
        patch.delenv("IMPLANTA_REFERENCE_DIR", raising=False)
        yield url


@pytest.fixture(scope="module")
def fleet(url: SecretStr) -> dict[str, Instance]:
    """24 environments of the old version, each with a proved copy: the state's two, and one of each prefeitura."""
    registry, catalog = Registry(url), Catalog()
    wanted = []
    for ibge, name in PLACES:
        found = municipality_from(ibge, name, POPULATION, catalog.ibge_table())
        adhere(registry, found, choose_plan(POPULATION, catalog.plans()))
        wanted.append(EnvironmentName(municipality=found.slug, purpose=Purpose.TREINAMENTO))
    wanted.append(EnvironmentName(municipality=STATE, purpose=Purpose.HOMOLOGACAO))
    assert len(wanted) == 24
    with ThreadPoolExecutor(2) as pool:
        # A thread does not know by itself which Prefect server this one is connected to.
        begun = [pool.submit(copy_context().run, made, name) for name in wanted]
        return dict(one.result() for one in begun)


def made(name: EnvironmentName) -> tuple[str, Instance]:
    create_environment(name.municipality, name.purpose, OLD)
    instance = load_instance(name.slug)
    assert back_up(instance).proved
    see_environment.fn(name.slug)
    return name.slug, instance


def version(instance: Instance) -> str | None:
    return read_installed_versions(instance.server, instance.name, Catalog().modules()).sei


def run() -> None:
    """One run here; that it fails where an upgrade failed is told in the campaign."""
    with suppress(IntegrityError):
        upgrade_campaign()


def happened(campaign: Campaign, kind: CampaignEvent) -> list[str]:
    campaign.refresh()
    return [one.happening.environments[0] for one in campaign.lines if one.happening.kind is kind]


def kill_after_an_upgrade_began(url: SecretStr) -> None:
    """A run in a process of its own, killed while an upgrade is under its hands."""
    registry = Registry(url)
    before = len(registry.events(kinds=[UpgradeEvent.SAVED]))
    process = subprocess.Popen([sys.executable, "-m", "tests.flows.campaign_process"], cwd=PROJECT_ROOT)
    try:
        deadline = time.monotonic() + 900
        while len(registry.events(kinds=[UpgradeEvent.SAVED])) == before:
            assert process.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def test_a_campaign_over_24_environments(fleet: dict[str, Instance], url: SecretStr) -> None:
    drifted, broken, ill = (
        ["aguia-branca-treinamento", "alegre-treinamento"],
        "aracruz-treinamento",
        "castelo-treinamento",
    )
    for slug in drifted:  # its own drift: somebody made a column by hand
        with fleet[slug].server.transaction(fleet[slug].name.database_sei) as cursor:
            cursor.execute("ALTER TABLE orgao ADD COLUMN feito_a_mao int")
        assert back_up(load_instance(slug)).proved
    fault = doors.runtime().file_roots(fleet[broken].name)[0] / "falha-no-script"
    fault.write_text("atualizar_versao_sei.php 5 erro")
    with in_one_night():
        campaign = start_campaign(NEW, [], "gerência", "Versão homologada pelo estado")
        kill_after_an_upgrade_began(url)
        state = {slug for slug in fleet if slug.startswith(STATE)}
        for _ in range(12):
            run()
            done = {slug for slug in fleet if campaign.refresh().upgraded(slug)}
            assert not done - state or state <= done, "the state first"
            if ill in done and campaign.state.status is Status.OPEN:
                doors.runtime().stop(fleet[ill].name)
            if campaign.state.status is Status.STOPPED:
                break
        stops = [one.happening.reason for one in campaign.lines if one.happening.kind is CampaignEvent.STOPPED]
        assert "a aplicação não atende" in stops[-1]
        assert version(fleet[broken]) == "4.0.0", "it is as before"
        assert doors.runtime().deployed_code(fleet[broken].name) == OLD
        doors.runtime().start(fleet[ill].name)
        decide(campaign, CampaignEvent.RESUMED, (), "gerência", "aplicação de pé outra vez")
        for _ in range(8):
            run()
            left = [slug for slug in fleet if not campaign.refresh().upgraded(slug)]
            if sorted(left) == sorted([*drifted, broken]):
                break
        waits = {one.environment: one.reason for one in Night(campaign).view().plan.left_out}
    rehearsed = {slug: rehearsals_of(fleet[slug])[-1:] for slug in left}
    assert sorted(left) == sorted([*drifted, broken]), f"all the rest: {waits}, {rehearsed}"
    ended = happened(campaign, CampaignEvent.UNIT_FINISHED)
    assert len(ended) == len(set(ended)), "nobody twice"
    for slug, instance in fleet.items():
        old = slug in {*drifted, broken}
        assert (version(instance) == "4.0.0") is old, slug
        assert load_instance(slug).record.release_version == (OLD if old else NEW)
        assert doors.runtime().health(instance.name).serving, slug
