"""Prefect in parts while its parts die: every environment of a fleet's routine is done once, or named as not done."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from bench.fleet_watch import is_at_a_part, kill_whole
from blocks.settings import PROJECT_ROOT
from domain.backup.history import BackupEvent
from lab import down, status
from lab.processes import list_marked
from lab.state import load_state
from registry import Registry
from tests.operator import operator_environment
from tests.slow.test_lost_prefect import run
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
CITIES = (("3140803", "Matias Barbosa"), ("3140852", "Matias Cardoso"))
NIGHT = "cópias da noite/copias-da-noite"
NIGHT_SECONDS = 900
WORKERS = ("worker-principal-1", "worker-principal-2", "worker-segundo-1", "worker-segundo-2")


@pytest.fixture(scope="module")
def scale_lab() -> Iterator[Path]:
    """A whole lab of the profile `scale`, with four environments, two on each database server."""
    directory = Path(tempfile.mkdtemp(prefix="implanta-scale-")).resolve()
    try:
        run(directory, "lab", "up", "--profile", "scale")
        run(directory, "deploy")
        for code, name in CITIES:
            contact = "Pessoa de Teste;ponto@teste.example.com;ponto focal"
            run(directory, "municipality", "add", code, name, "--population", "9000", "--contact", contact)
        run(directory, "environment", "apply", *environments())
        yield directory
    finally:
        down(directory, destroy=True)
    assert not list(list_marked(directory))
    assert not directory.exists(), "what is destroyed leaves nothing"


def environments() -> list[str]:
    slugs = [name.lower().replace(" ", "-") for _, name in CITIES]
    return [f"{slug}-{purpose}" for slug in slugs for purpose in ("treinamento", "producao")]


def api(directory: Path, path: str, body: object) -> Any:  # noqa: ANN401  # as the server answered
    return ask(directory, "POST", path, json=body).raise_for_status().json()


def ask(directory: Path, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401  # httpx's own types
    prefect = load_state(directory).prefect
    return httpx.request(
        method, f"{prefect.api_url}/{path}", auth=prefect.credentials, trust_env=False, timeout=30, **more
    )


def started(directory: Path, deployment: str, parameters: dict[str, object]) -> str:
    """Run a deployment now, as the button in the UI does; the id of the run."""
    found = ask(directory, "GET", f"deployments/name/{deployment}").json()
    return str(api(directory, f"deployments/{found['id']}/create_flow_run", {"parameters": parameters})["id"])


def state_of(directory: Path, run_id: str) -> str:
    answer = ask(directory, "GET", f"flow_runs/{run_id}")
    return str(answer.json()["state"]["type"]) if answer.status_code == httpx.codes.OK else "away"


def busy_worker(directory: Path) -> psutil.Process | None:
    """A worker that is at a part, with whatever it started."""
    pids = [one.pid for one in status(directory) if one.service in WORKERS and one.pid is not None]
    return next(filter(is_at_a_part, map(psutil.Process, pids)), None)


def proved(directory: Path, since: datetime) -> dict[str, int]:
    """How many backups of each environment were proved since then."""
    registry = Registry(load_state(directory).mariadb.registry_url)
    told = [event.environment for event in registry.events(kinds=[BackupEvent.VERIFIED]) if event.occurred_at > since]
    registry.dispose()
    return {name: told.count(name) for name in environments()}


def test_a_night_of_backups_loses_a_worker_and_an_api_and_proves_each_environment_once(scale_lab: Path) -> None:
    since = datetime.now(UTC)
    night = started(scale_lab, NIGHT, {"environments": environments()})
    wait_until(lambda: sum(proved(scale_lab, since).values()) >= 1, "the first backup is proved", seconds=NIGHT_SECONDS)
    wait_until(lambda: busy_worker(scale_lab) is not None, "a worker is at the next", seconds=120)
    victim = busy_worker(scale_lab)
    assert victim is not None
    kill_whole(victim)
    killed_api = next(one.pid for one in status(scale_lab) if one.service == "prefect-api-2")
    assert killed_api is not None
    os.kill(killed_api, signal.SIGKILL)
    wait_until(
        lambda: state_of(scale_lab, night) in {"COMPLETED", "FAILED", "CRASHED"},
        "the night ends",
        seconds=NIGHT_SECONDS,
    )
    assert state_of(scale_lab, night) == "COMPLETED"
    assert proved(scale_lab, since) == dict.fromkeys(environments(), 1)
    parts = api(scale_lab, "flow_runs/filter", {"flow_runs": {"tags": {"all_": [f"execução:{night}"]}}})
    states = sorted(part["state"]["type"] for part in parts)
    assert states == ["COMPLETED"] * len(environments()) + ["CRASHED"], "one part died, and one took its place"


def test_a_night_whose_own_worker_died_is_gone_on_with_by_the_retry_of_its_run(scale_lab: Path) -> None:
    run(scale_lab, "lab", "up")
    since = datetime.now(UTC)
    night = started(scale_lab, NIGHT, {"environments": environments()})
    wait_until(lambda: sum(proved(scale_lab, since).values()) >= 1, "the first backup is proved", seconds=NIGHT_SECONDS)
    general = next(one.pid for one in status(scale_lab) if one.service == "worker")
    assert general is not None
    kill_whole(psutil.Process(general))
    run(scale_lab, "lab", "up")
    # As the automation does after ten minutes of silence, and then a person with the button.
    for state in ({"type": "CRASHED"}, {"type": "SCHEDULED", "name": "AwaitingRetry"}):
        api(scale_lab, f"flow_runs/{night}/set_state", {"state": state, "force": True})
    wait_until(lambda: state_of(scale_lab, night) in {"COMPLETED", "FAILED"}, "the night ends", seconds=NIGHT_SECONDS)
    assert state_of(scale_lab, night) == "COMPLETED"
    assert proved(scale_lab, since) == dict.fromkeys(environments(), 1)


def test_implanta_backs_up_a_prefect_in_parts_as_well(scale_lab: Path) -> None:
    run(scale_lab, "lab", "up")
    certificate = run(scale_lab, "self-backup", "now")
    assert certificate["proved"], certificate


def test_a_small_fleet_is_measured_while_a_worker_and_an_api_die(tmp_path: Path) -> None:
    done = subprocess.run(
        [PROJECT_ROOT / "implanta", "bench", "fleet", "--environments", "60", "--json"],
        env=operator_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)
    figures = {name: figure["value"] for name, figure in told["figures"].items()}
    assert told["ratios"]["done_twice"]["holds"]
    assert told["ratios"]["lost"]["holds"]
    assert told["ratios"]["nobody_died"]["holds"], "somebody was at work where it was killed"
    assert figures["with_deaths_reported"] == 0
