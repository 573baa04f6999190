"""The stand-in on a real port, over the lab's MariaDB and OpenLDAP, and environments made of each reference."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from blocks.reference import find_references
from domain.reference import Reference
from lab.ports import choose
from lab.sei_standin.app import create_app
from lab.sei_standin.environments import Environments
from lab.sei_standin.replication import replicate_all_units, replicate_all_users
from lab.state import LabState
from tests.sei_standin.instance import CHILD_UNIT, Instance, Person, at

TOKEN = "senha-do-controle"
_SHARED = Path(__file__).resolve().parents[3] / "shared" / "sei-db-ref"


def _references() -> dict[str, Reference]:
    """The official references where they are, and the project's reduced ones always."""
    found = {f"{reference.version}-reduzida": reference for reference in find_references(None)}
    configured = os.environ.get("IMPLANTA_REFERENCE_DIR")
    official = Path(configured) if configured else _SHARED
    if official.is_dir():
        found |= {reference.version: reference for reference in find_references(official)}
    return found


REFERENCES = _references()
_USUAL = "4.1.0" if "4.1.0" in REFERENCES else "4.1.0-reduzida"


@pytest.fixture(scope="session")
def apps_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("apps")


@pytest.fixture(scope="session")
def port(apps_dir: Path) -> Iterator[int]:
    """The port of a stand-in that runs without its agendador; tests of that call it themselves."""
    number = choose(["sei"], avoid=())["sei"]
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(Environments(apps_dir), TOKEN), host="127.0.0.1", port=number, log_config=None, access_log=False
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(number)
    yield number
    server.should_exit = True
    thread.join()


@retry(retry=retry_if_exception_type(httpx.HTTPError), stop=stop_after_delay(30), wait=wait_fixed(0.05))
def wait_for(port: int) -> None:
    """Return when a stand-in answers on the port."""
    httpx.get(f"http://127.0.0.1:{port}/_lab/saude", trust_env=False).raise_for_status()


@pytest.fixture(scope="session")
def instances(lab_state: LabState) -> Callable[[str], Instance]:
    made: dict[str, Instance] = {}

    def make(name: str) -> Instance:
        if name not in made:
            made[name] = Instance(lab_state, REFERENCES[name], f"teste-{name.replace('.', '')}")
        return made[name]

    return make


@pytest.fixture
def instance(instances: Callable[[str], Instance], port: int, apps_dir: Path) -> Instance:
    """A fresh environment of the usual version."""
    made = instances(_USUAL)
    made.reset(port, apps_dir)
    return made


@pytest.fixture(params=sorted(REFERENCES))
def any_version(
    request: pytest.FixtureRequest, instances: Callable[[str], Instance], port: int, apps_dir: Path
) -> Instance:
    """A fresh environment of each reference there is."""
    made = instances(request.param)
    made.reset(port, apps_dir)
    return made


@pytest.fixture
def person(instance: Instance) -> Person:
    """Someone who meets every condition to work in unit TESTE_1_1."""
    return make_worker(instance)


def make_worker(instance: Instance) -> Person:
    """Someone with a permission in unit TESTE_1_1, known to SEI."""
    made = instance.add_person()
    instance.grant(made, CHILD_UNIT)
    environment = instance.load()
    replicate_all_units(environment, at("2026-11-23 08:00"))
    replicate_all_users(environment, at("2026-11-23 08:00"))
    return made
