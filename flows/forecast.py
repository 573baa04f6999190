"""Every night: when each prefeitura, and the whole fleet, will be live; who joined since has its plan recorded."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from domain.planning import DEFAULT_ROUNDS, DEFAULT_SEED, MOST_ROUNDS
from domain.planning.forecast import FleetForecast
from tasks.clock import today
from tasks.schedule import forecast_fleet, publish_forecast

Rounds = Annotated[
    int,
    Field(
        ge=1,
        le=MOST_ROUNDS,
        description="Quantas vezes a frota é simulada até o fim.",
        json_schema_extra={"title": "Rodadas"},
    ),
]
Seed = Annotated[
    int,
    Field(ge=0, description="A mesma semente dá a mesma previsão.", json_schema_extra={"title": "Semente"}),
]


@flow(name="previsão", flow_run_name="previsão da frota")
def forecast_fleet_live(rounds: Rounds = DEFAULT_ROUNDS, seed: Seed = DEFAULT_SEED) -> FleetForecast:
    """Simulate what is left of everybody's implantation; one prefeitura's broken sheet stops no other's forecast."""
    day = today()
    found = forecast_fleet(day, rounds, seed)
    publish_forecast(day, found)
    found.raise_if_any_failed()
    return found
