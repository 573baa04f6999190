"""Parts of a fleet's routine as runs of Prefect: started on the pool of their database server, and followed."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterTags,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType, TaskRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed
from tenacity import Retrying, retry, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from blocks.settings import load_settings
from domain.errors import InvalidInputError, RetryableError
from domain.fleet_parts import Outcomes, Part
from tasks import clock, doors
from tasks.prefect_errors import explaining_prefect

DEPLOYMENT = "parte-da-frota"
"""The deployment of a part; that of one database server has its name at the end."""
FLOW = "parte da frota"

_POLL_SECONDS = 1
# An API that is gone is replaced, and a database server fails over; a routine of hours need not end for it.
_PATIENCE_SECONDS = 600
# What a worker took and did not begin within this died with it: a run's start takes seconds. What none takes waits
# for those that work on other routines.
_PATIENCE_WITH = {StateType.PENDING: timedelta(minutes=3), StateType.SCHEDULED: timedelta(hours=1)}
_RECORDED_SECONDS = 60
_PAGE = 200
_patiently = retry(
    retry=retry_if_exception_type(RetryableError),
    stop=stop_after_delay(_PATIENCE_SECONDS),
    wait=wait_fixed(_POLL_SECONDS),
    reraise=True,
)
_ENDED = (StateType.COMPLETED, StateType.FAILED)


def part_deployment(server: str) -> str:
    """The name of the deployment that works on the databases of one server."""
    return f"{DEPLOYMENT}-{server}"


def servers_of(environments: Iterable[str]) -> dict[str, str]:
    """On which database server each environment is."""
    known = {record.slug: record.database_server for record in doors.registry().list_environments()}
    return {name: known[name] for name in environments}


@_patiently
def start_part(unit: str, part: Part, at_once: int, parent: str) -> UUID:
    """Put a part in the queue of its server's pool; the same part of the same parent is put there once.

    Raises:
        InvalidInputError: the server has no deployment of parts.
        RetryableError: Prefect has not answered for ten minutes.
    """
    name = part_deployment(part.server)
    with explaining_prefect(load_settings().prefect_api_url):
        try:
            run = run_deployment(
                f"{FLOW}/{name}",
                parameters={"unit": unit, "environments": list(part.environments), "at_once": at_once},
                flow_run_name=f"{unit} · {part.server} · parte {part.number}",
                tags=[_tag(parent)],
                idempotency_key=f"{parent}:{part.number}",
                timeout=0,
            )
        except ObjectNotFound:
            raise InvalidInputError(
                f"O servidor de banco {part.server} não tem o deployment {name}",
                load_settings().prefect_api_url,
                "Execute ./implanta deploy, que o cria com o pool dele.",
            ) from None
    return run.id  # type: ignore[union-attr]  # a coroutine only for async callers


@_patiently
def parts_of(parent: str) -> dict[UUID, Part]:
    """The parts that a run has started already, in an earlier attempt of its own."""
    started = FlowRunFilter(tags=FlowRunFilterTags(all_=[_tag(parent)]))
    found: dict[UUID, Part] = {}
    with explaining_prefect(load_settings().prefect_api_url), get_client(sync_client=True) as client:
        while page := client.read_flow_runs(
            flow_run_filter=started, sort=FlowRunSort.ID_DESC, limit=_PAGE, offset=len(found)
        ):
            found |= {run.id: _part_of(run) for run in page}
    return found


def wait_for_an_end(runs: Sequence[UUID]) -> set[UUID]:
    """Those of the runs that have ended, as soon as one has.

    One that a worker took but never began, or that none took, is ended here: nobody else would.

    Raises:
        RetryableError: Prefect has not answered for ten minutes.
    """
    asking = Retrying(retry=retry_if_result(lambda found: not found), wait=wait_fixed(_POLL_SECONDS))
    return set(asking(_ended_of, runs))


@_patiently
def _ended_of(runs: Sequence[UUID]) -> set[UUID]:
    with explaining_prefect(load_settings().prefect_api_url), get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(runs))))
        for run in found:
            _end_what_never_began(client, run)
    return {run.id for run in found if run.state is not None and run.state.is_final()}


@_patiently
def outcomes_of(run: UUID, unit: str, part: Part) -> Outcomes:
    """What a part that has ended did to each of its environments.

    One that ended well did all of it. Of another the runs of the step tell, of which Prefect hears a moment later.
    """
    with explaining_prefect(load_settings().prefect_api_url), get_client(sync_client=True) as client:
        state = client.read_flow_run(run).state
        if state is not None and state.type is StateType.COMPLETED:
            return Outcomes(done=frozenset(part.environments))
        went_through = state is not None and state.type is StateType.FAILED

        def read() -> Outcomes:
            return _outcomes(_task_runs(client, run), unit)

        asking = Retrying(
            retry=retry_if_result(lambda found: went_through and bool(found.left_of(part))),
            stop=stop_after_delay(_RECORDED_SECONDS),
            wait=wait_fixed(_POLL_SECONDS),
            retry_error_callback=lambda last: last.outcome.result() if last.outcome else Outcomes(),
        )
        found: Outcomes = asking(read)
        return found


def _task_runs(client: SyncPrefectClient, run: UUID) -> list[TaskRun]:
    ended = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=list(_ENDED))))
    of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    found: list[TaskRun] = []
    while page := client.read_task_runs(flow_run_filter=of_run, task_run_filter=ended, limit=_PAGE, offset=len(found)):
        found += page
    return found


def _outcomes(tasks: Sequence[TaskRun], unit: str) -> Outcomes:
    done, failed = set(), {}
    for task in tasks:
        label, _, environment = task.name.rpartition(" · ")
        if label != unit or task.state is None:
            continue
        if task.state.type is StateType.COMPLETED:
            done.add(environment)
        else:
            failed[environment] = task.state.message or ""
    return Outcomes(done=frozenset(done), failed=failed)


def _end_what_never_began(client: SyncPrefectClient, run: FlowRun) -> None:
    state = run.state
    patience = _PATIENCE_WITH.get(state.type) if state is not None else None
    if state is not None and patience is not None and clock.now() - state.timestamp > patience:
        client.set_flow_run_state(run.id, Crashed(message="Nenhum worker a iniciou."), force=True)


def _part_of(run: FlowRun) -> Part:
    server = run.name.split(" · ")[1]
    return Part(
        number=int(run.name.rsplit(" ", 1)[1]), server=server, environments=tuple(run.parameters["environments"])
    )


def _tag(parent: str) -> str:
    return f"execução:{parent}"
