"""The board, with people of the operator's directory who may see it: one for each role."""

from collections.abc import Sequence

import httpx
from ldap3 import BASE, NONE, SAFE_SYNC, Connection, Server
from ldap3.core.exceptions import LDAPException

from lab.layout import make_private_dir
from lab.ldap import ADMIN_DN, BASE_DN, CONNECT_TIMEOUT_SECONDS
from lab.ports import HOST
from lab.prefect_server import ANSWER_TIMEOUT_SECONDS
from lab.processes import Launch
from lab.product import product_launch
from lab.service import NotReadyError, Service

# Names under .localhost lead to this machine without a DNS, in browsers at least.
DOOR_NAME = "implanta.localhost"
OPERATORS_DN = f"ou=operadores,{BASE_DN}"
PEOPLE_DN, GROUPS_DN = f"ou=pessoas,{OPERATORS_DN}", f"ou=grupos,{OPERATORS_DN}"
LOGINS = ("leitura", "operacao", "aprovacao", "administracao")
"""Each is in the group `implanta-…` of its own name; all have the record's password."""


class Painel(Service):
    """Runs `./implanta board serve`."""

    name = "painel"
    title = "Painel"
    port_names = ("painel",)
    is_client = True
    needs = ("ldap", "mariadb", "prefect")

    def prepare(self) -> None:
        make_private_dir(self.home)
        try:
            self._ensure_operators()
        except LDAPException as e:
            raise self.failed(f"o OpenLDAP recusou os operadores ({type(e).__name__})") from None

    def _ensure_operators(self) -> None:
        server = Server(HOST, port=self.port("ldap"), connect_timeout=CONNECT_TIMEOUT_SECONDS, get_info=NONE)
        password = self.record.secrets.ldap_admin
        with Connection(
            server, ADMIN_DN, password, client_strategy=SAFE_SYNC, auto_bind=True, raise_exceptions=True
        ) as connection:
            for dn in (OPERATORS_DN, PEOPLE_DN, GROUPS_DN):
                self._ensure(connection, dn, ["organizationalUnit"], {})
            for login in LOGINS:
                person = f"uid={login},{PEOPLE_DN}"
                facts: dict[str, object] = {"cn": login, "sn": login, "userPassword": self.record.secrets.board}
                self._ensure(connection, person, ["inetOrgPerson"], facts)
                self._ensure(connection, f"cn=implanta-{login},{GROUPS_DN}", ["groupOfNames"], {"member": person})

    @staticmethod
    def _ensure(connection: Connection, dn: str, kinds: list[str], facts: dict[str, object]) -> None:
        connection.raise_exceptions = False
        found, *_ = connection.search(dn, "(objectClass=*)", BASE)
        connection.raise_exceptions = True
        if not found:
            connection.add(dn, kinds, facts)

    def launch(self) -> Launch:
        return product_launch(
            self,
            "board",
            IMPLANTA_DOOR_URL=door_url(self.port("porta")),
            IMPLANTA_DOOR_TRAIL=str(self.layout.door_trail),
            IMPLANTA_OPERATORS_URL=f"ldap://{HOST}:{self.port('ldap')}",
            IMPLANTA_OPERATORS_ACCOUNT=ADMIN_DN,
            IMPLANTA_OPERATORS_PASSWORD=self.record.secrets.ldap_admin,
            IMPLANTA_OPERATORS_PEOPLE=PEOPLE_DN,
            IMPLANTA_OPERATORS_GROUPS=GROUPS_DN,
            IMPLANTA_OPERATORS_AUTHORITY=str(self.layout.ldap_tls_dir / "ca.pem"),
        )

    def is_outdated(self, command: Sequence[str]) -> bool:
        return "--proxy" not in command  # of before the door: it would believe nothing that the door says

    def probe(self) -> None:
        try:
            answer = httpx.get(f"http://{self.host_and_port()}/saude", timeout=ANSWER_TIMEOUT_SECONDS, trust_env=False)
            answer.raise_for_status()
        except httpx.HTTPError as e:
            raise NotReadyError(str(e)) from e

    def address(self) -> str:
        return url(self.port())


def door_url(port: int) -> str:
    """Where people find the door to Prefect, and the board behind it."""
    return f"https://{DOOR_NAME}:{port}"


def url(port: int) -> str:
    """Where people find it."""
    return f"http://{HOST}:{port}/painel"
