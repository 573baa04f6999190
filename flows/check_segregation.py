"""Every night each environment tries to reach another, by every way in; anything but a refusal fails the run."""

from prefect import flow

from domain.calendar import local_day
from domain.segregation import FleetSegregation
from flows.stage import at_most, results_of
from tasks.clock import now
from tasks.inspection import publish_segregation
from tasks.neighbourhood import list_neighbours
from tasks.segregation import probe_segregation

AT_ONCE = 4


@flow(
    name="segregação",
    flow_run_name="segregação da frota",
    task_runner=at_most(AT_ONCE),
)
def check_segregation() -> FleetSegregation:
    """Probe the whole fleet; an environment that cannot be probed stops neither the others nor the report."""
    pairs = list_neighbours()
    runs = probe_segregation.map(list(pairs), list(pairs.values()))
    results = results_of(pairs, runs)
    fleet = FleetSegregation.of(results)
    publish_segregation(local_day(now()), fleet)
    fleet.raise_if_any_failed()
    return fleet
