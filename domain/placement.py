"""On which database server a new environment goes.

A server that has room for every demand is a candidate. Among candidates one without another environment of the same
municipality comes first: a server that falls or is being upgraded then never takes training and production together,
and a training class does not slow the counter of the same city hall. That is a wish, not a condition: with one server
everything goes there. Then the least occupied, then the first by name. An environment that exists is never moved:
whoever calls this asks only for new ones.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import NonNegativeInt, PositiveInt

from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.sizing import Sizing


class ServerCapacity(Frozen):
    """What one server takes in all; `accepts_new` is off while somebody empties or repairs it."""

    name: str
    environments: PositiveInt
    connections: PositiveInt
    memory_mb: PositiveInt
    storage_gb: PositiveInt
    accepts_new: bool = True


class Demand(Frozen):
    """What one environment asks of the server that holds it."""

    environment: EnvironmentName
    connections: NonNegativeInt
    memory_mb: NonNegativeInt
    storage_gb: NonNegativeInt

    @classmethod
    def of(cls, environment: EnvironmentName, sizing: Sizing) -> "Demand":
        """The database's part of an environment's size."""
        return cls(
            environment=environment,
            connections=sizing.database_connections,
            memory_mb=sizing.database_memory_mb,
            storage_gb=sizing.database_storage_gb,
        )


class Placed(Frozen):
    """An environment that is there already, and where."""

    server: str
    demand: Demand


class Placement(Frozen):
    """The server chosen, and in Portuguese lines why it and not the others."""

    server: str
    reasons: tuple[str, ...]


class _Load(NamedTuple):
    """One limit of one server, with the new environment in it."""

    label: str
    unit: str
    used: int
    limit: int

    def __str__(self) -> str:
        return f"{self.label} {self.used} de {self.limit}{self.unit}"


def choose_server(demand: Demand, servers: Iterable[ServerCapacity], placed: Iterable[Placed]) -> Placement:
    """The server for a new environment; the same facts, in whatever order, always choose the same one.

    Raises:
        InvalidInputError: no server takes it; the message names each and why.
    """
    there = [known for known in placed if known.demand.environment != demand.environment]
    candidates: list[tuple[bool, float, str]] = []
    told: dict[str, str] = {}
    refusals = []
    for server in sorted(servers, key=lambda server: server.name):
        mine = [known.demand for known in there if known.server == server.name]
        loads = _loads(server, [*mine, demand])
        full = [load for load in loads if load.used > load.limit]
        if not server.accepts_new or full:
            why = "não recebe ambientes novos" if not server.accepts_new else "não cabe: " + ", ".join(map(str, full))
            told[server.name] = f"{server.name} {why}"
            refusals.append(told[server.name])
            continue
        siblings = sorted(d.environment.slug for d in mine if d.environment.municipality == _municipality(demand))
        occupation = max(load.used / load.limit for load in loads)
        candidates.append((bool(siblings), occupation, server.name))
        shared = f"; já tem {', '.join(siblings)}" if siblings else ""
        told[server.name] = (
            f"{server.name} ficaria com {occupation:.0%} de ocupação ({', '.join(map(str, loads))}){shared}"
        )
    if not candidates:
        raise InvalidInputError(
            f"Nenhum servidor MariaDB tem lugar para {demand.environment}: "
            + ("; ".join(refusals) or "nenhum cadastrado"),
            "blocos implanta-mariadb",
            "Cadastre outro servidor na tela Blocks do Prefect, ou aumente a capacidade escrita no bloco de um deles.",
        )
    shares, _, chosen = min(candidates)
    apart = (
        "o menos ocupado; todos os que têm lugar já têm um ambiente do município"
        if shares
        else "o menos ocupado dos que não têm outro ambiente do município, para que uma parada nunca leve os dois"
    )
    return Placement(
        server=chosen,
        reasons=(
            f"servidor de banco escolhido: {chosen}, {apart}",
            *(text for _, text in sorted(told.items(), key=lambda item: (item[0] != chosen, item[0]))),
        ),
    )


def beyond(server: ServerCapacity, arriving: Iterable[Demand], placed: Iterable[Placed]) -> tuple[str, ...]:
    """Which limits a server would break if these environments came to those it has; one that came counts once."""
    demands = {known.demand.environment: known.demand for known in placed if known.server == server.name}
    demands |= {demand.environment: demand for demand in arriving}
    return tuple(str(load) for load in _loads(server, list(demands.values())) if load.used > load.limit)


def _municipality(demand: Demand) -> str:
    return demand.environment.municipality


def _loads(server: ServerCapacity, demands: list[Demand]) -> list[_Load]:
    return [
        _Load("ambientes", "", len(demands), server.environments),
        _Load("conexões", "", sum(demand.connections for demand in demands), server.connections),
        _Load("memória", " MB", sum(demand.memory_mb for demand in demands), server.memory_mb),
        _Load("disco", " GB", sum(demand.storage_gb for demand in demands), server.storage_gb),
    ]
