"""New rows of a version whose ids a database has given to rows of its own: they get ids that are free.

The makers' scripts take the ids of what they bring from the counters (`sei.md` 2.2); statements made of two references
have those of the reference. Sets of styles are not renumbered but made: the last one is of the styles that the database
has now, whosoever they are (`blocks.model_writer`).
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING

from domain.upgrade.package import Kind, Statement, Value
from domain.upgrade.rows_plan import SEQUENCES
from domain.upgrade.table_text import quoted

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

Moved = Mapping[str, Mapping[Value, int]]
"""By table: the id that a new row has in the reference, and the one that it gets."""
# The core knows these rows by their ids, of which it keeps those below 1000 for itself.
_FIXED = frozenset({"email_sistema", "tarefa"})
_STYLE_SETS = "conjunto_estilos"
_OF_STYLE_SETS = frozenset({_STYLE_SETS, "conjunto_estilos_item", "rel_secao_mod_cj_estilos_item"})
_NEW_STYLE_SET = (
    (_STYLE_SETS, "UPDATE conjunto_estilos SET sin_ultimo = 'N' WHERE sin_ultimo = 'S'"),
    (
        _STYLE_SETS,
        "INSERT INTO conjunto_estilos (id_conjunto_estilos, sin_ultimo)"
        " SELECT MAX(id_conjunto_estilos) + 1, 'S' FROM conjunto_estilos",
    ),
    (
        "conjunto_estilos_item",
        "INSERT INTO conjunto_estilos_item (id_conjunto_estilos_item, id_conjunto_estilos, nome, formatacao)"
        " SELECT (SELECT MAX(id_conjunto_estilos_item) FROM conjunto_estilos_item)"
        " + ROW_NUMBER() OVER (ORDER BY id_estilo),"
        " (SELECT MAX(id_conjunto_estilos) FROM conjunto_estilos), nome, formatacao FROM estilo",
    ),
    (
        "rel_secao_mod_cj_estilos_item",
        "INSERT INTO rel_secao_mod_cj_estilos_item (id_secao_modelo, id_conjunto_estilos_item, sin_padrao)"
        " SELECT r.id_secao_modelo, i.id_conjunto_estilos_item, r.sin_padrao FROM rel_secao_modelo_estilo r"
        " JOIN estilo e USING (id_estilo) JOIN conjunto_estilos_item i ON i.nome = e.nome"
        " WHERE i.id_conjunto_estilos = (SELECT MAX(id_conjunto_estilos) FROM conjunto_estilos)",
    ),
)


def renumbered(cursor: "Cursor", statements: Sequence[Statement], existing: Set[str]) -> tuple[Statement, ...]:
    """The same statements for a database with these tables. It is only read: what moves its counters is among them."""
    bringing = [
        statement
        for statement in statements
        if statement.kind is Kind.ROWS_INSERT
        and _own_id(statement.table) in statement.columns
        and statement.table in existing - _FIXED
        and (_counter(statement.table) in existing or _has_sequence(cursor, statement.table))
    ]
    taken = {statement.table: _taken(cursor, statement) for statement in bringing}
    new_set = bool(taken.get(_STYLE_SETS))
    if new_set:
        statements = [
            statement
            for statement in statements
            if statement.table not in _OF_STYLE_SETS or statement.kind not in {Kind.REQUIRE, Kind.ROWS_INSERT}
        ]
    moved: dict[str, dict[Value, int]] = {}
    last: list[Statement] = list(_new_style_set()) if new_set else []
    for statement in bringing:
        table, ids = statement.table, taken[statement.table]
        if ids and not (new_set and table in _OF_STYLE_SETS):
            first = _first_free(cursor, statement)
            moved[table] = dict(zip(ids, range(first, first + len(ids)), strict=True))
            last.append(_moved_counter(table, first + len(ids), existing))
    return (*(_in_place(statement, moved) for statement in statements), *last)


def _in_place(statement: Statement, moved: Moved) -> Statement:
    tables = [_table_of(column, moved) for column in statement.columns]
    if not any(tables) or statement.kind not in {Kind.REQUIRE, Kind.ROWS_INSERT}:
        return statement
    rows = tuple(
        tuple(moved[table].get(value, value) if table else value for table, value in zip(tables, row, strict=True))
        for row in statement.rows
    )
    return statement.model_copy(update={"rows": rows})


def _table_of(column: str, moved: Moved) -> str | None:
    """The table whose id a column holds, by its name, as SEI and SIP name all of them."""
    name = column.removeprefix("id_").removesuffix("_pai")
    return name if column.startswith("id_") and name in moved else None


def _new_style_set() -> Iterator[Statement]:
    for table, sql in _NEW_STYLE_SET:
        yield Statement(kind=Kind.ROWS_INSERT, table=table, sql=sql)
    for table in (_STYLE_SETS, "conjunto_estilos_item"):
        sql = f"SELECT MAX({quoted(_own_id(table))}) + 1 FROM {quoted(table)}"  # noqa: S608  # quoted
        yield Statement(kind=Kind.MOVE_COUNTER, table=_counter(table), sql=sql, rows=((),))


def _has_sequence(cursor: "Cursor", table: str) -> bool:
    cursor.execute(f"SELECT 1 FROM {SEQUENCES} WHERE nome_tabela = %s", (table,))  # noqa: S608  # a name of ours
    return cursor.fetchone() is not None


def _own_id(table: str) -> str:
    return f"id_{table}"


def _counter(table: str) -> str:
    return f"seq_{table}"[:30]


def _ids(statement: Statement) -> list[Value]:
    place = statement.columns.index(_own_id(statement.table))
    return [row[place] for row in statement.rows]


def _taken(cursor: "Cursor", statement: Statement) -> list[Value]:
    own, ids = quoted(_own_id(statement.table)), _ids(statement)
    cursor.execute(f"SELECT {own} FROM {quoted(statement.table)} WHERE {own} IN %s", (ids,))  # noqa: S608  # quoted
    found = {value for (value,) in cursor.fetchall()}
    return [value for value in ids if value in found]


def _first_free(cursor: "Cursor", statement: Statement) -> int:
    cursor.execute(f"SELECT MAX({quoted(_own_id(statement.table))}) FROM {quoted(statement.table)}")  # noqa: S608
    (last,) = cursor.fetchone() or (0,)
    return max(int(last), *(int(value or 0) for value in _ids(statement))) + 1


def _moved_counter(table: str, following: int, existing: Set[str]) -> Statement:
    if _counter(table) in existing:
        return Statement(kind=Kind.MOVE_COUNTER, table=_counter(table), sql="SELECT %s", rows=((following,),))
    return Statement(
        kind=Kind.ROWS_UPDATE,
        table=SEQUENCES,
        sql=f"UPDATE {SEQUENCES} SET num_atual = GREATEST(num_atual, %s) WHERE nome_tabela = %s",  # noqa: S608  # ours
        rows=((following - 1, table),),
    )
