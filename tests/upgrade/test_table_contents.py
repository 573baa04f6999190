"""What tables hold over some columns: equal for equal rows only, whatever their order and whatever else is added."""

from collections.abc import Iterator
from secrets import token_hex

import pytest

from blocks.mariadb import MariaDBServer
from blocks.table_contents import frozen
from domain.upgrade.conditions import TableContent

COLUMNS = {"t": ("a", "b", "c")}
ROWS = [("a", "bc", 1), ("ab", "c", 1), (None, "N", 2), ("", None, None)]


@pytest.fixture
def schema(server: MariaDBServer) -> Iterator[str]:
    name = f"t_conteudo_{token_hex(4)}"
    server.ensure_database(name)
    yield name
    server.drop_database(name)


def contents(
    server: MariaDBServer, schema: str, *rows: tuple[object, ...], also: str = "", quickly: bool = False
) -> TableContent:
    with server.transaction(schema) as cursor:
        cursor.execute("DROP TABLE IF EXISTS t")
        cursor.execute(f"CREATE TABLE t (a varchar(9), b longtext, c decimal(10,2) {also})")
        cursor.executemany("INSERT INTO t (a, b, c) VALUES (%s, %s, %s)", rows)
    with frozen(server, schema) as held:
        return held.contents(COLUMNS, {"t"} if quickly else set())["t"]


@pytest.mark.parametrize("quickly", [False, True])
def test_order_and_added_columns_do_not_matter(server: MariaDBServer, schema: str, quickly: bool) -> None:
    first = contents(server, schema, *ROWS, quickly=quickly)
    assert first.rows == len(ROWS)
    assert contents(server, schema, *reversed(ROWS), quickly=quickly) == first
    assert contents(server, schema, *ROWS, also=", d int NOT NULL DEFAULT 7", quickly=quickly) == first
    assert contents(server, schema, *ROWS, also=", KEY (a)", quickly=quickly) == first


@pytest.mark.parametrize("quickly", [False, True])
@pytest.mark.parametrize(
    "other",
    [
        pytest.param(ROWS[:-1], id="one less"),
        pytest.param([*ROWS, ROWS[0]], id="one twice"),
        pytest.param([("ab", "c", 1), ("ab", "c", 1), *ROWS[2:]], id="separators"),
        pytest.param([*ROWS[:2], ("N", None, 2), ROWS[3]], id="NULL in another column"),
        pytest.param([*ROWS[:3], (None, "", None)], id="NULL and empty swapped"),
        pytest.param([("a", "bc", 1.01), *ROWS[1:]], id="a cent"),
        pytest.param([("a", "bç", 1), *ROWS[1:]], id="an accent"),
        pytest.param([("a", "bc", 1), ("a", "bc", 1), *ROWS], id="a pair that would cancel itself"),
    ],
)
def test_whatever_differs_is_seen(
    server: MariaDBServer, schema: str, other: list[tuple[object, ...]], quickly: bool
) -> None:
    assert contents(server, schema, *ROWS, quickly=quickly) != contents(server, schema, *other, quickly=quickly)


def test_a_table_that_lost_a_column_or_itself_is_not_told_of(server: MariaDBServer, schema: str) -> None:
    contents(server, schema, *ROWS)
    with frozen(server, schema) as held:
        assert held.contents({"t": ("a", "z"), "u": ("a",)}) == {}


def test_what_is_held_stays_as_it_was_whatever_is_written_since(server: MariaDBServer, schema: str) -> None:
    before = contents(server, schema, *ROWS)
    with frozen(server, schema) as held:
        with server.transaction(schema) as cursor:
            cursor.execute("DELETE FROM t WHERE c = 2")
            cursor.execute("INSERT INTO t (a) VALUES ('novo')")
        assert held.contents(COLUMNS) == {"t": before}
    with frozen(server, schema) as held:
        assert held.contents(COLUMNS) != {"t": before}


def test_an_empty_table_is_not_a_missing_one(server: MariaDBServer, schema: str) -> None:
    assert contents(server, schema).rows == 0
