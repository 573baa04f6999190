"""`./implanta deploy`: registry, blocks and deployments, brought to what this checkout says."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import yaml
from pydantic import Field, JsonValue, ValidationError

from blocks.catalog import Catalog
from blocks.settings import PROJECT_ROOT, Settings
from domain.alerts import AlertRule
from domain.change import Change
from domain.errors import InvalidInputError, RetryableError
from domain.model import Frozen
from domain.webhook.rule import WebhookTable
from tasks.prefect_errors import explaining_prefect

DEPLOYMENTS = PROJECT_ROOT / "deployments.yaml"


class WorkPool(Frozen):
    """Where a deployment runs."""

    name: str
    job_variables: dict[str, JsonValue] = Field(default_factory=dict)


class Concurrency(Frozen):
    """How many runs of a deployment at once, and what becomes of the next one."""

    limit: int = Field(ge=1)
    collision_strategy: str = Field(pattern="^(ENQUEUE|CANCEL_NEW)$")


class Schedule(Frozen):
    """When a deployment runs by itself. Prefect knows it by its slug: a new slug is one schedule more."""

    cron: str
    timezone: str = Field(pattern="^America/Sao_Paulo$")
    slug: str = Field(pattern="^[a-z][a-z0-9-]*$")
    active: bool = True


class Deployment(Frozen):
    """One entry of deployments.yaml; Prefect itself ignores a mistyped key, we do not."""

    name: str
    version: str
    entrypoint: str = Field(pattern=r"^flows/[a-z_]+\.py:[a-z_]+$")
    description: str
    tags: tuple[str, ...] = ()
    work_pool: WorkPool
    concurrency_limit: Concurrency | None = None
    schedules: tuple[Schedule, ...] = ()


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


def require_deployments_of_webhooks(wanted: DeploymentsFile, table: WebhookTable) -> None:
    """Refuse a catalog whose webhooks would start something that does not exist.

    Raises:
        InvalidInputError: a rule names no deployment of the file.
    """
    names = {deployment.name for deployment in wanted.deployments}
    if unknown := sorted({rule.deployment for rule in table.rules} - names):
        raise InvalidInputError(
            f"Webhooks falam de deployments que não existem: {', '.join(unknown)}",
            "catalog/webhooks.yaml",
            "Use os nomes de deployments.yaml.",
        )


def require_deployments_of_alerts(wanted: DeploymentsFile, rule: AlertRule) -> None:
    """Refuse a catalog that would watch what does not exist, and so would never be silent, or always.

    Raises:
        InvalidInputError: the rule names no deployment of the file.
    """
    if unknown := sorted(rule.named - {deployment.name for deployment in wanted.deployments}):
        raise InvalidInputError(
            f"Avisos falam de deployments que não existem: {', '.join(unknown)}",
            "catalog/alerts.yaml",
            "Use os nomes de deployments.yaml.",
        )


def deploy(settings: Settings) -> dict[str, Change]:
    """Converge registry, blocks and deployments; say what changed in each.

    Raises:
        RetryableError: the Prefect server or the registry does not answer.
        InvalidInputError: one of them refuses these credentials.
    """
    from cli.automations import ensure_automations
    from cli.fleet_pools import ensure_fleet_pools
    from lab.blocks import ensure_blocks
    from lab.state import load_state
    from registry import migrate

    wanted, rule = read_deployments(), Catalog().alerts()
    require_deployments_of_webhooks(wanted, Catalog().webhooks())
    require_deployments_of_alerts(wanted, rule)
    changes = {"registro": migrate(settings.registry_url)}
    with explaining_prefect(settings.prefect_api_url):
        changes["blocos"] = _ensure_block_types()
        if settings.lab_dir is not None:
            changes["blocos"] += ensure_blocks(load_state(settings.lab_dir))
        changes["deployments"] = _ensure_deployments(wanted)
        names = [deployment.name for deployment in wanted.deployments]
        in_parts = settings.fleet_parts_per_server is not None
        if in_parts:
            changes["pools"] = ensure_fleet_pools()
        changes["automações"] = ensure_automations(rule, names, in_parts=in_parts)
    return changes


def missing_blocks(settings: Settings) -> tuple[str, ...]:
    """The blocks that every flow needs and that nobody has saved yet, as `type/name`."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    from tasks.doors import MAIN, SHARED_BLOCK_TYPES

    wanted = [f"{kind.get_block_type_slug()}/{MAIN}" for kind in SHARED_BLOCK_TYPES]
    missing = []
    with explaining_prefect(settings.prefect_api_url), get_client(sync_client=True) as client:
        named = (settings.runtime_block, settings.ssc_block, settings.edge_block, settings.certificate_block)
        for block in (
            *wanted,
            *named,
            *filter(None, (settings.dns_block, settings.training_block, settings.returns_block)),
        ):
            slug, _, name = block.partition("/")
            try:
                client.read_block_document_by_name(name, slug, include_secrets=False)
            except ObjectNotFound:
                missing.append(block)
    return tuple(missing)


def _ensure_block_types() -> Change:
    """Let the server's Blocks screen offer every type of ours, in this checkout's shape."""
    from prefect.client.orchestration import get_client

    from tasks.doors import BLOCK_TYPES

    with get_client(sync_client=True) as client:
        before = {schema.checksum for schema in client.read_block_schemas()}
        for kind in BLOCK_TYPES:
            kind.register_type_and_schema()
        after = {schema.checksum for schema in client.read_block_schemas()}
    created = len(after - before)
    return Change(created=created, unchanged=len(BLOCK_TYPES) - created)


def _ensure_deployments(wanted: DeploymentsFile) -> Change:
    from prefect.client.orchestration import get_client

    from cli.fleet_pools import ensure_pool

    version = _version()
    current = _deployed_versions()
    names = [deployment.name for deployment in wanted.deployments]
    if all(current.get(name) == version for name in names):
        return Change(unchanged=len(names))
    with get_client(sync_client=True) as client:
        ensure_pool(client)
    _deploy_all(version)
    created = sum(name not in current for name in names)
    return Change(created=created, updated=len(names) - created)


def _version() -> str:
    """Changes whenever what a deployment is made of changes: the file, a flow's signature, or where they lie."""
    digest = hashlib.sha256(str(PROJECT_ROOT).encode())
    for path in [DEPLOYMENTS, *sorted((PROJECT_ROOT / "flows").glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _deployed_versions() -> dict[str, str | None]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return {deployment.name: deployment.version for deployment in client.read_deployments()}


def _deploy_all(version: str) -> None:
    """Prefect's own command line does what a deployment file means; there is no call in its library for it."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--prefect-file", DEPLOYMENTS, "--all"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "IMPLANTA_VERSION": version},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "sem mensagem").splitlines()[-1]
        raise RetryableError(
            f"O Prefect não registrou os deployments ({last})",
            os.environ["PREFECT_API_URL"],
            "Confira o servidor com ./implanta lab status e execute de novo.",
        )
