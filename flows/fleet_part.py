"""One part of a fleet's routine, on a worker of the database server that its environments are on."""

from typing import Annotated, Any

from prefect import Task, flow

from domain.fleet_failures import FleetFailures
from flows.forms import asked
from flows.stage import at_most, results_of
from tasks.backup_night import back_up_environment
from tasks.fleet_parts import FLOW
from tasks.sightings import see_environment

UNITS: dict[str, Task[..., Any]] = {unit.name: unit for unit in (back_up_environment, see_environment)}
"""What may be done in parts, by the name of the step."""


@flow(name=FLOW)
def fleet_part(
    unit: Annotated[str, asked("Passo", "O passo que é feito em cada ambiente, como versões e desvios.")],
    environments: Annotated[list[str], asked("Ambientes", "Os ambientes desta parte, todos do mesmo servidor.")],
    at_once: Annotated[int, asked("Simultâneos", "Quantos de cada vez.", ge=1, le=16)] = 1,
) -> int:
    """Do one step to each of the environments; one's failure stops no other, and fails the run at its end.

    Whoever started it reads what came of each from the runs of the step. Answers how many were done.
    """
    step = UNITS[unit]
    with at_most(at_once) as runner:
        results = results_of(environments, [runner.submit(step, {"environment": name}) for name in environments])
    failures = FleetFailures.of(results)
    failures.raise_if_any("{number} ambientes desta parte falharam", "Veja a causa de cada um na rotina que a iniciou.")
    return len(environments)
