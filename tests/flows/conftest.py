"""Municipalities of this folder's tests, each used by one test or module only: what is registered stays registered."""

import os
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
from lab.moodle_standin.store import Store
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
    joined: dict[str, str] = {}

    def run(ibge: str, name: str, *files: Path) -> Municipality:
        module = os.environ["PYTEST_CURRENT_TEST"].partition("::")[0]
        assert joined.setdefault(ibge, module) == module, f"{ibge} is of {joined[ibge]}: choose one of no other module"
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


@pytest.fixture(scope="module", autouse=True)
def nobody_finished_at_the_moodle(lab_state: LabState) -> None:
    """The people of the example are in many modules' municipalities: who finished in one did not in the next."""
    Store(lab_state.moodle.state_file).forget_people()


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
