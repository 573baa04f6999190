"""What the flow of every stage has in common: its run's name, its artifact, and one heartbeat for the whole family."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from prefect import tags
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Completed
from pydantic import Field

from domain.environment import EnvironmentName, Purpose
from domain.report import Journey, StageReport

R = TypeVar("R", StageReport, Journey)

WAITING = "Aguardando"

# How the forms in the Prefect UI ask for a municipality; Prefect would show the parameter's own name as its title.
MUNICIPALITY = Field(
    description="Nome curto do município, como em ./implanta municipality list: timoteo.",
    json_schema_extra={"title": "Município"},
)


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
