"""What the flow of every stage has in common: its run's name, its artifact, and one heartbeat for the whole family."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.runtime import flow_run
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from domain.environment import EnvironmentName, Purpose


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
def one_heartbeat() -> Iterator[None]:
    """Let only the parent run send heartbeats while its subflows run in the same process.

    A sync subflow otherwise ends with up to a second of waiting for its own heartbeat thread (Prefect 3.8); when the
    process dies, the parent's silence tells as much as seven silences would.
    """
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield
