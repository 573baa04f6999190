"""Where a new environment's databases go: capacity first, then apart from their own, then the least occupied."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from domain.placement import Demand, Placed, Placement, ServerCapacity, beyond, choose_server


def make_server(name: str, **changes: int | bool) -> ServerCapacity:
    facts: dict[str, int | bool] = {"environments": 10, "connections": 500, "memory_mb": 4096, "storage_gb": 200}
    return ServerCapacity.model_validate({"name": name, **facts, **changes})


def make_demand(slug: str = "timoteo-producao", connections: int = 50) -> Demand:
    return Demand(environment=EnvironmentName.parse(slug), connections=connections, memory_mb=256, storage_gb=20)


def placed(server: str, slug: str, connections: int = 50) -> Placed:
    return Placed(server=server, demand=make_demand(slug, connections))


SLUGS = [f"cidade{number}-{purpose}" for number in range(6) for purpose in ("treinamento", "producao")]
SERVERS = st.lists(
    st.builds(
        make_server,
        name=st.sampled_from(["alfa", "beta", "gama", "delta"]),
        environments=st.integers(1, 6),
        connections=st.integers(50, 400),
        accepts_new=st.booleans(),
    ),
    unique_by=lambda server: server.name,
)


@given(SERVERS, st.permutations(SLUGS))
def test_no_server_is_ever_filled_beyond_what_it_takes(servers: list[ServerCapacity], slugs: list[str]) -> None:
    there: list[Placed] = []
    for slug in slugs:
        try:
            chosen = choose_server(make_demand(slug), servers, there).server
        except InvalidInputError:
            continue
        there.append(placed(chosen, slug))
    for server in servers:
        mine = [known.demand for known in there if known.server == server.name]
        assert len(mine) <= server.environments
        assert sum(demand.connections for demand in mine) <= server.connections
        assert server.accepts_new or not mine


@given(SERVERS, st.integers(0, 999))
def test_the_same_facts_in_any_order_choose_the_same_server(servers: list[ServerCapacity], seed: int) -> None:
    there = [placed(server.name, slug) for server, slug in zip(servers, SLUGS, strict=False)]

    def choose() -> Placement | str:
        try:
            return choose_server(make_demand(), servers, there)
        except InvalidInputError as refusal:
            return str(refusal)

    first = choose()
    random.Random(seed).shuffle(servers)
    random.Random(seed).shuffle(there)
    assert choose() == first


def test_training_and_production_of_one_municipality_are_kept_apart_while_that_is_possible() -> None:
    servers = [make_server("primeiro"), make_server("segundo", connections=100)]
    there = [placed("primeiro", "timoteo-treinamento")]
    placement = choose_server(make_demand(), servers, there)
    assert placement.server == "segundo", "though it is fuller"
    assert placement.reasons == (
        "servidor de banco escolhido: segundo, o menos ocupado dos que não têm outro ambiente do município,"
        " para que uma parada nunca leve os dois",
        "segundo ficaria com 50% de ocupação"
        " (ambientes 1 de 10, conexões 50 de 100, memória 256 de 4096 MB, disco 20 de 200 GB)",
        "primeiro ficaria com 20% de ocupação"
        " (ambientes 2 de 10, conexões 100 de 500, memória 512 de 4096 MB, disco 40 de 200 GB);"
        " já tem timoteo-treinamento",
    )
    alone = choose_server(make_demand(), servers[:1], there)
    assert alone.server == "primeiro"
    assert "todos os que têm lugar já têm um ambiente do município" in alone.reasons[0]


def test_the_least_occupied_server_is_chosen_and_the_first_by_name_among_equals() -> None:
    servers = [make_server("b"), make_server("a")]
    assert choose_server(make_demand(), servers, []).server == "a"
    assert choose_server(make_demand(), servers, [placed("a", "lavras-producao")]).server == "b"


def test_an_environment_does_not_stand_in_its_own_way() -> None:
    one = make_server("a", environments=1)
    assert choose_server(make_demand(), [one], [placed("a", "timoteo-producao")]).server == "a"


def test_when_none_has_room_each_is_named_with_its_reason() -> None:
    servers = [
        make_server("cheio", environments=1),
        make_server("pequeno", connections=40, storage_gb=10),
        make_server("em-reparo", accepts_new=False),
    ]
    with pytest.raises(InvalidInputError) as refusal:
        choose_server(make_demand(), servers, [placed("cheio", "lavras-producao")])
    assert refusal.value.what == (
        "Nenhum servidor MariaDB tem lugar para timoteo-producao: cheio não cabe: ambientes 2 de 1;"
        " em-reparo não recebe ambientes novos; pequeno não cabe: conexões 50 de 40, disco 20 de 10 GB"
    )
    with pytest.raises(InvalidInputError, match="nenhum cadastrado"):
        choose_server(make_demand(), [], [])


def test_what_comes_beyond_a_server_s_limits_is_named_and_whoever_came_already_counts_once() -> None:
    server = make_server("a", environments=2)
    there = [placed("a", "lavras-producao"), placed("b", "viana-producao")]
    assert beyond(server, [make_demand()], there) == ()
    assert beyond(server, [make_demand()], [*there, placed("a", "timoteo-producao")]) == ()
    assert beyond(server, [make_demand()], [*there, placed("a", "viana-treinamento")]) == ("ambientes 3 de 2",)
