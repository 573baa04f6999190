"""`./implanta deploy`: registry, blocks and deployments, brought to what this checkout says."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import yaml
from pydantic import Field, JsonValue, ValidationError

from blocks.settings import PROJECT_ROOT, Settings
from domain.change import Change
from domain.errors import InvalidInputError, RetryableError
from domain.model import Frozen

DEPLOYMENTS = PROJECT_ROOT / "deployments.yaml"
WORK_POOL = "implanta"


class WorkPool(Frozen):
    """Where a deployment runs."""

    name: str
    job_variables: dict[str, JsonValue] = Field(default_factory=dict)


class Concurrency(Frozen):
    """How many runs of a deployment at once, and what becomes of the next one."""

    limit: int = Field(ge=1)
    collision_strategy: str = Field(pattern="^(ENQUEUE|CANCEL_NEW)$")


class Deployment(Frozen):
    """One entry of deployments.yaml; Prefect itself ignores a mistyped key, we do not."""

    name: str
    version: str
    entrypoint: str = Field(pattern=r"^flows/[a-z_]+\.py:[a-z_]+$")
    description: str
    tags: tuple[str, ...] = ()
    work_pool: WorkPool
    concurrency_limit: Concurrency | None = None


class DeploymentsFile(Frozen):
    """The whole file."""

    definitions: dict[str, JsonValue] = Field(default_factory=dict)
    pull: tuple[str, ...]
    deployments: tuple[Deployment, ...] = Field(min_length=1)


def read_deployments(path: Path = DEPLOYMENTS) -> DeploymentsFile:
    """The file, checked strictly.

    Raises:
        InvalidInputError: a key is unknown or a value has the wrong shape.
    """
    try:
        return DeploymentsFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as e:
        raise InvalidInputError("deployments.yaml inválido", str(path), f"Corrija: {e}") from None


def deploy(settings: Settings) -> dict[str, Change]:
    """Converge registry, blocks and deployments; say what changed in each.

    Raises:
        RetryableError: the Prefect server or the registry does not answer.
    """
    from lab.blocks import ensure_blocks
    from lab.state import load_state
    from registry import migrate

    changes = {"registro": migrate(settings.registry_url)}
    if settings.lab_dir is not None:
        changes["blocos"] = ensure_blocks(load_state(settings.lab_dir))
    changes["deployments"] = _ensure_deployments(read_deployments())
    return changes


def _ensure_deployments(wanted: DeploymentsFile) -> Change:
    version = _version()
    current = _deployed_versions()
    names = [deployment.name for deployment in wanted.deployments]
    if all(current.get(name) == version for name in names):
        return Change(unchanged=len(names))
    _prefect("work-pool", "create", WORK_POOL, "--type", "process", "--overwrite")
    _prefect("deploy", "--prefect-file", str(DEPLOYMENTS), "--all", version=version)
    created = sum(name not in current for name in names)
    return Change(created=created, updated=len(names) - created)


def _version() -> str:
    """Changes whenever what a deployment is made of changes: the file, or a flow's signature."""
    digest = hashlib.sha256()
    for path in [DEPLOYMENTS, *sorted((PROJECT_ROOT / "flows").glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _deployed_versions() -> dict[str, str | None]:
    import httpx
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            return {deployment.name: deployment.version for deployment in client.read_deployments()}
    except httpx.HTTPError as e:
        raise _unreachable(type(e).__name__) from None


def _prefect(*arguments: str, version: str = "") -> None:
    """Prefect's own command line does what a deployment file means; there is no call in its library for it."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, "IMPLANTA_VERSION": version},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "sem mensagem").splitlines()[-1]
        raise _unreachable(f"{arguments[0]}: {last}")


def _unreachable(detail: str) -> RetryableError:
    return RetryableError(
        f"O Prefect não registrou os deployments ({detail})",
        os.environ["PREFECT_API_URL"],
        "Confira o servidor com ./implanta lab status e execute de novo.",
    )
