"""A lifecycle that waits at a gate, and a Prefect server that is restarted, and then lost with all that it knew."""

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
import pytest

from blocks.settings import PROJECT_ROOT
from cli.demo_people import PREFEITURAS, attendance_text
from domain.calendar import local_day
from domain.lifecycle import Stage
from lab import down, status
from lab.layout import Layout
from lab.state import load_state
from registry import Registry
from tests.operator import operator_environment
from tests.waiting import has_ended, wait_until

RIO_DOCE = PREFEITURAS[1]
SLUG = RIO_DOCE.slug
WAITING = 30
WORKER_SECONDS = 300

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def lab_of_its_own() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="implanta-lost-")).resolve()
    try:
        yield directory
    finally:
        down(directory, destroy=True)


def run(directory: Path, *command: str, code: int = 0) -> Any:  # noqa: ANN401  # as the command printed it
    """One command as an operator gives it; what it printed as JSON."""
    done = subprocess.run(
        [PROJECT_ROOT / "implanta", *command, "--json"],
        env=operator_environment(directory),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def kill(directory: Path, *names: str) -> None:
    """kill -9 of servers of this lab, and of nothing else."""
    pids = {service.service: service.pid for service in status(directory)}
    for name in names:
        pid = pids[name]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: has_ended(pid), f"{name} ends")  # type: ignore[misc]


def runs_known(directory: Path, **which: object) -> int:
    prefect = load_state(directory).prefect
    answer = httpx.post(f"{prefect.api_url}/flow_runs/count", json=which, auth=prefect.credentials, trust_env=False)
    return int(answer.raise_for_status().json())


def is_at_rest(directory: Path) -> bool:
    """Whether the worker has nothing in its hands: until then a command of the same prefeitura is refused."""
    at_work = {"state": {"type": {"any_": ["PENDING", "RUNNING"]}}}
    return runs_known(directory, flow_runs=at_work) == 0


def brought_to_the_gate(directory: Path) -> Any:  # noqa: ANN401  # as it was printed
    """A lab from nothing, and Rio Doce in it as far as its closed gate; what the implantation printed."""
    run(directory, "lab", "up")
    run(directory, "deploy")
    contact = "Pessoa de Teste;ponto@teste.example.com;ponto focal"
    run(
        directory,
        *("municipality", "add", RIO_DOCE.ibge, RIO_DOCE.name),
        *("--population", str(RIO_DOCE.population), "--contact", contact),
    )
    sheets = [str(RIO_DOCE.folder / name) for name in ("unidades.csv", "usuarios.csv")]
    run(directory, "municipality", "send", SLUG, *sheets)
    first = run(directory, "implant", SLUG, code=WAITING)
    assert first["stages"][-1]["stage"] == Stage.TRAINING
    return first


def test_a_lifecycle_at_a_gate_survives_the_restart_and_the_loss_of_prefect(lab_of_its_own: Path) -> None:
    directory = lab_of_its_own
    first = brought_to_the_gate(directory)

    kill(directory, "prefect", "worker")
    run(directory, "lab", "up")
    again = run(directory, "implant", SLUG, code=WAITING)
    assert again["waiting_for"] == first["waiting_for"]
    assert changes(again) == 0
    assert runs_known(directory) > 0

    kill(directory, "prefect", "worker")
    for file in (Layout(directory).service_dir("prefect")).glob("prefect.db*"):
        file.unlink()
    run(directory, "lab", "up")
    assert runs_known(directory) == 0, "nothing is left of what the orchestrator knew"
    run(directory, "deploy")
    rebuilt = run(directory, "implant", SLUG, code=WAITING)
    assert rebuilt["waiting_for"] == first["waiting_for"]
    assert changes(run(directory, "implant", SLUG, code=WAITING)) == 0

    # And it goes on as every night: the gate opens, the worker implants, a person approves.
    registry = Registry(load_state(directory).mariadb.registry_url)
    attendance = directory / "capacitacao.csv"
    attendance.write_text(attendance_text(RIO_DOCE, local_day(datetime.now(tz=UTC))), encoding="utf-8")
    run(directory, "municipality", "send", SLUG, str(attendance))
    start(directory, "portões da capacitação/portoes-da-capacitacao")
    wait_until(
        lambda: Stage.ENVIRONMENT_PRODUCTION in registry.stages_done(RIO_DOCE.ibge)[RIO_DOCE.ibge],
        "the worker makes the production environment",
        seconds=WORKER_SECONDS,
    )
    wait_until(lambda: is_at_rest(directory), "the worker comes as far as the approval", seconds=WORKER_SECONDS)
    for act in ("contrato", "decreto"):
        run(directory, "instrument", "register", SLUG, act, "--number", "1/2026", "--date", "2026-01-02")
    run(directory, "approve", SLUG, "--name", "Pessoa de Teste", "--reason", "Tudo conferido")
    live = run(directory, "implant", SLUG)
    assert live["waiting_for"] == []
    registry.dispose()


def changes(journey: Any) -> int:  # noqa: ANN401  # as it was printed
    made = [step["change"] for stage in journey["stages"] for step in stage["steps"]]
    return sum(change[kind] for change in made for kind in ("created", "updated", "removed"))


def start(directory: Path, deployment: str) -> None:
    """Run a deployment now, as the button in the UI does."""
    prefect = load_state(directory).prefect
    with httpx.Client(base_url=prefect.api_url, auth=prefect.credentials, trust_env=False) as client:
        found = client.get(f"/deployments/name/{deployment}").raise_for_status().json()

        def is_taken() -> bool:
            answer = client.post(f"/deployments/{found['id']}/create_flow_run", json={})
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                return False  # its database is locked for a moment: Prefect's own client asks again as well
            answer.raise_for_status()
            return True

        wait_until(is_taken, f"the server takes a run of {deployment}", seconds=60)
