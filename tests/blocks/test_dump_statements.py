"""The text of a dump as statements and digests: nothing that a value or a trigger says is taken for the dump's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.dump_statements import DigestedDump, statements
from domain.backup.facts import DumpFacts, TableDigest
from domain.errors import IntegrityError

HEAD = [b"/*M!999999\\- enable the sandbox mode */ \n", b"/*!40101 SET NAMES binary */;\n", b"\n"]
BODY = [
    b"DELIMITER ;;\n",
    b"/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`%`*/ /*!50003 TRIGGER t BEFORE INSERT ON g FOR EACH ROW BEGIN\n",
    b"SET NEW.b = 'x';\n",
    b"INSERT INTO `outra` VALUES\n",
    b"(1);\n",
    b"-- fim ;;\n",
    b"END \n",
    b"*/;;\n",
    b"DELIMITER ;\n",
]


def table(name: bytes, *rows: bytes, next_id: int = 3, charset: bytes = b"latin1") -> list[bytes]:
    lines = [
        b"DROP TABLE IF EXISTS `" + name + b"`;\n",
        b"CREATE TABLE `" + name + b"` (\n",
        b"  `a` int(11) NOT NULL COMMENT 'fim;',\n",
        b") ENGINE=InnoDB AUTO_INCREMENT=%d DEFAULT CHARSET=%s COMMENT='t;';\n" % (next_id, charset),
        b"LOCK TABLES `" + name + b"` WRITE;\n",
    ]
    if rows:
        lines += [b"INSERT INTO `" + name + b"` VALUES\n", *(b"(" + row + b"),\n" for row in rows[:-1])]
        lines.append(b"(" + rows[-1] + b");\n")
    return [*lines, b"UNLOCK TABLES;\n"]


def schema(name: bytes, *parts: list[bytes]) -> list[bytes]:
    created = b"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `" + name + b"` /*!40100 DEFAULT CHARACTER SET latin1 */;\n"
    return [created, b"USE `" + name + b"`;\n", *(line for part in parts for line in part)]


def digest(lines: list[bytes]) -> DumpFacts:
    dump = DigestedDump([*HEAD, *lines])
    assert list(dump) == [*HEAD, *lines], "every line is passed on"
    return dump.facts


def digest_table(*rows: bytes, **facts: object) -> TableDigest:
    return digest(schema(b"x", table(b"g", *rows, **facts))).schemas["x"].tables["g"]  # type: ignore[arg-type]


def test_every_statement_comes_whole_and_without_its_delimiter() -> None:
    lines = [*HEAD, *schema(b"x", table(b"g", b"1,'a;'", b"2,'b'"), BODY)]
    found = list(statements(lines, "teste"))
    assert b"INSERT INTO `g` VALUES\n(1,'a;'),\n(2,'b')" in found
    (trigger,) = [statement for statement in found if b"TRIGGER" in statement]
    assert trigger == b"".join(BODY[1:-1]).removesuffix(b";;\n")
    assert not [statement for statement in found if b"DELIMITER" in statement or statement.startswith(b"/*M!")]


def test_a_routine_ends_where_its_delimiter_stands_alone() -> None:
    routine = [b"CREATE PROCEDURE `p`()\n", b"BEGIN\n", b"-- nada ;;\n", b"END\n"]
    lines = [b"DELIMITER ;;\n", *routine, b";;\n", b"DELIMITER ;\n", b"SET @a = 1;\n"]
    assert list(statements(lines, "teste")) == [b"".join(routine), b"SET @a = 1"]


@given(st.data())
def test_a_text_that_ends_within_a_statement_is_refused(data: st.DataObject) -> None:
    lines = table(b"g", b"1,'a'", b"2,'b'")
    cut = data.draw(st.integers(1, len(lines)))
    whole = lines[cut - 1].rstrip().endswith(b";")
    if whole:
        assert list(statements(lines[:cut], "teste"))
    else:
        with pytest.raises(IntegrityError, match="truncado"):
            list(statements(lines[:cut], "teste"))


@given(st.lists(st.sampled_from([b"1,NULL", b"1,''", b"1,'NULL'", b"1,'a\\nb'", b"1,'),\\n('"]), max_size=6), st.data())
def test_losing_doubling_or_changing_any_row_changes_the_digest(rows: list[bytes], data: st.DataObject) -> None:
    whole = digest_table(*rows)
    assert whole.rows == len(rows)
    assert digest_table(*rows, b"9,'x'").content != whole.content
    if rows:
        place = data.draw(st.integers(0, len(rows) - 1))
        assert digest_table(*rows[:place], *rows[place + 1 :]).content != whole.content
        assert digest_table(*rows[:place], rows[place], *rows[place:]).content != whole.content
        assert digest_table(*rows[:place], b"9", *rows[place + 1 :]).content != whole.content


def test_where_the_program_cut_the_rows_into_statements_does_not_matter() -> None:
    one = digest_table(b"1", b"2", b"3")
    lines = table(b"g", b"1", b"2")
    lines[-1:-1] = [b"INSERT INTO `g` VALUES\n", b"(3);\n"]
    assert digest(schema(b"x", lines)).schemas["x"].tables["g"] == one


def test_a_table_with_an_invisible_column_is_counted_as_any_other() -> None:
    for rows in ((b"1", b"2"), (b"1",)):
        plain = b"".join(table(b"g", *rows))
        named = plain.replace(b"` VALUES\n", b"` (`a`, `b`) VALUES ").splitlines(keepends=True)
        assert digest(schema(b"x", named)) == digest(schema(b"x", table(b"g", *rows)))


def test_the_next_automatic_number_is_told_apart_from_the_definition() -> None:
    one, other = digest_table(b"1", next_id=3), digest_table(b"1", next_id=4)
    assert (one.next_id, other.next_id) == (3, 4)
    assert one.definition == other.definition
    assert digest_table(b"1", charset=b"utf8mb4").definition != one.definition


@pytest.mark.parametrize("place", range(1, len(BODY) - 1))
def test_every_line_of_a_trigger_counts_and_none_is_taken_for_a_row(place: int) -> None:
    whole = digest(schema(b"x", table(b"g", b"1"), BODY))
    changed = [line.replace(b"\n", b" \n") if at == place else line for at, line in enumerate(BODY)]
    found = digest(schema(b"x", table(b"g", b"1"), changed))
    assert found.schemas["x"].tables == whole.schemas["x"].tables
    assert list(whole.schemas["x"].tables) == ["g"]
    assert found.schemas["x"].others != whole.schemas["x"].others


def test_the_character_set_of_a_schema_is_its_own() -> None:
    lines = [*schema(b"x", table(b"g", b"1")), *schema(b"y", table(b"g", b"1"))]
    whole = digest(lines)
    changed = digest([line.replace(b"latin1 */", b"utf8mb4 */") if b"`y`" in line else line for line in lines])
    assert changed.schemas["x"] == whole.schemas["x"]
    assert changed.schemas["y"].others != whole.schemas["y"].others
    assert (whole.rows, whole.tables) == (2, 2)
