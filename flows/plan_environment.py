"""What creating or mending an environment would change; nothing is changed."""

from prefect import flow

from blocks.rehearsal import rehearsing
from domain.inspection import Inspection
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
