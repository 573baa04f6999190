"""The structure fingerprint: blind to nothing that two equal databases must share."""

from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.reference import find_reference
from blocks.structure import read_structure
from domain.structure import (
    CheckRow,
    ColumnRow,
    DefinitionRow,
    ForeignKeyRow,
    IndexRow,
    Structure,
    StructureRows,
    TableRow,
    build_structure,
    differences,
)
from tests.reference.conftest import Server

_NAMES = st.text("abcd_", min_size=1, max_size=4)


@st.composite
def structure_rows(draw: st.DrawFn) -> StructureRows:
    """Rows of a small database with every kind of thing in it."""
    rows = StructureRows([], [], [], [], [], [])
    tables: list[TableRow] = []
    columns: list[ColumnRow] = []
    indexes: list[IndexRow] = []
    keys: list[ForeignKeyRow] = []
    checks: list[CheckRow] = []
    for table in draw(st.lists(_NAMES, max_size=4, unique=True)):
        tables.append(TableRow(table, "BASE TABLE", draw(st.sampled_from(["InnoDB", "Aria"])), "latin1", "", ""))
        names = draw(st.lists(_NAMES, min_size=1, max_size=4, unique=True))
        for position, name in enumerate(names, 1):
            kind = draw(st.sampled_from(["int(11)", "char(1)"]))
            columns.append(ColumnRow(table, position, name, kind, "YES", None, "", None, None, None, ""))
            indexes.append(IndexRow(table, "PRIMARY", position, name, 0, "BTREE", None, "A"))
            keys.append(ForeignKeyRow(table, "fk", position, name, None, "other", name, "RESTRICT", "CASCADE"))
        if draw(st.booleans()):
            checks.append(CheckRow(table, "ck", f"{names[0]} > 0"))
    definitions = [DefinitionRow("gatilho", name, "x") for name in draw(st.lists(_NAMES, max_size=2, unique=True))]
    return rows._replace(
        tables=tables, columns=columns, indexes=indexes, foreign_keys=keys, checks=checks, definitions=definitions
    )


@given(structure_rows(), st.randoms(use_true_random=False))
def test_order_in_which_rows_are_read_does_not_matter(rows: StructureRows, random: Random) -> None:
    shuffled = rows._replace(**{name: random.sample(part, len(part)) for name, part in rows._asdict().items()})
    structure, again = build_structure(rows), build_structure(shuffled)
    assert differences(structure, again) == []
    assert structure.digest == again.digest


@given(structure_rows(), structure_rows())
def test_digests_are_equal_exactly_when_there_is_no_difference(left: StructureRows, right: StructureRows) -> None:
    expected, found = build_structure(left), build_structure(right)
    assert (expected.digest == found.digest) == (not differences(expected, found))
    assert (expected.table_digests == found.table_digests) == (expected.tables == found.tables)


@given(structure_rows(), st.data())
def test_losing_any_one_row_is_always_seen(rows: StructureRows, data: st.DataObject) -> None:
    kinds = [name for name, part in rows._asdict().items() if part and name != "tables"]
    if not kinds:
        return
    kind = data.draw(st.sampled_from(kinds))
    part = list(getattr(rows, kind))
    lost = part.pop(data.draw(st.integers(0, len(part) - 1)))
    found = build_structure(rows._replace(**{kind: part}))
    messages = differences(build_structure(rows), found)
    assert any(lost[0] in message for message in messages)


def test_messages_name_the_table_the_part_and_both_sides() -> None:
    expected = Structure(tables={"serie": {"coluna nome": "varchar(50)"}, "a": {}}, definitions={})
    found = Structure(tables={"serie": {"coluna nome": "varchar(9)"}, "b": {}}, definitions={"gatilho g": "1"})
    assert differences(expected, found) == [
        "tabela a: falta",
        "tabela b: sobra",
        "tabela serie: coluna nome: esperado «varchar(50)», encontrado «varchar(9)»",
        "gatilho g: sobra",
    ]


# One drift at a time, with what the message must say. The tables are SIP's.
DRIFTS = {
    "a column is dropped": (
        "ALTER TABLE email_sistema DROP COLUMN descricao",
        "email_sistema: coluna descricao: falta",
    ),
    "a column is added": ("ALTER TABLE email_sistema ADD COLUMN x int", "email_sistema: coluna x: sobra"),
    "columns change places": ("ALTER TABLE hierarquia MODIFY descricao varchar(200) FIRST", "ordem das colunas"),
    "a type changes": ("ALTER TABLE menu MODIFY descricao varchar(201)", "menu: coluna descricao: esperado"),
    "a column may be null": ("ALTER TABLE menu MODIFY sin_ativo char(1) NULL", "menu: coluna sin_ativo"),
    "a default appears": ("ALTER TABLE menu ALTER sin_ativo SET DEFAULT 'S'", "menu: coluna sin_ativo"),
    "a default changes": ("ALTER TABLE permissao ALTER sin_subunidades SET DEFAULT 'S'", "permissao: coluna sin_sub"),
    "a column changes charset": ("ALTER TABLE menu MODIFY nome varchar(50) CHARSET utf8mb4 NOT NULL", "coluna nome"),
    "a column changes collation": (
        "ALTER TABLE menu MODIFY nome varchar(50) COLLATE latin1_bin NOT NULL",
        "collation latin1_bin",
    ),
    "the table's collation changes": ("ALTER TABLE menu COLLATE latin1_bin", "menu: opções"),
    "the engine changes": ("ALTER TABLE infra_parametro ENGINE=Aria", "motor Aria"),
    "the row format is chosen": ("ALTER TABLE infra_log ROW_FORMAT=COMPRESSED", "infra_log: opções"),
    "the auto increment is lost": ("ALTER TABLE seq_infra_log MODIFY id int(11) NOT NULL", "seq_infra_log: coluna id"),
    "the primary key is lost": ("ALTER TABLE infra_parametro DROP PRIMARY KEY", "índice PRIMARY: falta"),
    "an index is dropped": ("ALTER TABLE usuario DROP INDEX i07_usuario", "usuario: índice i07_usuario: falta"),
    "an index is added": ("CREATE INDEX novo ON usuario (nome)", "usuario: índice novo: sobra"),
    "an index loses a column's end": (
        "ALTER TABLE orgao DROP INDEX ak_orgao_sigla, ADD UNIQUE ak_orgao_sigla (sigla(5))",
        "sigla(5)",
    ),
    "an index is no longer unique": (
        "ALTER TABLE orgao DROP INDEX ak_orgao_sigla, ADD INDEX ak_orgao_sigla (sigla)",
        "orgao: índice ak_orgao_sigla",
    ),
    "an index changes its columns' order": (
        "ALTER TABLE orgao DROP INDEX i01_orgao, ADD UNIQUE i01_orgao (sin_ativo, id_orgao)",
        "orgao: índice i01_orgao",
    ),
    "a foreign key is dropped": ("ALTER TABLE menu DROP FOREIGN KEY fk_menu_sistema", "chave estrangeira fk_menu_sist"),
    "a foreign key changes its rule": (
        "ALTER TABLE menu DROP FOREIGN KEY fk_menu_sistema; ALTER TABLE menu ADD CONSTRAINT fk_menu_sistema"
        " FOREIGN KEY (id_sistema) REFERENCES sistema (id_sistema) ON DELETE CASCADE",
        "delete CASCADE",
    ),
    "a check is added": ("ALTER TABLE menu ADD CONSTRAINT ck CHECK (id_menu > 0)", "menu: restrição ck: sobra"),
    "a table is dropped": ("DROP TABLE infra_captcha", "tabela infra_captcha: falta"),
    "a table is added": ("CREATE TABLE nova (a int)", "tabela nova: sobra"),
    "a view is added": ("CREATE VIEW v AS SELECT nome FROM menu", "visão v: sobra"),
    "a trigger is added": (
        "CREATE TRIGGER g BEFORE INSERT ON menu FOR EACH ROW SET NEW.sin_ativo = 'N'",
        "gatilho g: sobra",
    ),
    "a routine is added": ("CREATE FUNCTION f(a int) RETURNS int RETURN a", "rotina f: sobra"),
    "an event is added": ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM infra_log", "evento e: sobra"),
}


@pytest.fixture
def sip(server: Server, database: str) -> Iterator[tuple[Server, str, Structure]]:
    server.load(find_reference("4.1.0", None).sip, database)
    with server.cursor() as cursor:
        yield server, database, read_structure(cursor, database)


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_is_seen_and_named(sip: tuple[Server, str, Structure], name: str) -> None:
    server, database, before = sip
    statements, expected = DRIFTS[name]
    with server.cursor(database) as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        for statement in statements.split(";"):
            cursor.execute(statement)
        after = read_structure(cursor, database)
    messages = differences(before, after)
    assert any(expected in message for message in messages), messages
    assert before.digest != after.digest


def test_counters_and_rows_are_no_drift(sip: tuple[Server, str, Structure]) -> None:
    server, database, before = sip
    with server.cursor(database) as cursor:
        cursor.execute("ALTER TABLE seq_infra_log AUTO_INCREMENT = 5000")
        cursor.execute("INSERT INTO infra_parametro (nome, valor) VALUES ('NOVO', '1')")
        assert differences(before, read_structure(cursor, database)) == []


def test_one_definition_in_two_databases_is_the_same(server: Server, make_database: Callable[[], str]) -> None:
    structures = []
    for name in (make_database(), make_database()):
        with server.cursor(name) as cursor:
            cursor.execute("CREATE TABLE t (a int, CONSTRAINT k CHECK (a > 0))")
            cursor.execute("CREATE VIEW v AS SELECT a FROM t")
            cursor.execute("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1")
            structures.append(read_structure(cursor, name))
    assert differences(*structures) == []
    assert len(structures[0].definitions) == 2


def test_change_of_a_trigger_is_seen(server: Server, make_database: Callable[[], str]) -> None:
    structures = []
    for value in (1, 2):
        name = make_database()
        with server.cursor(name) as cursor:
            cursor.execute("CREATE TABLE t (a int)")
            cursor.execute(f"CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = {value}")
            structures.append(read_structure(cursor, name))
    assert [message.split(":")[0] for message in differences(*structures)] == ["gatilho g"]
