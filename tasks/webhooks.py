"""Webhooks out of the outbox: each one starts its flow run, once, whoever delivers and however often."""

from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.responses import DeploymentResponse

from blocks.catalog import Catalog
from blocks.settings import load_settings
from domain.errors import InvalidInputError, RetryableError, told
from domain.model import Frozen
from domain.webhook.contracts import AboutStateRelease, read_contract
from domain.webhook.delivery import idempotency_key
from registry import WebhookRecord
from tasks import clock, doors
from tasks.prefect_errors import explaining_prefect, require_answer


class Delivery(Frozen):
    """What one round did, in numbers; and why what did not start did not."""

    started: int = 0
    postponed: int = 0
    failed: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: "Delivery") -> "Delivery":
        return Delivery(
            started=self.started + other.started,
            postponed=self.postponed + other.postponed,
            failed=self.failed + other.failed,
            problems=(*self.problems, *other.problems),
        )


def deliver_due() -> Delivery:
    """Start the flow of every webhook that is due, those of one municipality in the order in which they came.

    Raises:
        RetryableError: the registry does not answer.
    """
    total = Delivery()
    while due := doors.registry().webhooks.due(clock.now()):
        before = total
        for source, webhook_id in due:
            total += _deliver(source, webhook_id)
            if total.postponed:  # a system is down, for the others as well
                return total
        if total == before:  # what is left is another process's
            return total
    return total


def drop_old_bodies() -> int:
    """Forget what the webhooks said whose days are over; how many those were."""
    return doors.registry().webhooks.drop_bodies(clock.now() - timedelta(days=Catalog().webhooks().kept_days))


def _deliver(source: str, webhook_id: str) -> Delivery:
    """Deliver one. Killed between the start and its record, it is asked for again, and Prefect answers the same run."""
    with doors.registry().webhooks.claim(source, webhook_id, clock.now()) as claim:
        if claim is None:
            return Delivery()
        where = f"{source}/{webhook_id}"
        try:
            flow_run_id = start_flow(claim.record)
        except RetryableError as error:
            claim.postpone(told(error), clock.now())
            return Delivery(postponed=1, problems=(f"{where}: {told(error)}",))
        except Exception as error:  # a defect would otherwise hold up every webhook behind it
            claim.fail(told(error), clock.now())
            return Delivery(failed=1, problems=(f"{where}: {told(error)}",))
        claim.start(flow_run_id, clock.now())
    return Delivery(started=1)


def start_flow(webhook: WebhookRecord) -> str:
    """Start the flow of a webhook as the catalog says; the id of the run, the same one however often it is asked for.

    Raises:
        RetryableError: Prefect does not answer.
        InvalidInputError: nobody listens to its source any more, or the deployment does not exist.
        IntegrityError: the deployment does not take these parameters.
    """
    rule = Catalog().webhooks().of(webhook.source)
    if rule is None or webhook.body is None:
        raise InvalidInputError(
            "Esta origem não está mais no catálogo",
            f"catalog/webhooks.yaml, {webhook.source.value}",
            "Ponha-a de volta.",
        )
    contract = read_contract(webhook.source, webhook.body.encode())
    parameters = rule.parameters_of(contract)
    of_whom = webhook.municipality if isinstance(contract, AboutStateRelease) else f"município:{webhook.municipality}"
    api_url = load_settings().prefect_api_url
    require_answer(api_url)
    with explaining_prefect(api_url), get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(
            _find(client, rule.deployment).id,
            parameters=parameters,
            tags=["webhook", of_whom],
            idempotency_key=idempotency_key(webhook.source, webhook.webhook_id),
        )
    return str(run.id)


def _find(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    found = client.read_deployments(deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[name])))
    if len(found) != 1:
        raise InvalidInputError(
            f"O deployment '{name}' não existe, ou há vários com este nome",
            "catalog/webhooks.yaml",
            "Registre-o com ./implanta deploy e continue com ./implanta webhook replay.",
        )
    return found[0]
