"""One run of a fleet's routine, watched from outside: what each part did, and who was killed meanwhile."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING
from uuid import UUID

import httpx
import psutil

from domain.errors import RetryableError
from domain.model import Frozen

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, TaskRun

ROUTINE = "mapa das versões/mapa-das-versoes"
UNIT = "versões e desvios"
FLEET_WORKERS = ("worker-principal-1", "worker-segundo-1", "worker-principal-2", "worker-segundo-2")
KILLED_API = "prefect-api-2"
# How a process worker runs a flow: `python -m prefect.engine`.
_ENGINE = "prefect.engine"
_LONGEST_SECONDS = 1800
_POLL_SECONDS = 0.5
_SETTLING_SECONDS = 10
_PAGE = 200


class Night(Frozen):
    """What came of one run."""

    names: tuple[str, ...]
    seconds: float
    parts: int
    dead: int
    begun: tuple[str, ...]
    """An environment as often as the step was begun on it; so in `done`, as often as it came to its end."""
    done: tuple[str, ...]
    reported: tuple[str, ...]
    """Whom the routine itself named as failed."""

    @property
    def rate(self) -> float:
        """Environments a second."""
        return len(self.names) / self.seconds


def run_routine(names: Sequence[str], on_third: Callable[[], bool] | None = None) -> Night:
    """Run the deployed routine over these environments.

    Once a third of them is done `on_third` is called, again and again until it says that it did what it should.

    Raises:
        RetryableError: it did not end within half an hour.
    """
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(ROUTINE)
        run = client.create_flow_run_from_deployment(deployment.id, parameters={"environments": list(names)})
        end = monotonic() + _LONGEST_SECONDS
        while True:
            sleep(_POLL_SECONDS)
            if monotonic() > end:
                raise RetryableError("A rotina não terminou em meia hora", str(run.id), "Veja-a no Prefect.")
            with suppress(httpx.HTTPError):  # one of the servers is killed meanwhile
                now = client.read_flow_run(run.id)
                if now.state is not None and now.state.is_final():
                    break
                if on_third is not None and 3 * _done_so_far(client, run.id) >= len(names) and on_third():
                    on_third = None
        sleep(_SETTLING_SECONDS)  # the last tasks are recorded after the run that they belong to
        return _night(client, now, names)


def kill(folder: Path) -> bool:
    """End a worker that is at a part, with all that it runs, and one server of the API, as a power cut would.

    False when no worker is at a part at this moment: nothing was killed then.
    """
    at_work = next((name for name in FLEET_WORKERS if is_at_a_part(psutil.Process(_pid(folder, name)))), None)
    if at_work is None:
        return False
    children_too(folder, at_work)
    os.kill(_pid(folder, KILLED_API), signal.SIGKILL)
    return True


def is_at_a_part(worker: psutil.Process) -> bool:
    """Whether it runs a flow now; an idle worker may have other children."""
    for child in worker.children(recursive=True):
        with suppress(psutil.Error):  # ended meanwhile
            if _ENGINE in child.cmdline():
                return True
    return False


def children_too(folder: Path, service: str) -> None:
    """Kill a service of the lab and every process that it started."""
    kill_whole(psutil.Process(_pid(folder, service)))


def kill_whole(main: psutil.Process) -> None:
    """Kill a process and every process that it started."""
    for process in (main, *main.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _pid(folder: Path, service: str) -> int:
    from lab.record import read_record

    record = read_record(folder / "lab.json")
    assert record is not None
    return record.processes[service].pid


def _parts(client: "SyncPrefectClient", run: UUID) -> "list[FlowRun]":
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags

    return client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[f"execução:{run}"])))


def _done_so_far(client: "SyncPrefectClient", run: UUID) -> int:
    ended = [part for part in _parts(client, run) if part.state is not None and part.state.is_completed()]
    return sum(len(part.parameters["environments"]) for part in ended)


def _night(client: "SyncPrefectClient", run: "FlowRun", names: Sequence[str]) -> Night:
    parts = _parts(client, run.id)
    tasks = [task for part in parts for task in _tasks(client, part.id)]
    message = run.state.message or "" if run.state is not None else ""
    return Night(
        names=tuple(names),
        seconds=run.total_run_time.total_seconds(),
        parts=len(parts),
        dead=sum(part.state is not None and part.state.is_crashed() for part in parts),
        begun=tuple(_environment(task) for task in tasks),
        done=tuple(name for part in parts for name in _done_in(client, part)),
        reported=tuple(name for name in names if name in message),
    )


def _done_in(client: "SyncPrefectClient", part: "FlowRun") -> list[str]:
    """A part that ended well did all of its environments; of one that died its tasks tell."""
    if part.state is not None and part.state.is_completed():
        return list(part.parameters["environments"])
    tasks = _tasks(client, part.id)
    return [_environment(task) for task in tasks if task.state is not None and task.state.is_completed()]


def _environment(task: "TaskRun") -> str:
    return task.name.rpartition(" · ")[2]


def _tasks(client: "SyncPrefectClient", part: UUID) -> "list[TaskRun]":
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    found = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[part])), limit=_PAGE)
    return [task for task in found if task.name.startswith(UNIT)]
