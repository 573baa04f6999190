"""The board as the lab serves it: its own process, the real registry with a small fleet, the real directory."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pymysql
import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from bench.board_fleet import fill_registry, members_of
from blocks.catalog import Catalog
from blocks.operators import OperatorDirectory
from blocks.settings import Settings
from gateway.form_tokens import FIELD
from lab.state import LabState, load_state
from painel.app import create_app
from painel.door import Door
from painel.exports import Exports
from painel.gate import Gate, People
from painel.store import BoardStore
from painel.views import Views
from registry import migrate
from registry.board import BoardReader
from tests.gateway.running import running
from tests.labs import lab_up
from tests.ssc.conftest import Clock

SERVICES = ("mariadb", "ldap", "prefect", "painel", "porta")
PLACES = Path(__file__).with_name("sedes.csv")
"""Some seats, as an operator's file has them."""
FLEET = members_of("31")[:60]
PLANTED = ("111.444.777-35", "11144477735", "maria.planted@exemplo.br", "Maria Plantada da Silva")


@pytest.fixture(scope="session")
def lab() -> Iterator[Path]:
    """Of the lab only what the board needs."""
    with lab_up(SERVICES) as directory:
        yield directory


@pytest.fixture(scope="session")
def lab_state(lab: Path) -> LabState:
    """Addresses and passwords of that lab: a `lab_state` made before is of the whole session's lab."""
    return load_state(lab)


@pytest.fixture(scope="session")
def registry_url(lab_state: LabState) -> SecretStr:
    """The lab's registry with sixty prefeituras, and personal data planted wherever somebody could have put it."""
    url = lab_state.mariadb.registry_url
    migrate(url)
    fill_registry(url, FLEET, datetime.now(UTC), nights=3)
    plant(url)
    return url


def plant(url: SecretStr) -> None:
    """Past every check of the registry: contacts, decisions, reasons, details, actors."""
    address = make_url(url.get_secret_value())
    cpf, _, mail, name = PLANTED
    with pymysql.connect(
        host=str(address.host),
        port=address.port or 3306,
        user=address.username,
        password=address.password or "",
        database=address.database,
        charset="utf8mb4",
        autocommit=True,
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT ibge, slug FROM municipality ORDER BY ibge")
        for ibge, slug in cursor.fetchall():
            cursor.execute("INSERT INTO contact (ibge, name, email, role) VALUES (%s, %s, %s, 'x')", (ibge, name, mail))
            cursor.execute(
                "INSERT INTO decision (ibge, gate, decision, name, reason, decided_at)"
                " VALUES (%s, 'go-live', 'approve', %s, %s, NOW())",
                (ibge, name, f"{name} {cpf} {mail}"),
            )
            free = {"reason": name, "role": mail, "number": cpf, "published_in": name, "code": cpf, "host": mail}
            told: dict[str, dict[str, object]] = {
                "act.registered": {"act": "contrato", "day": "2026-01-02"},
                "environment.closed": {},
                "class.scheduled": {"starts_at": "2026-01-02T12:00:00Z", "place": name, "course": mail},
                "instrument.generated": {"instrument": mail},
                "sheet.applied": {"sheet": cpf},
                "unknown.kind": {"text": name},
                "stage.waiting": {"stage": "training", "reasons": [{"of": "prefeitura", "text": f"{cpf} {mail}"}]},
            }
            for kind, details in told.items():
                cursor.execute(
                    "INSERT INTO event (occurred_at, kind, ibge, environment, actor, details)"
                    " VALUES (NOW(), %s, %s, %s, %s, %s)",
                    (kind, ibge, f"{slug}-producao", name, json.dumps({**free, **details})),
                )


@dataclass
class Visitor:
    """A browser without JavaScript."""

    client: httpx.Client
    password: str

    def token(self) -> str:
        found = re.search(rf'name="{FIELD}" value="([^"]*)"', self.client.get("/painel/entrar").text)
        assert found
        return found[1]

    def sign_in(self, login: str = "leitura", password: str | None = None, to: str = "/painel") -> httpx.Response:
        secret = self.password if password is None else password
        form = {FIELD: self.token(), "login": login, "senha": secret, "para": to}
        return self.client.post("/painel/entrar", data=form)

    def open(self, path: str = "") -> httpx.Response:
        return self.client.get(f"/painel{path}")


@pytest.fixture
def visitor(lab_state: LabState, registry_url: SecretStr) -> Iterator[Visitor]:
    """Somebody at the lab's own board, signed in to read."""
    assert registry_url
    base = lab_state.painel.url.removesuffix("/painel")
    with httpx.Client(base_url=base, trust_env=False, timeout=60) as client:
        found = Visitor(client, lab_state.painel.password.get_secret_value())
        assert found.sign_in().status_code == 303
        yield found


@dataclass
class Own:
    """A board of this process, whose clock a test moves."""

    visitor: Visitor
    clock: Clock
    store: BoardStore


@pytest.fixture
def people(lab_state: LabState) -> OperatorDirectory:
    """The lab's directory, as the settings of the lab name it."""
    lab = lab_state.painel
    return OperatorDirectory(
        Settings.model_construct(
            operators_url=lab.operators_url,
            operators_account=lab.operators_account,
            operators_password=lab.operators_password,
            operators_people=lab.operators_people,
            operators_groups=lab.operators_groups,
            operators_authority=lab.operators_authority,
        )
    )


ServeBoard = Callable[..., Own]


@pytest.fixture
def serve_board(people: OperatorDirectory, registry_url: SecretStr, lab_state: LabState) -> Iterator[ServeBoard]:
    """Serve boards of this process; all end with the test."""
    with ExitStack() as stack:

        def start(
            *,
            proxies: tuple[str, ...] = (),
            url: SecretStr = registry_url,
            people: People = people,
            door: Callable[[Gate], Door] | None = None,
        ) -> Own:
            clock, reader = Clock(), BoardReader(url)
            stack.callback(reader.dispose)
            store = BoardStore(reader)
            gate = Gate(people, Catalog().board().role_of, clock)
            views = Views(store, gate, Exports(), "https://prefect.exemplo", PLACES)
            app = create_app(views, gate, door(gate) if door else None, proxies=proxies)
            client = stack.enter_context(running(app))
            return Own(Visitor(client, lab_state.painel.password.get_secret_value()), clock, store)

        yield start
