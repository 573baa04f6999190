"""kill -9 at any moment, then a rerun: the end is that of a run which nobody disturbed."""

import json
import os
import random
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest

from blocks.settings import PROJECT_ROOT
from cli.demo_people import PREFEITURAS
from cli.output import talk
from domain.calendar import local_day
from lab import down, status
from lab.layout import Layout
from lab.processes import list_marked
from lab.profiles import SERVICE_NAMES
from lab.state import load_state
from tests.demo.conftest import run_demo
from tests.operator import operator_environment
from tests.slow.end_state import NAMES, EndState, count_duplicates, find_useless_invitations, read_end_state

KILLS = int(os.environ.get("IMPLANTA_KILLS", "10"))
LAB_KILLS = 4
# What a demo takes that finds everything done, in shares of a first run (measured: a quarter to a third).
REPLAY = 0.3
PEOPLE = {"timoteo": 350, "rio-doce": 60}
RERUN_SECONDS = 300

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@dataclass(frozen=True)
class Undisturbed:
    """How a run ends that nobody kills, and how long it takes."""

    end: EndState
    seconds: float
    day: date


@contextmanager
def private_lab() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="implanta-kill-")).resolve()
    try:
        yield directory
    finally:
        down(directory, destroy=True)


def machine_day() -> date:
    """Today as the demo dates its attendance list."""
    return datetime.now(tz=UTC).astimezone().date()


def days_since(started: datetime) -> set[date]:
    return {local_day(started), local_day(datetime.now(tz=UTC))}


@pytest.fixture(scope="module")
def undisturbed() -> Undisturbed:
    started = datetime.now(tz=UTC)
    with private_lab() as directory:
        seconds = float(run_demo(directory)["seconds"])
        end = read_end_state(load_state(directory), days_since(started))
    return Undisturbed(end=end, seconds=seconds, day=machine_day())


@pytest.fixture
def dice(capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[random.Random, Callable[[str], None]]]:
    """Chance that can be repeated: IMPLANTA_SEED takes the seed that is shown."""
    seed = int(os.environ.get("IMPLANTA_SEED") or random.SystemRandom().randrange(2**32))

    def tell(line: str) -> None:
        with capsys.disabled():
            talk.print(line, highlight=False, soft_wrap=True)

    tell(f"\nIMPLANTA_SEED={seed}")
    yield random.Random(seed), tell


def run_and_kill(lab: Path, command: tuple[str, ...], seconds: float) -> str | None:
    """Kill the command's process, and no other, when that time has passed; what it said, or None if it was done.

    Programs that it started, such as a client in the middle of a load, are left as orphans, as by any kill -9.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            [PROJECT_ROOT / "implanta", *command],
            env=operator_environment(lab),
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            code = None
        said.seek(0)
        words = said.read()
    assert code in {0, None}, words
    return words if code is None else None


def where_it_was(lab: Path, said: str) -> str:
    """The last step that the demo reported, and the newest run that Prefect knows of."""
    steps = [line for line in said.splitlines() if line.startswith("✓")]
    newest = "nenhuma execução"
    try:
        question = {"sort": "START_TIME_DESC", "limit": 1}
        prefect = load_state(lab).prefect
        answer = httpx.post(
            f"{prefect.api_url}/flow_runs/filter", json=question, auth=prefect.credentials, trust_env=False
        )
        newest = "".join(f"{run['name']} ({run['state_name']})" for run in answer.json()) or newest
    except Exception as e:  # killed before there was a lab, or anybody to ask
        newest = type(e).__name__
    return f"depois de {steps[-1] if steps else 'nada'}; {newest}"


def test_kills_at_ten_random_moments_and_reruns_end_where_an_undisturbed_run_ends(
    undisturbed: Undisturbed, dice: tuple[random.Random, Callable[[str], None]]
) -> None:
    chance, tell = dice
    started = datetime.now(tz=UTC)
    with private_lab() as directory:
        reached = 0.0  # shares of a first run
        for number in range(KILLS):
            target = (number + chance.random()) / KILLS
            seconds = (REPLAY * reached + target - reached) * undisturbed.seconds
            said = run_and_kill(directory, ("demo", "--json"), seconds)
            while said is None:  # it was faster than thought: kill one that finds everything done
                seconds = chance.random() * REPLAY / 2 * undisturbed.seconds
                said = run_and_kill(directory, ("demo", "--json"), seconds)
            reached = target
            tell(f"kill -9 nº {number + 1} aos {seconds:.1f} s, {where_it_was(directory, said)}")
        run_demo(directory)
        state = load_state(directory)
        end = read_end_state(state, days_since(started))
        duplicates = count_duplicates(state)
        useless = find_useless_invitations(state)
        visitor = json.loads(Layout(directory).demo_file.read_text(encoding="utf-8"))["login"]
    if machine_day() != undisturbed.day:
        pytest.skip("midnight came between the two runs: their attendance lists have other days")
    assert undisturbed.end.differences(end) == []
    assert sum(end.parts["registro.decision"].values()) == len(PREFEITURAS), "nobody is asked twice"
    assert {what: extra for what, extra in duplicates.items() if extra} == {}
    expected = sum(PEOPLE[name.municipality] for name in NAMES)
    assert len(end.invitations) == expected == len(undisturbed.end.invitations)
    assert set(undisturbed.end.invitations.values()) == {1}
    assert sum(end.invitations.values()) - expected <= KILLS, "each kill may repeat one person's message, no more"
    # The person of the demo has chosen another password meanwhile.
    assert useless == [("timoteo-producao", visitor)]


def test_a_whole_lab_killed_while_it_comes_up_is_taken_up_again(
    dice: tuple[random.Random, Callable[[str], None]], undisturbed: Undisturbed
) -> None:
    chance, tell = dice
    with private_lab() as directory:
        for number in range(LAB_KILLS):
            seconds = chance.uniform(0.5, 0.2 * undisturbed.seconds)
            said = run_and_kill(directory, ("lab", "up"), seconds)
            tell(f"kill -9 nº {number + 1} aos {seconds:.1f} s: {'no meio' if said is not None else 'já no ar'}")
        subprocess.run(
            [PROJECT_ROOT / "implanta", "lab", "up"],
            env=operator_environment(directory),
            check=True,
            capture_output=True,
            timeout=RERUN_SECONDS,
        )
        assert {service.service for service in status(directory) if service.state == "running"} == set(SERVICE_NAMES)
        servers = [process.name() for process in list_marked(directory)]
        assert {name: servers.count(name) for name in ("mariadbd", "slapd", "weed")} == {
            "mariadbd": 2,
            "slapd": 1,
            "weed": 1,
        }
