"""Views are made again in an order that the server takes."""

from itertools import permutations

import pytest

from blocks.mariadb import MariaDBServer
from blocks.reference import find_reference
from blocks.release_run import run_statements
from domain.upgrade.definitions_plan import Definition, in_order_of_need, plan_definitions
from tests.upgrade.conftest import Load

VIEWS = [
    Definition("VIEW", "m", "VIEW m", "CREATE VIEW `m` AS SELECT `nome` FROM `z`", ""),
    Definition("VIEW", "a", "VIEW a", "CREATE VIEW `a` AS SELECT `nome` FROM `m`", ""),
    Definition("VIEW", "z", "VIEW z", "CREATE VIEW `z` AS SELECT `nome` FROM `menu`", ""),
]
FUNCTION = Definition("FUNCTION", "f", "FUNCTION f", "CREATE FUNCTION `f`() RETURNS int RETURN 1", "")


@pytest.mark.parametrize("views", permutations(VIEWS))
def test_views_come_after_those_they_rest_on_in_whatever_order_they_are_read(views: tuple[Definition, ...]) -> None:
    assert [found.name for found in in_order_of_need([FUNCTION, *views])] == ["f", "z", "m", "a"]


def test_views_that_name_each_other_keep_their_names_order() -> None:
    pair = [
        Definition("VIEW", "b", "VIEW b", "CREATE VIEW `b` AS SELECT `a` FROM `menu`", ""),
        Definition("VIEW", "a", "VIEW a", "CREATE VIEW `a` AS SELECT `b` FROM `menu`", ""),
    ]
    assert [found.name for found in in_order_of_need(pair)] == ["a", "b"]


def test_the_server_makes_them_in_that_order(server: MariaDBServer, load: Load) -> None:
    schema = load(find_reference("4.1.0", None).sip)
    _, creations = plan_definitions([], in_order_of_need(VIEWS))
    run_statements(server, schema, [statement for statement in creations if not statement.rows])
    with server.transaction(schema) as cursor:
        cursor.execute("SELECT COUNT(*) > 0, COUNT(*) = (SELECT COUNT(*) FROM menu) FROM a")
        assert cursor.fetchone() == (1, 1)
