"""What the flow of every stage has in common: its run's name, its artifact, and one heartbeat for the whole family."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from time import monotonic
from typing import Any, ParamSpec, TypeVar, cast

from prefect import Flow, flow, tags
from prefect.client.orchestration import get_client
from prefect.context import TagsContext
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Completed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.report import Journey, StageReport, StepResult
from flows.forms import asked

Procedure = tuple[tuple[str, Callable[[str], Change]], ...]
"""What a stage does to one environment or municipality: the name of each step as operators read it, and its task."""

P = ParamSpec("P")
R = TypeVar("R", StageReport, Journey)

WAITING = "Aguardando"

# How the forms in the Prefect UI ask for a municipality; Prefect would show the parameter's own name as its title.
MUNICIPALITY = asked("Município", "Nome curto do município, como em ./implanta municipality list: timoteo.")


def stage_run_name() -> str:
    """`timoteo · produção · parametrização`: who, where, what."""
    parameters = flow_run.parameters
    purpose = parameters.get("purpose")
    subject = (
        EnvironmentName(municipality=parameters["municipality"], purpose=Purpose(purpose)).label
        if purpose
        else parameters["municipality"]
    )
    return f"{subject} · {flow_run.flow_name}"


def stage_flow(name: str) -> Callable[[Callable[P, StageReport]], Flow[P, StageReport]]:
    """Make the flow of one stage.

    Its run keeps the tags with which it was started, its tasks do not inherit them: for each task run with a tag
    Prefect 3.8 asks the server for that tag's limit first, which cost a third of a lifecycle's time.
    """

    def decorate(function: Callable[P, StageReport]) -> Flow[P, StageReport]:
        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> StageReport:
            with TagsContext(current_tags=set()):
                return function(*args, **kwargs)

        return flow(name=name, flow_run_name=stage_run_name)(run)

    return decorate


def carry_out(procedure: Procedure, subject: str) -> tuple[StepResult, ...]:
    """Run the steps one after the other; each one's change and time."""
    return tuple(_timed(name, task, subject) for name, task in procedure)


def _timed(name: str, task: Callable[[str], Change], subject: str) -> StepResult:
    started = monotonic()
    change = task(subject)
    return StepResult(name=name, change=change, seconds=monotonic() - started)


def at_most(tasks_at_once: int) -> TaskRunner[PrefectFuture[Any]]:
    """What runs a fleet's mapped tasks, so many at a time; Prefect's own types of the two do not agree."""
    return cast("TaskRunner[PrefectFuture[Any]]", ThreadPoolTaskRunner(max_workers=tasks_at_once))


def results_of(names: Iterable[str], runs: Iterable[PrefectFuture[Any]]) -> dict[str, Any]:
    """What the mapped task of each name returned, or the exception with which it failed."""
    return {name: run.result(raise_on_failure=False) for name, run in zip(names, runs, strict=True)}


@contextmanager
def tagged(municipality: str, purpose: Purpose | None = None) -> Iterator[None]:
    """Tag every run started inside with its municipality and purpose."""
    with tags(f"município:{municipality}", *([purpose.label] if purpose else [])):
        yield


def tag_this_run(municipality: str) -> None:
    """Tag the run that is going on, whoever started it; outside a run there is nothing to tag."""
    if flow_run.id:
        with get_client(sync_client=True) as client:
            client.update_flow_run(flow_run.id, tags=sorted({*flow_run.tags, f"município:{municipality}"}))


def as_run_state(result: R) -> R:
    """What a flow returns for its run to end as `Aguardando`, with the reasons, while somebody owes something.

    Prefect takes a state that a flow returns as the run's own, and gives callers the data in it. Outside a run it is
    the result itself.
    """
    if not flow_run.id:
        return result
    name, message = (WAITING, " ".join(result.waiting_for)) if result.waiting_for else (None, str(result.change))
    return cast(R, Completed(name=name, message=message, data=result))


@contextmanager
def one_heartbeat() -> Iterator[None]:
    """Let only the parent run send heartbeats while its subflows run in the same process.

    A sync subflow otherwise ends with up to a second of waiting for its own heartbeat thread (Prefect 3.8); when the
    process dies, the parent's silence tells as much as seven silences would.
    """
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield
