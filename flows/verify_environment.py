"""What an environment is, held against what it should be; nothing is changed."""

from prefect import flow

from blocks.rehearsal import rehearsing
from domain.inspection import Inspection
from flows.create_environment import PROCEDURE
from flows.forms import asked
from flows.stage import carry_out
from tasks.certificate import examine_environment
from tasks.inspection import publish_inspection
from tasks.neighbourhood import choose_neighbour
from tasks.segregation import probe_segregation

ENVIRONMENT = asked("Ambiente", "Nome do ambiente, como em ./implanta environment list: timoteo-producao.")


@flow(name="conferência", flow_run_name="{environment} · conferência")
def verify_environment(environment: str = ENVIRONMENT) -> Inspection:
    """Rehearse the creation, which names every drift, then look at all that a certificate proves.

    The run ends well when it could look at everything, whatever it saw: who asked judges the inspection.
    """
    with rehearsing():
        steps = carry_out(PROCEDURE, environment)
    facts, problems = examine_environment(environment, probe_segregation(environment, choose_neighbour(environment)))
    inspection = Inspection(environment=environment, steps=steps, facts=facts, problems=problems)
    publish_inspection(environment, inspection)
    return inspection
