"""Municipalities of this folder's tests, each used by one test or module only: what is registered stays registered."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.settings import PROJECT_ROOT, Settings
from cli.demo_people import prepare_go_live
from cli.intake import send_sheets
from domain.municipality import Contact, Municipality, municipality_from
from domain.plan import choose_plan
from lab.state import LabState
from registry import Registry
from tasks.adhesion import adhere
from tests.flows.mailbox import own_registry

POPULATION = 8_000
EXAMPLES = PROJECT_ROOT / "examples" / "rio-doce"

Join = Callable[..., Municipality]


@pytest.fixture(scope="session")
def registry(programme: Settings) -> Registry:
    return Registry(programme.registry_url)


@pytest.fixture(scope="session")
def join(registry: Registry) -> Join:
    """Register a municipality by IBGE code and name, and send the given spreadsheets."""

    def run(ibge: str, name: str, *files: Path) -> Municipality:
        taken = [found.name for found in registry.list_municipalities() if found.ibge == ibge]
        assert not taken, f"{ibge} {taken} is another module's: choose one that no other test registers"
        catalog = Catalog()
        municipality = municipality_from(
            ibge,
            name,
            POPULATION,
            catalog.ibge_table(),
            contacts=[Contact(name="Pessoa de Teste", email="ponto@teste.example.com", role="ponto focal")],
        )
        adhere(registry, municipality, choose_plan(POPULATION, catalog.plans()))
        prepare_go_live(municipality.slug)
        if files:
            send_sheets(municipality.slug, files)
        return municipality

    return run


@pytest.fixture(scope="module")
def registry_url(lab_state: LabState, programme: Settings) -> Iterator[SecretStr]:
    """A registry of one module alone: the lab's worker, which sends the mail of its own, does not know it."""
    assert programme
    with own_registry(lab_state) as url:
        yield url


@pytest.fixture
def domain() -> str:
    """Where the mailboxes of one test are."""
    return f"{secrets.token_hex(4)}.mg.example"
