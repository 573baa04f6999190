"""One lab for the whole session: real servers in a private directory, taken down at the end whatever happened."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    PREFECT_LOGGING_LEVEL,
    temporary_settings,
)
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from blocks.settings import PROJECT_ROOT, Settings, load_settings
from cli.deploy import deploy
from domain import access_key
from flows.stage import one_heartbeat
from lab.layout import Layout
from lab.profiles import SERVICE_NAMES
from lab.state import LabState, load_state
from tests.labs import lab_up
from tests.quiet_clock import stop_the_clock

LAB_SERVICES = SERVICE_NAMES
LOWEST_BCRYPT_COST = 4
# What takes longest begins first, so that no worker ends long after the other; the rest in the order of the files.
LONGEST_FIRST = ("demo", "flows", "conformity", "blocks", "cli", "lab")
# Modules that share nothing with the others of their folder.
APART = ("flows", "lab")


def group_of(nodeid: str) -> str:
    """The tests that share what they made, and so a worker with its lab: those of a folder, or of a module apart."""
    parts = nodeid.partition("::")[0].split("/")[1:]
    return "/".join(parts[:2] if parts[0] in APART else parts[:1])


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Gives a worker one group after the other. (xdist's own marks for it do nothing under pytest 9.)"""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first."""
    order = {folder: place for place, folder in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(group_of(item.nodeid).partition("/")[0], len(order)))


@pytest.fixture(scope="session")
def lab() -> Iterator[Path]:
    """The directory of a lab that is up."""
    with lab_up(LAB_SERVICES) as directory:
        yield directory


@pytest.fixture(scope="session")
def lab_state(lab: Path) -> LabState:
    """Addresses and passwords of the session's lab."""
    return load_state(lab)


@pytest.fixture(scope="session", autouse=True)
def bcrypt_cost_of_the_product() -> Iterator[int]:
    """The product's own cost. Tests hash at the lowest: the real one takes a core a quarter of a second for each key.

    Programs that tests start, such as the demo and the worker's flow runs, hash at the product's.
    """
    cost = access_key.BCRYPT_COST
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access_key, "BCRYPT_COST", LOWEST_BCRYPT_COST)
        yield cost


@pytest.fixture(scope="session", autouse=True)
def official_reference() -> Iterator[Path | None]:
    """The directory of the official dumps, where there is one; tests of the product then start from them."""
    beside = PROJECT_ROOT.parent / "shared" / "sei-db-ref"
    configured = os.environ.get("IMPLANTA_REFERENCE_DIR")
    if configured is None and beside.is_dir():
        os.environ["IMPLANTA_REFERENCE_DIR"] = str(beside)
    found = os.environ.get("IMPLANTA_REFERENCE_DIR")
    yield Path(found) if found else None
    if configured is None:
        os.environ.pop("IMPLANTA_REFERENCE_DIR", None)


@pytest.fixture(scope="session")
def programme(lab: Path) -> Iterator[Settings]:
    """This process as an installation of the product on the session's lab: settings, registry, blocks, deployments."""
    before = {name: os.environ.get(name) for name in ("IMPLANTA_LAB_DIR", "IMPLANTA_SETTINGS", "IMPLANTA_ROOT")}
    os.environ.update(
        IMPLANTA_LAB_DIR=str(lab), IMPLANTA_SETTINGS=str(lab / "settings.toml"), IMPLANTA_ROOT=str(PROJECT_ROOT)
    )
    settings = load_settings()
    assert settings.prefect_api_auth is not None
    auth = settings.prefect_api_auth.get_secret_value()
    # For the programs that deploy starts.
    os.environ.update(PREFECT_API_URL=settings.prefect_api_url, PREFECT_API_AUTH_STRING=auth)
    as_connected = {
        PREFECT_API_URL: settings.prefect_api_url,
        PREFECT_API_AUTH_STRING: auth,
        PREFECT_API_SSL_CERT_FILE: str(Layout(lab).ca_file),
        PREFECT_LOGGING_LEVEL: "CRITICAL",
    }
    # A flow that is called here would end with up to a second of waiting for its own heartbeat; the worker's runs do.
    with temporary_settings(as_connected), one_heartbeat():
        deploy(settings)
        stop_the_clock()
        yield settings
        # What is still to be told to the server, or the process would wait for it long after the lab is down.
        APILogWorker.drain_all(timeout=30)
        EventsWorker.drain_all(timeout=30)
    os.environ.pop("PREFECT_API_URL")
    os.environ.pop("PREFECT_API_AUTH_STRING")
    os.environ.pop("PREFECT_API_SSL_CERT_FILE", None)  # of commands that ran in this process
    for name, value in before.items():
        if value is None:
            os.environ.pop(name)
        else:
            os.environ[name] = value
