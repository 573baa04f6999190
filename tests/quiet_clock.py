"""A lab whose worker does by the clock only what a test can stand: no sweep over environments that others broke."""

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

EVERY_FEW_MINUTES = ("monitoramento",)


def stop_the_clock() -> None:
    """Switch off the schedules of what would meddle with a test that takes minutes; whoever wants it calls it."""
    names = DeploymentFilter(name=DeploymentFilterName(any_=list(EVERY_FEW_MINUTES)))
    with get_client(sync_client=True) as client:
        found = client.read_deployments(deployment_filter=names)
        assert {one.name for one in found} == set(EVERY_FEW_MINUTES)
        for deployment in found:
            for schedule in deployment.schedules:
                client.update_deployment_schedule(deployment.id, schedule.id, active=False)
