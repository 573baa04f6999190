"""Every night: what each environment's databases hold, told to the registry, and the map of the fleet made of it."""

from typing import Annotated

from prefect import flow

from domain.campaign.version_map import VersionMap
from domain.fleet_failures import FleetFailures
from flows.fleet import over_fleet
from flows.forms import asked
from flows.stage import at_most
from tasks.clock import today
from tasks.sightings import environments_to_see, see_environment
from tasks.version_map import publish_map, version_map

AT_ONCE = 4

Environments = Annotated[
    list[str] | None,
    asked("Ambientes", "Ler só os bancos destes ambientes, como timoteo-producao; vazio: todos."),
]


@flow(name="mapa das versões", flow_run_name="mapa das versões", task_runner=at_most(AT_ONCE))
def map_versions(environments: Environments = None) -> VersionMap:
    """Look into each environment; one that cannot be read stops no other, and fails the run at its end."""
    names = environments_to_see(environments)
    results = over_fleet(see_environment, names, at_once=AT_ONCE)
    found = version_map()
    publish_map(today(), found)
    FleetFailures.of(results).raise_if_any(
        "{number} ambientes não puderam ser lidos para o mapa das versões", "Veja a causa de cada um e execute de novo."
    )
    return found
