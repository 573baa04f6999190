"""The gateway as it is served, before the lab's real directory and registry."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx
import pytest
from pydantic import SecretStr

from blocks.directory import Directory
from blocks.settings import Settings
from blocks.ssc import SecuritySystem
from blocks.ssc_http import HttpSsc
from blocks.ssc_ldap import LdapSsc
from domain.account import Account, PasswordPolicy
from domain.environment import EnvironmentName, Purpose
from domain.errors import InvalidInputError
from gateway.access import ADDRESS_ATTEMPTS, FIELD_NAMES
from gateway.app import create_app
from gateway.form_tokens import FIELD
from lab.state import LabState
from registry import Registry
from tasks import doors
from tests.blocks.directory_policy import policy_kept
from tests.cli.conftest import olhos_dagua, olhos_dagua_as_it_joined, register_environment, registry, registry_url
from tests.gateway.running import running
from tests.ssc.conftest import WRITER, Clock, StandIn, directory, serve, standin

__all__ = [
    "directory",
    "olhos_dagua",
    "olhos_dagua_as_it_joined",
    "registry",
    "registry_url",
    "serve",
    "standin",
]

ENVIRONMENT = EnvironmentName(municipality="olhos-dagua", purpose=Purpose.TREINAMENTO)
MARIA = Account(uid="maria.souza", name="Maria de Souza", email="maria.souza@olhosdagua.example")
UNKNOWN = "joao.ninguem"
CHOSEN = "Ipê-amarelo, 1999"


@dataclass
class Visitor:
    """A browser without JavaScript: keeps cookies, sends the form's own hidden field along."""

    client: httpx.Client
    clock: Clock
    page: str = f"/acesso/{ENVIRONMENT.slug}/senha"
    headers: dict[str, str] = field(default_factory=dict)

    def open(self, path: str | None = None) -> httpx.Response:
        return self.client.get(path or self.page, headers=self.headers)

    def token(self) -> str:
        return self.open().text.partition(f'name="{FIELD}" value="')[2].partition('"')[0]

    def send(
        self,
        current: str,
        new: str = CHOSEN,
        repeated: str | None = None,
        *,
        login: str = MARIA.uid,
        token: str | None = None,
    ) -> httpx.Response:
        """Fill the form in and send it."""
        values = {"login": login, "current": current, "new": new, "repeated": new if repeated is None else repeated}
        form = {FIELD_NAMES[name]: value for name, value in values.items()}  # type: ignore[index]
        form[FIELD] = self.token() if token is None else token
        return self.client.post(self.page, data=form, headers=self.headers)


Serve = Callable[..., Visitor]


@pytest.fixture
def served(ssc: SecuritySystem) -> Iterator[Serve]:
    """Start a gateway, as its process would, and visit it; all end with the test."""
    assert ssc
    with ExitStack() as stack:

        def start(*, proxies: tuple[str, ...] = (), address_attempts: int = ADDRESS_ATTEMPTS) -> Visitor:
            clock = Clock()
            app = create_app(proxies=proxies, clock=clock, address_attempts=address_attempts)
            return Visitor(stack.enter_context(running(app)), clock)

        yield start


@pytest.fixture
def visitor(served: Serve) -> Visitor:
    """Somebody who comes without a proxy."""
    return served()


@pytest.fixture(scope="module", autouse=True)
def installation(programme: Settings, registry_url: SecretStr) -> Iterator[None]:
    """This process works on the registry of these tests."""
    assert programme
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMPLANTA_REGISTRY_URL", registry_url.get_secret_value())
        yield


@pytest.fixture
def environment(olhos_dagua: str, registry: Registry) -> EnvironmentName:
    """A registered environment of a registered municipality."""
    assert olhos_dagua == ENVIRONMENT.municipality
    register_environment(registry, ENVIRONMENT.slug, "3145455")
    return ENVIRONMENT


@pytest.fixture
def ldap_ssc(directory: Directory) -> Iterator[LdapSsc]:
    """The lab's directory as security system, with an environment that has nobody yet."""
    directory.remove_environment(ENVIRONMENT)
    directory.ensure_environment(ENVIRONMENT, SecretStr("senha-de-pesquisa"))
    with policy_kept(directory):
        yield LdapSsc(directory=directory)
    directory.remove_environment(ENVIRONMENT)


@pytest.fixture(params=["ldap", "http"])
def ssc(
    request: pytest.FixtureRequest, environment: EnvironmentName, monkeypatch: pytest.MonkeyPatch, lab_state: LabState
) -> SecuritySystem:
    """Each security system, as the settings would name it, with Maria in it."""
    system: SecuritySystem
    if request.param == "http":
        found: StandIn = request.getfixturevalue("standin")
        found.store.clear()
        system = HttpSsc(url=found.url, token=WRITER)
        system.save("paginas", overwrite=True)
        monkeypatch.setenv("IMPLANTA_SSC_BLOCK", "implanta-http-ssc/paginas")
    else:
        system = request.getfixturevalue("ldap_ssc")
    doors.forget_blocks()
    system.ensure_policy(PasswordPolicy())
    system.ensure_users(environment, [MARIA])
    return system


only_ldap = pytest.mark.parametrize("ssc", ["ldap"], indirect=True)


@pytest.fixture
def provisional(ssc: SecuritySystem) -> str:
    """The password of the e-mail."""
    return ssc.reset_password(ENVIRONMENT, MARIA.uid).get_secret_value()


def accepts(ssc: SecuritySystem, password: str) -> bool:
    """Whether this is Maria's password: whoever knows it may change it for another."""
    try:
        ssc.change_own_password(ENVIRONMENT, MARIA.uid, SecretStr(password), SecretStr(secrets.token_urlsafe(16)))
    except InvalidInputError:
        return False
    return True
