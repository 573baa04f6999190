"""Every night: when each prefeitura, and the whole fleet, will be live; who joined since has its plan recorded."""

from typing import Annotated

from prefect import flow

from domain.planning import DEFAULT_ROUNDS, DEFAULT_SEED, MOST_ROUNDS
from domain.planning.forecast import FleetForecast
from flows.forms import asked
from tasks.clock import today
from tasks.schedule import forecast_fleet, publish_forecast

Rounds = Annotated[
    int,
    asked("Rodadas", "Quantas vezes a frota é simulada até o fim.", ge=1, le=MOST_ROUNDS),
]
Seed = Annotated[
    int,
    asked("Semente", "A mesma semente dá a mesma previsão.", ge=0),
]


@flow(name="previsão", flow_run_name="previsão da frota")
def forecast_fleet_live(rounds: Rounds = DEFAULT_ROUNDS, seed: Seed = DEFAULT_SEED) -> FleetForecast:
    """Simulate what is left of everybody's implantation; one prefeitura's broken sheet stops no other's forecast."""
    day = today()
    found = forecast_fleet(day, rounds, seed)
    publish_forecast(day, found)
    found.raise_if_any_failed()
    return found
