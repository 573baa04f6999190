"""The work pools of the database servers, and on each the deployment of a fleet's parts."""

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from domain.change import Change
from tasks import doors
from tasks.fleet_parts import DEPLOYMENT, FLOW, part_deployment

WORK_POOL = "implanta"
HEARTBEAT_SECONDS = 30
"""How often a part says that it is alive, whatever its worker was told: by its silence a dead one is known."""


def ensure_pool(client: SyncPrefectClient, name: str = WORK_POOL) -> None:
    """Make a pool, unless it is there: of whatever type and with whatever limits operators gave it."""
    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        from prefect.workers.process import ProcessWorker

        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=name, type=ProcessWorker.type, base_job_template=template))


def ensure_fleet_pools() -> Change:
    """Give each database server its pool, and there the deployment of parts as deployments.yaml has it for all."""
    created = updated = unchanged = 0
    servers = list(doors.mariadb_servers())
    with get_client(sync_client=True) as client:
        base = client.read_deployment_by_name(f"{FLOW}/{DEPLOYMENT}")
        known = {deployment.name: deployment for deployment in client.read_deployments()}
        for server in servers:
            name = part_deployment(server)
            ensure_pool(client, f"{WORK_POOL}-{server}")
            if name in known and known[name].version == base.version:
                unchanged += 1
                continue
            _deploy(client, base, name, f"{WORK_POOL}-{server}")
            created, updated = created + (name not in known), updated + (name in known)
    return Change(created=created, updated=updated, unchanged=unchanged)


def _deploy(client: SyncPrefectClient, base: DeploymentResponse, name: str, pool: str) -> None:
    beating = {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS)}}
    client.create_deployment(
        flow_id=base.flow_id,
        name=name,
        version=base.version,
        work_pool_name=pool,
        tags=base.tags,
        description=base.description,
        path=base.path,
        entrypoint=base.entrypoint,
        parameter_openapi_schema=base.parameter_openapi_schema,
        enforce_parameter_schema=base.enforce_parameter_schema,
        pull_steps=base.pull_steps,
        job_variables={**(base.job_variables or {}), **beating},
    )
