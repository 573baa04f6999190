"""Programs of other machines: TLS and Prefect's own account, websockets too; people have no business there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from blocks.settings import PROJECT_ROOT
from lab.ports import HOST
from lab.state import LabState
from tests.painel.doorway import Prefect, trust
from tests.waiting import wait_until

# What a worker does: it asks by HTTP, and tells by websocket.
PROGRAM = """
import asyncio, sys
from prefect.client.orchestration import get_client
from prefect.events import Event, Resource
from prefect.events.clients import PrefectEventsClient

async def work():
    async with get_client() as client:
        print(await client.api_version())
    async with PrefectEventsClient() as events:
        await events.emit(Event(event=sys.argv[1], resource=Resource({"prefect.resource.id": "prova.porta"})))

asyncio.run(work())
"""


@pytest.fixture
def machine(lab_state: LabState) -> Iterator[httpx.Client]:
    address = f"https://{HOST}:{lab_state.porta.machines_port}"
    with httpx.Client(base_url=address, verify=trust(lab_state), trust_env=False, timeout=30) as client:
        yield client


def run(lab_state: LabState, home: Path, word: str, auth: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "IMPLANTA_"))}
    settled = {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"https://{HOST}:{lab_state.porta.machines_port}/api",
        "PREFECT_API_SSL_CERT_FILE": str(lab_state.ca_file),
        # The websocket's library reads the roots from here.
        "SSL_CERT_FILE": str(lab_state.ca_file),
        "PREFECT_API_AUTH_STRING": auth,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "NO_PROXY": HOST,
    }
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, word],
        cwd=PROJECT_ROOT,
        env=inherited | settled,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_prefects_own_client_works_through_it(lab_state: LabState, tmp_path: Path) -> None:
    word = f"prova.{uuid4()}"
    done = run(lab_state, tmp_path, word, lab_state.prefect.auth.get_secret_value())
    assert (done.returncode, done.stdout.strip()) != (0, ""), done.stderr[-2000:]
    assert done.returncode == 0, done.stderr[-2000:]
    prefect = Prefect(lab_state).client

    def is_told() -> bool:
        found = prefect.post("/events/filter", json={"filter": {"event": {"name": [word]}}}).raise_for_status().json()
        return bool(found["events"])

    wait_until(is_told, "the event is kept", seconds=60)


def test_without_the_account_it_is_closed(lab_state: LabState, machine: httpx.Client, tmp_path: Path) -> None:
    assert machine.get("/api/admin/version").status_code == 401
    assert machine.get("/api/admin/version", auth=("implanta", "errada")).status_code == 401
    assert machine.get("/api/admin/version", auth=lab_state.prefect.credentials).status_code == 200
    assert run(lab_state, tmp_path, "prova.errada", "implanta:errada").returncode != 0


def test_no_page_and_no_browser_is_served_there(lab_state: LabState, machine: httpx.Client) -> None:
    for path in ("/", "/v2/", "/painel", "/painel/entrar", "/porta/pedido", "/docs"):
        assert machine.get(path, auth=lab_state.prefect.credentials).status_code == 404, path
    page = {"origin": "https://outro.exemplo"}
    assert machine.get("/api/admin/version", auth=lab_state.prefect.credentials, headers=page).status_code == 403
