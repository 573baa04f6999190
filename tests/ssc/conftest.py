"""Every implementation of the corporate security system, each on its real server or stand-in."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from pydantic import SecretStr
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from blocks.directory import Directory
from blocks.ssc import SecuritySystem
from blocks.ssc_http import HttpSsc
from blocks.ssc_ldap import LdapSsc
from domain.environment import EnvironmentName, Purpose
from lab.ports import choose
from lab.ssc_standin.app import create_app
from lab.ssc_standin.store import Store
from lab.state import LabState
from tests.blocks.directory_policy import policy_kept

ENVIRONMENT = EnvironmentName(municipality="ssc-a", purpose=Purpose.TREINAMENTO)
NEIGHBOUR = EnvironmentName(municipality="ssc-b", purpose=Purpose.TREINAMENTO)
WRITER, READER = SecretStr("token-de-escrita"), SecretStr("token-de-leitura")


@dataclass
class Clock:
    """A clock that tests move, so that no lockout has to be waited for."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class StandIn:
    """The HTTP stand-in as it runs: its address, and what it keeps."""

    url: str
    store: Store
    clock: Clock


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., StandIn]]:
    """Start a stand-in on a port of its own; all end with the session."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(*, per_second: int = 100_000) -> StandIn:
        port = choose(["ssc"], avoid=())["ssc"]
        clock = Clock()
        store = Store(clock)
        tokens = {WRITER.get_secret_value(): "escrita", READER.get_secret_value(): "leitura"}
        application = create_app(store, tokens, per_second=per_second)
        server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_config=None))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        _wait_until_started(server)
        return StandIn(url=f"http://127.0.0.1:{port}/v1", store=store, clock=clock)

    yield start
    for server, _ in running:
        server.should_exit = True
    for _, thread in running:
        thread.join()


@retry(retry=retry_if_result(lambda started: not started), stop=stop_after_delay(20), wait=wait_fixed(0.02))
def _wait_until_started(server: uvicorn.Server) -> bool:
    return server.started


@pytest.fixture(scope="session")
def standin(serve: Callable[..., StandIn]) -> StandIn:
    return serve()


@pytest.fixture(scope="session")
def directory(lab_state: LabState) -> Directory:
    """The lab's OpenLDAP, as the product reaches it."""
    return Directory(
        host=lab_state.ldap.host,
        port=lab_state.ldap.port,
        base_dn=lab_state.ldap.base_dn,
        admin_dn=lab_state.ldap.admin_dn,
        admin_password=lab_state.ldap.admin_password,
    )


@pytest.fixture
def http_ssc(standin: StandIn) -> HttpSsc:
    standin.store.clear()
    return HttpSsc(url=standin.url, token=WRITER)


@pytest.fixture(params=["ldap", "http"])
def ssc(request: pytest.FixtureRequest) -> Iterator[SecuritySystem]:
    """Each implementation, with two environments that have nobody yet."""
    if request.param == "http":
        yield request.getfixturevalue("http_ssc")
        return
    directory: Directory = request.getfixturevalue("directory")
    for environment in (ENVIRONMENT, NEIGHBOUR):
        directory.remove_environment(environment)
        directory.ensure_environment(environment, SecretStr("senha-de-pesquisa"))
    with policy_kept(directory):
        yield LdapSsc(directory=directory)
    for environment in (ENVIRONMENT, NEIGHBOUR):
        directory.remove_environment(environment)
