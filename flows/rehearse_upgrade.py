"""Try an environment's upgrade on a restored copy of it."""

from prefect import flow

from domain.environment import EnvironmentName
from domain.errors import IntegrityError
from domain.upgrading import RehearsalRecord
from flows.stage import tagged
from flows.upgrade_environment import TO_VERSION, Accepted
from flows.verify_environment import ENVIRONMENT
from tasks.upgrade_rehearsal import rehearse


@flow(name="ensaio da atualização", flow_run_name="{environment} · ensaio da {version}")
def rehearse_upgrade(
    environment: str = ENVIRONMENT, version: str = TO_VERSION, accept: Accepted = None
) -> RehearsalRecord:
    """Upgrade a restored copy of the environment: how long it takes, and what would fail; the environment stays as is.

    The run fails when the rehearsal did, so that it is seen; the registry keeps what came of it either way.
    """
    name = EnvironmentName.parse(environment)
    with tagged(name.municipality, name.purpose):
        record = rehearse(environment, version, tuple(accept or ()))
    if record.failure:
        raise IntegrityError(
            record.failure.cause,
            f"{environment}, ensaio da {version}, {record.failure.step}",
            "O ambiente não foi tocado. Corrija a causa e ensaie de novo.",
        )
    return record
