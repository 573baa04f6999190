"""SEI's and SIP's counters: no id twice, whoever asks at the same time, and none lost when a transaction fails."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from blocks.counters import next_sequence_ids, next_table_id, next_table_ids
from blocks.mariadb import MariaDBServer
from domain.errors import IntegrityError
from tests.blocks.conftest import ENVIRONMENT
from tests.blocks.instance import Databases


@pytest.fixture
def counters(server: MariaDBServer) -> Iterator[Databases]:
    """A schema with counters only: by ones up to 1000, by tens, and a counter table of a long name."""
    made = Databases(server, ENVIRONMENT)
    made.create()
    made.rows(
        "sip",
        "CREATE TABLE infra_sequencia (nome_tabela VARCHAR(30) PRIMARY KEY, qtd_incremento INT, num_atual INT,"
        " num_maximo INT) ENGINE=InnoDB",
    )
    made.rows("sip", "INSERT INTO infra_sequencia VALUES ('unidade', 1, 100, 1000), ('dezenas', 10, 0, 50)")
    made.rows(
        "sip",
        "CREATE TABLE seq_nome_de_tabela_que_passa_d (id INT AUTO_INCREMENT PRIMARY KEY, campo CHAR(1))"
        " ENGINE=InnoDB AUTO_INCREMENT=7",
    )
    yield made
    made.drop()


def take(counters: Databases, name: str, count: int) -> list[int]:
    with counters.server.transaction(counters.name.database_sip) as cursor:
        return next_sequence_ids(cursor, name, count)


def current(counters: Databases, name: str) -> int:
    return int(counters.one("sip", "SELECT num_atual FROM infra_sequencia WHERE nome_tabela = %s", (name,)))


def test_ids_follow_the_counter_in_its_own_steps(counters: Databases) -> None:
    assert take(counters, "unidade", 3) == [101, 102, 103]
    assert take(counters, "unidade", 1) == [104]
    assert take(counters, "dezenas", 5) == [10, 20, 30, 40, 50]
    assert (current(counters, "unidade"), current(counters, "dezenas")) == (104, 50)


def test_a_counter_at_its_end_gives_nothing_and_stays(counters: Databases) -> None:
    with pytest.raises(IntegrityError, match="Contador dezenas esgotado em 50"):
        take(counters, "dezenas", 6)
    assert current(counters, "dezenas") == 0


def test_a_counter_that_is_not_there_is_told(counters: Databases) -> None:
    with pytest.raises(IntegrityError, match="Contador inexistente não existe"):
        take(counters, "inexistente", 1)


def test_many_who_ask_at_once_never_get_the_same_id(counters: Databases) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        taken = [number for ids in pool.map(lambda _: take(counters, "unidade", 5), range(40)) for number in ids]
    assert sorted(taken) == list(range(101, 301))


def test_a_transaction_that_fails_gives_its_ids_back(counters: Databases) -> None:
    with (
        pytest.raises(IntegrityError, match="erro 1146"),
        counters.server.transaction(counters.name.database_sip) as cursor,
    ):
        next_sequence_ids(cursor, "unidade", 3)
        cursor.execute("SELECT * FROM tabela_que_nao_existe")
    assert take(counters, "unidade", 1) == [101]


def test_the_name_of_a_counter_table_is_cut_as_sei_cuts_it(counters: Databases) -> None:
    with counters.server.transaction(counters.name.database_sip) as cursor:
        ids = [next_table_id(cursor, "nome_de_tabela_que_passa_de_trinta") for _ in range(2)]
    assert ids == [7, 8]


def test_ids_taken_together_are_those_that_a_cluster_gave(counters: Databases) -> None:
    table = "nome_de_tabela_que_passa_de_trinta"
    with counters.server.transaction(counters.name.database_sip) as cursor:
        cursor.execute("SET auto_increment_increment = 3")
        taken = next_table_ids(cursor, table, 4, increment=3)
        cursor.execute(f"SELECT id FROM {f'seq_{table}'[:30]} ORDER BY id")
        assert taken == [number for (number,) in cursor.fetchall()]
    assert taken[1] - taken[0] == 3
