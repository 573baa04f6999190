"""What the system that operates the state's own SEI tells: a release was published, a release is ready there."""

from datetime import date
from typing import Annotated, cast

from prefect import flow
from prefect.states import Completed

from flows.forms import asked
from flows.stage import WAITING
from tasks.state_releases import ReleaseOutlook, publish_outlook, record_received

Release = Annotated[
    str,
    asked("Versão", "Código da versão, como em ./implanta release list: 4.1.0."),
]
ReadyOn = Annotated[date, asked("Pronta em", "Dia em que ficou pronta no SEI do estado.")]


@flow(name="versão publicada", flow_run_name="versão {release} publicada")
def release_published(release: Release) -> ReleaseOutlook:
    """Show whom a new release would reach and when; it waits while the catalog does not say how to get there."""
    return _as_run_state(publish_outlook(release))


@flow(name="versão no estado", flow_run_name="versão {release} pronta no estado")
def state_upgraded(release: Release, ready_on: ReadyOn) -> ReleaseOutlook:
    """Let the wait between the state and everybody else begin; again, the same changes nothing."""
    record_received(release, ready_on)
    return _as_run_state(publish_outlook(release))


def _as_run_state(outlook: ReleaseOutlook) -> ReleaseOutlook:
    name = WAITING if outlook.waiting_for else None
    return cast(ReleaseOutlook, Completed(name=name, message=outlook.told, data=outlook))
