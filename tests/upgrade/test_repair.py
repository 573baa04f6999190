"""A structure that drifted is brought back by the statements that the comparison gives, one drift at a time."""

import pytest

from blocks.mariadb import MariaDBServer
from blocks.reference import find_reference
from blocks.release_package import repair_statements
from blocks.release_reading import Ground, read_ground
from blocks.release_run import run_statements
from domain.errors import InvalidInputError
from domain.structure import differences
from tests.reference.test_structure import DRIFTS
from tests.upgrade.conftest import Load

MORE = {
    "a column gets a comment": "ALTER TABLE menu MODIFY nome varchar(50) NOT NULL COMMENT 'x, `y` (z)'",
    "a table gets a comment": "ALTER TABLE menu COMMENT = 'outro'",
    "a column of a lost key changes its type": (
        "ALTER TABLE sistema DROP FOREIGN KEY fk_sistema_orgao; ALTER TABLE sistema MODIFY id_orgao bigint NOT NULL"
    ),
    "a column that may be null is dropped": "ALTER TABLE menu DROP COLUMN descricao",
    "every column moves": (
        "ALTER TABLE hierarquia MODIFY id_hierarquia int NOT NULL AFTER sin_ativo;"
        "ALTER TABLE hierarquia MODIFY sin_ativo char(1) NOT NULL FIRST"
    ),
    "the primary key is of other columns": (
        "ALTER TABLE infra_parametro DROP PRIMARY KEY; ALTER TABLE infra_parametro ADD PRIMARY KEY (nome(40))"
    ),
    "a column is generated": "ALTER TABLE menu ADD COLUMN g varchar(60) AS (CONCAT(nome, 'x')) STORED",
    "the table's charset changes": "ALTER TABLE infra_parametro CONVERT TO CHARACTER SET utf8mb4",
    "a trigger follows another": (
        "CREATE TRIGGER a BEFORE INSERT ON menu FOR EACH ROW SET NEW.sin_ativo = 'N';"
        "CREATE TRIGGER b BEFORE INSERT ON menu FOR EACH ROW SET NEW.sin_ativo = 'S'"
    ),
}
# What cannot come back as it was: the values of an obligatory column.
NEEDS_VALUES = "a column is dropped"
# What is of no release may be a module's.
SPARED = "a table is added"
# Aria writes options of its own into every table that it takes: none of ours is to be one. A table too many stays.
ONE_WAY = ("the engine changes", "a table is dropped")
STATEMENTS = {name: sql for name, (sql, _) in DRIFTS.items() if name not in (NEEDS_VALUES, SPARED)} | MORE


def ground(server: MariaDBServer, schema: str) -> Ground:
    with server.transaction(schema) as cursor:
        return read_ground(cursor, schema)


def drift(server: MariaDBServer, schema: str, sql: str) -> None:
    with server.transaction(schema) as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        for statement in sql.split(";"):
            cursor.execute(statement)


@pytest.mark.parametrize("name", STATEMENTS)
def test_drift_is_seen_and_repaired_and_its_repair_undone(server: MariaDBServer, load: Load, name: str) -> None:
    schema = load(find_reference("4.1.0", None).sip)
    before = ground(server, schema)
    drift(server, schema, STATEMENTS[name])
    drifted = ground(server, schema)
    assert differences(before.structure, drifted.structure)

    run_statements(server, schema, repair_statements(drifted, before))
    repaired = ground(server, schema)
    assert differences(before.structure, repaired.structure) == []
    assert repair_statements(repaired, before) == []

    # The other way round: what was added by hand is made by the comparison as well.
    if name not in ONE_WAY:
        run_statements(server, schema, repair_statements(repaired, drifted))
        assert differences(drifted.structure, ground(server, schema).structure) == []


MISFITS = {
    "two rows of a primary key": (
        "ALTER TABLE infra_parametro DROP PRIMARY KEY;"
        "INSERT INTO infra_parametro SELECT * FROM infra_parametro LIMIT 1",
        "infra_parametro",
    ),
    "two rows of a key that compares otherwise": (
        "ALTER TABLE infra_parametro DROP PRIMARY KEY, MODIFY nome varchar(100) COLLATE latin1_bin NOT NULL;"
        "INSERT INTO infra_parametro SELECT LOWER(nome), valor FROM infra_parametro LIMIT 1",
        "infra_parametro",
    ),
    "a row without its parent": (
        "ALTER TABLE menu DROP FOREIGN KEY fk_menu_sistema; UPDATE menu SET id_sistema = 77 LIMIT 1",
        "menu",
    ),
    "a row without its parent though the key is there": (
        "UPDATE menu SET id_sistema = 77 LIMIT 1; ALTER TABLE menu COLLATE latin1_bin",
        "menu",
    ),
    "a number that is too large": (
        "ALTER TABLE item_menu MODIFY sequencia bigint NOT NULL; UPDATE item_menu SET sequencia = 3000000000 LIMIT 1",
        "item_menu",
    ),
    "a text that is too long": (
        "ALTER TABLE menu MODIFY nome text NOT NULL; UPDATE menu SET nome = REPEAT('a', 60) LIMIT 1",
        "menu",
    ),
    "a character that latin1 lacks": (
        "ALTER TABLE menu MODIFY nome varchar(50) CHARSET utf8mb4 NOT NULL;"
        "UPDATE menu SET nome = CONVERT(0xC582 USING utf8mb4) LIMIT 1",
        "menu",
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_rows_that_do_not_fit_are_found_before_anything_changes(server: MariaDBServer, load: Load, name: str) -> None:
    schema = load(find_reference("4.1.0", None).sip)
    before = ground(server, schema)
    sql, table = MISFITS[name]
    drift(server, schema, f"{sql}; CREATE VIEW primeira AS SELECT 1 AS a")
    drifted = ground(server, schema)
    with pytest.raises(InvalidInputError, match=rf"impedem a atualização .*tabela {table}\b.*Nada foi mudado"):
        run_statements(server, schema, repair_statements(drifted, before))
    assert differences(drifted.structure, ground(server, schema).structure) == []


def test_repair_leaves_the_tables_of_a_module_alone(server: MariaDBServer, load: Load) -> None:
    schema = load(find_reference("4.1.0", None).sip)
    before = ground(server, schema)
    with server.transaction(schema) as cursor:
        cursor.execute("CREATE TABLE md_pen_x (a int, id_orgao int NOT NULL)")
        cursor.execute("ALTER TABLE md_pen_x ADD FOREIGN KEY (id_orgao) REFERENCES orgao (id_orgao)")
        cursor.execute("CREATE TRIGGER md_pen_g BEFORE INSERT ON md_pen_x FOR EACH ROW SET NEW.a = 7")
        cursor.execute("INSERT INTO md_pen_x SELECT 1, MIN(id_orgao) FROM orgao")
    with_module = ground(server, schema)
    assert repair_statements(with_module, before) == []
    drift(server, schema, "ALTER TABLE orgao MODIFY sigla varchar(31) NOT NULL")
    run_statements(server, schema, repair_statements(ground(server, schema), before))
    assert differences(with_module.structure, ground(server, schema).structure) == []
    with server.transaction(schema) as cursor:
        cursor.execute("SELECT a FROM md_pen_x")
        assert cursor.fetchall() == ((7,),)


def test_repair_never_invents_the_values_of_a_lost_column(server: MariaDBServer, load: Load) -> None:
    schema = load(find_reference("4.1.0", None).sip)
    before = ground(server, schema)
    drift(server, schema, DRIFTS[NEEDS_VALUES][0])
    drifted = ground(server, schema)
    with pytest.raises(
        InvalidInputError, match=r"linhas impedem a atualização .*tabela email_sistema.*Nada foi mudado"
    ):
        run_statements(server, schema, repair_statements(drifted, before))
    assert differences(drifted.structure, ground(server, schema).structure) == []
