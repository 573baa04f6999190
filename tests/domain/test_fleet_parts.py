"""A fleet in parts: everybody is in one, no server has too many at once, and what a dead part left goes on."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.errors import GateClosedError, IntegrityError, RetryableError
from domain.fleet_parts import Outcomes, Part, PartLimits, error_from, gave_up, next_part

limits = st.tuples(st.integers(1, 4), st.integers(1, 8), st.integers(1, 12), st.integers(1, 30)).map(
    lambda numbers: PartLimits(per_server=numbers[0], in_all=numbers[1], least=numbers[2], most=numbers[3])
)
fleets = st.dictionaries(st.sampled_from(["principal", "segundo", "terceiro"]), st.integers(0, 90), max_size=3).map(
    lambda sizes: {server: [f"{server}-{number}" for number in range(size)] for server, size in sizes.items()}
)


@given(fleets, limits, st.randoms(use_true_random=False))
def test_everybody_is_in_one_part_and_no_server_has_more_at_once_than_it_may(
    fleet: dict[str, list[str]], limits: PartLimits, chance: Random
) -> None:
    waiting = {server: list(names) for server, names in fleet.items()}
    running: list[Part] = []
    taken: list[str] = []
    number = 1
    while any(waiting.values()) or running:
        while part := next_part(waiting, running, limits, number):
            assert part.environments == tuple(waiting[part.server][: len(part.environments)]), "in their order"
            waiting[part.server] = waiting[part.server][len(part.environments) :]
            running.append(part)
            taken += part.environments
            number += 1
            assert len(running) <= limits.in_all
            assert sum(one.server == part.server for one in running) <= limits.per_server
            assert len(part.environments) <= max(limits.least, limits.most)
        assert running, "somebody waits, and nothing runs that could let them begin"
        running.pop(chance.randrange(len(running)))
    assert sorted(taken) == sorted(name for names in fleet.values() for name in names)


def test_the_last_parts_are_small_so_that_workers_end_together() -> None:
    sizes = PartLimits(per_server=2, in_all=9, least=5, most=25)
    assert [sizes.size(waiting) for waiting in (400, 60, 12, 3)] == [25, 15, 5, 3]


def test_whom_a_dead_part_did_not_come_to_is_left() -> None:
    part = Part(number=1, server="principal", environments=("a", "b", "c", "d"))
    assert Outcomes(done=frozenset({"a"}), failed={"c": "x"}).left_of(part) == ("b", "d")
    assert Outcomes().left_of(part) == part.environments


def told(error: BaseException) -> str:
    return f"Task run encountered an exception {type(error).__name__}: {error}"


def test_an_error_comes_back_from_another_process_as_it_was() -> None:
    for error in (
        RetryableError("O servidor (o segundo) não respondeu", "10.0.0.1:3306", "Execute de novo. Depois, confira."),
        IntegrityError("A cópia foi recusada", "timoteo-producao", "Corrija a causa."),
        GateClosedError("Outra execução já está trabalhando em 'x'", "registro", "Espere."),
    ):
        back = error_from(told(error))
        assert type(back) is type(error)
        assert (str(back), back.args) == (str(error), error.args)


def test_what_is_no_error_of_ours_comes_back_as_a_defect_without_its_words() -> None:
    for message in (told(KeyError("12345678900")), "Crashed", None):
        back = error_from(message)
        assert type(back) is RuntimeError
        assert "12345678900" not in str(back)


def test_an_environment_whose_parts_died_every_time_is_told() -> None:
    assert str(gave_up("timoteo-producao")) == (
        "As 3 partes em que ele estava foram interrompidas (timoteo-producao). "
        "Confira os workers do servidor de banco dele e execute só para ele."
    )
