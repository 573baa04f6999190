"""The demo as an operator runs it, once for the session; the tests of this folder look at what it left."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from blocks.settings import PROJECT_ROOT, Settings
from domain.environment import EnvironmentName, Purpose
from registry import Registry
from tasks.instance import Instance, load_instance
from tests.operator import operator_environment

ENVIRONMENTS = tuple(
    EnvironmentName(municipality=municipality, purpose=purpose).slug
    for municipality in ("timoteo", "rio-doce")
    for purpose in (Purpose.TREINAMENTO, Purpose.PRODUCAO)
)


def run_demo(lab: Path, *, official: bool = True) -> dict[str, Any]:
    """Run `./implanta demo --json` on this lab; it must end with 0."""
    done = subprocess.run(
        [PROJECT_ROOT / "implanta", "demo", "--json"],
        env=operator_environment(lab, official=official),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="session")
def first_demo(lab: Path) -> dict[str, Any]:
    """What the first run printed."""
    return run_demo(lab)


@pytest.fixture(scope="session")
def second_demo(lab: Path, first_demo: dict[str, Any]) -> dict[str, Any]:
    """What the second run printed."""
    assert first_demo
    return run_demo(lab)


@pytest.fixture(scope="session")
def fleet(first_demo: dict[str, Any], programme: Settings) -> Registry:
    """The registry after the demo."""
    assert first_demo
    return Registry(programme.registry_url)


@pytest.fixture(params=ENVIRONMENTS)
def instance(request: pytest.FixtureRequest, fleet: Registry) -> Instance:
    """Each of the demo's environments in turn."""
    assert fleet
    return load_instance(request.param)
