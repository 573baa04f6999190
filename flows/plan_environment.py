"""What creating or mending an environment would change; nothing is changed."""

from prefect import flow

from blocks.rehearsal import rehearsing
from domain.errors import GateClosedError, InvalidInputError
from domain.inspection import SHOWN_DIGITS, Inspection
from flows.create_environment import PROCEDURE
from flows.stage import carry_out
from flows.verify_environment import ENVIRONMENT
from tasks.blueprint import describe_environment, is_begun
from tasks.inspection import publish_inspection


@flow(name="plano", flow_run_name="{environment} · plano")
def plan_environment(environment: str = ENVIRONMENT) -> Inspection:
    """Rehearse the creation of an environment that exists; of one that does not, say what it would be and why."""
    with rehearsing():
        steps = carry_out(PROCEDURE, environment) if is_begun(environment) else ()
    plan = Inspection(environment=environment, steps=steps, facts=describe_environment(environment))
    publish_inspection(environment, plan)
    return plan


def require_same_plan(environment: str, digest: str) -> None:
    """Refuse to apply when what would be changed is no longer what was shown.

    Raises:
        InvalidInputError: that is no code of a plan.
        GateClosedError: the plan is another one now.
    """
    if len(digest) < SHOWN_DIGITS:
        raise InvalidInputError(
            f"O código {digest!r} é curto demais para identificar um plano",
            environment,
            f"Copie os {SHOWN_DIGITS} dígitos que ./implanta environment plan {environment} mostra.",
        )
    now = plan_environment(environment)
    if not now.digest.startswith(digest):
        raise GateClosedError(
            f"O plano mudou desde que foi mostrado (era {digest[:SHOWN_DIGITS]}, agora é {now.digest[:SHOWN_DIGITS]})",
            environment,
            f"Veja-o de novo com ./implanta environment plan {environment}.",
        )
