"""The reference rows that a release brings, changes and removes: statements that spare what a prefeitura made of them.

- A value changes only in a column that differs between the references, and only where it still is the old one.
- A row is removed only as the old reference had it, and while no other row points to it.
- A row is brought only where its keys are free and the rows that it points to are there. Where its id is another row's,
  or its name has another id, nothing is brought at all: what points to the id would point to the other row.
- A counter only moves forward; a version parameter always becomes the release's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from domain.reference import REFERENCE_TABLES, Database
from domain.upgrade.package import Kind, Statement, Value
from domain.upgrade.structure_plan import Tables
from domain.upgrade.table_text import ForeignKey, TableText, index_columns, quoted

Row = tuple[Value, ...]
VERSION_PARAMETERS = ("SEI_VERSAO", "SIP_VERSAO")
SEQUENCES = "infra_sequencia"
_PARAMETERS = "infra_parametro"
_CURRENT = "num_atual"
_COUNTER_PREFIX = "seq_"
_COUNTER_NAME_LENGTH = 30
# By what a row with an allocated id is known to be the same, besides the id; of other tables, by all that it says.
_IDENTITIES: Mapping[str, tuple[str, ...]] = {
    "conjunto_estilos_item": ("id_conjunto_estilos", "nome"),
    "infra_agendamento_tarefa": ("comando",),
    "infra_regra_auditoria": ("descricao",),
    "item_menu": ("rotulo", "id_recurso", "id_menu_pai", "id_item_menu_pai"),
    "menu": ("nome",),
    "perfil": ("nome",),
    "recurso": ("nome",),
    "regra_auditoria": ("descricao",),
    "serie": ("nome",),
    "sistema": ("sigla",),
    "tarefa": ("nome",),
    "tipo_procedimento": ("nome",),
}
# Rows that permissions rest on: one that a new row points to must be the reference's, though both versions have it.
_PERMITTED = ("perfil", "recurso")
# What a release brings besides the catalogue rows that an environment may not lose: parameters and counters, styles,
# rules of the audit. A prefeitura may change them all.
RELEASE_TABLES: Mapping[Database, frozenset[str]] = {
    "sei": frozenset(REFERENCE_TABLES["sei"])
    | {
        *("conjunto_estilos", "conjunto_estilos_item", "estilo", "rel_secao_mod_cj_estilos_item", "tarja_assinatura"),
        *("infra_parametro", "infra_regra_auditoria", "infra_regra_auditoria_recurso", "infra_sequencia"),
        *("tarefa_plano_trabalho", "tipo_prioridade"),
    },
    "sip": frozenset(REFERENCE_TABLES["sip"])
    | {
        *("infra_parametro", "infra_regra_auditoria", "infra_regra_auditoria_recurso", "infra_sequencia"),
        *("grupo_perfil", "rel_grupo_perfil_perfil", "regra_auditoria", "rel_regra_auditoria_recurso"),
    },
}


class Rows(NamedTuple):
    """The rows of one table by primary key, each with the values of `columns`."""

    columns: tuple[str, ...]
    by_key: Mapping[Row, Row]


def is_counter(table: str) -> bool:
    """Whether the table only counts, and so has no rows that mean anything."""
    return table.startswith(_COUNTER_PREFIX)


def plan_rows(tables: Tables, source: Mapping[str, Rows], target: Mapping[str, Rows]) -> list[Statement]:
    """Removals, children first; changes; additions, parents first. Both sides have the target's structure already."""
    order = _parents_first(tables, target.keys())
    statements = []
    for table in reversed(order):
        statements += _delete(tables, table, source[table], target[table])
    for table in order:
        statements += _update(tables[table], source[table], target[table])
    for place, table in enumerate(order):
        later = set(order[place:])
        statements += _insert(tables[table], source[table], target[table], later)
    return statements + _moved_sequences(tables, source, target)


def require_free_ids(
    before: Tables, after: Tables, source: Mapping[str, Rows], target: Mapping[str, Rows]
) -> list[Statement]:
    """Refuse an environment which has given a new row's id to another row, or another id to the same row."""
    statements: list[Statement] = []
    for name in sorted(target.keys() & before.keys()):
        table, rows = after[name], target[name]
        new = sorted(rows.by_key.keys() - source[name].by_key.keys(), key=_in_order)
        if new and _has_allocated_ids(table):
            statements += _other_row(before[name], table, rows, new)
            statements += _other_id(before[name], table, source[name], rows, new)
    for name in _PERMITTED:
        pointed_at = _pointed_at(name, after, source, target)
        if pointed_at:
            statements += _other_row(before[name], after[name], source[name], pointed_at)
    return statements


def plan_counters(source: Tables, target: Tables) -> list[Statement]:
    """The counter tables that the release starts higher, or that it brings for a table which has rows already."""
    statements = []
    for name, table in sorted(target.items()):
        if not is_counter(name):
            continue
        first = table.counter or 1
        counted = _counted(name, source) if name not in source else None
        if counted:
            counted_key = quoted(target[counted].primary_key[0])
            sql = f"SELECT GREATEST(%s, COALESCE(MAX({counted_key}), 0) + 1) FROM {quoted(counted)}"
        elif name in source and first > (source[name].counter or 1):
            sql = "SELECT %s"
        else:
            continue
        statements.append(Statement(kind=Kind.MOVE_COUNTER, table=name, sql=sql, rows=((first,),)))
    return statements


def rows_differ(table: str, expected: Rows, found: Rows) -> bool:
    """Whether a table's rows are not those of the reference; a counter that is further on does not differ."""
    if table != SEQUENCES:
        return expected != found
    place = expected.columns.index(_CURRENT)

    def still(rows: Rows) -> dict[Row, Row]:
        return {key: (*row[:place], *row[place + 1 :]) for key, row in rows.by_key.items()}

    return still(expected) != still(found) or any(
        int(found.by_key[key][place] or 0) < int(row[place] or 0) for key, row in expected.by_key.items()
    )


def _counted(counter: str, tables: Tables) -> str | None:
    """The table whose ids a counter gives; names of counters are cut at 30 characters."""
    return next(
        (
            name
            for name, table in sorted(tables.items())
            if f"{_COUNTER_PREFIX}{name}"[:_COUNTER_NAME_LENGTH] == counter and len(table.primary_key) == 1
        ),
        None,
    )


def _parents_first(tables: Tables, names: Iterable[str]) -> list[str]:
    """Tables after those they point to; where some point to each other, by name."""
    wanted = sorted(names)
    graph = {
        name: sorted({key.parent for key in tables[name].foreign_keys.values()} & set(wanted) - {name})
        for name in wanted
    }
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError:
        return wanted


def _parent_rows_first(table: TableText, rows: Rows, keys: Iterable[Row]) -> list[Row]:
    """These rows by key, each after the one of its own table that it points to."""
    wanted = sorted(keys, key=_in_order)
    graph: dict[Row, list[Row]] = {key: [] for key in wanted}
    for own in table.foreign_keys.values():
        if own.parent == table.name:
            pointed = {_values(rows, key, own.parent_columns): key for key in wanted}
            for key in wanted:
                parent = pointed.get(_values(rows, key, own.columns))
                if parent is not None and parent != key:
                    graph[key].append(parent)
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError:
        return wanted


def _delete(tables: Tables, name: str, source: Rows, target: Rows) -> list[Statement]:
    table = tables[name]
    gone = _parent_rows_first(table, source, source.by_key.keys() - target.by_key.keys())[::-1]
    if not gone:
        return []
    others = [column for column in source.columns if column not in table.primary_key]
    conditions = [*_keys(table.primary_key), *(_unchanged(column) for column in others)]
    conditions += [
        f"NOT EXISTS (SELECT 1 FROM {quoted(child.name)} c WHERE {_joined(key, name)})"
        for child in tables.values()
        for key in child.foreign_keys.values()
        if key.parent == name
    ]
    return [
        Statement(
            kind=Kind.ROWS_DELETE,
            table=name,
            sql=f"DELETE FROM {quoted(name)} WHERE {' AND '.join(conditions)}",
            rows=tuple((*key, *_values(source, key, others)) for key in gone),
        )
    ]


def _update(table: TableText, source: Rows, target: Rows) -> list[Statement]:
    statements = []
    common = sorted(source.by_key.keys() & target.by_key.keys(), key=str)
    for place, column in enumerate(target.columns):
        changed = [key for key in common if source.by_key[key][place] != target.by_key[key][place]]
        forced = [key for key in changed if _always(table.name, key)]
        name, keys = quoted(column), " AND ".join(_keys(table.primary_key))
        counter = table.name == SEQUENCES and column == _CURRENT
        value = f"GREATEST({name}, %s)" if counter else "%s"
        update = f"UPDATE {quoted(table.name)} SET {name} = {value} WHERE {keys}"
        if counter:
            forced = changed
        spared = [key for key in changed if key not in forced]
        if forced:
            rows = tuple((target.by_key[key][place], *key) for key in forced)
            statements.append(Statement(kind=Kind.ROWS_UPDATE, table=table.name, sql=update, rows=rows))
        if spared:
            rows = tuple((target.by_key[key][place], *key, source.by_key[key][place]) for key in spared)
            sql = f"{update} AND {_unchanged(column)}"
            statements.append(Statement(kind=Kind.ROWS_UPDATE, table=table.name, sql=sql, rows=rows))
    return statements


def _insert(table: TableText, source: Rows, target: Rows, later: set[str]) -> list[Statement]:
    new = _parent_rows_first(table, target, target.by_key.keys() - source.by_key.keys())
    if not new:
        return []
    bound = list(target.columns)
    conditions = []
    for columns in _unique_keys(table):
        conditions.append(f"NOT EXISTS (SELECT 1 FROM {quoted(table.name)} WHERE {' AND '.join(_keys(columns))})")
        bound += columns
    for key in table.foreign_keys.values():
        # Of tables that point to each other, one has to come first.
        if key.parent not in later or key.parent == table.name:
            absent = " OR ".join("%s IS NULL" for _ in key.columns)
            there = f"SELECT 1 FROM {quoted(key.parent)} WHERE {' AND '.join(_keys(key.parent_columns))}"
            conditions.append(f"({absent} OR EXISTS ({there}))")
            bound += [*key.columns, *key.columns]
    names = ", ".join(map(quoted, target.columns))
    values = ", ".join("%s" for _ in target.columns)
    sql = f"INSERT INTO {quoted(table.name)} ({names}) SELECT {values} FROM DUAL WHERE {' AND '.join(conditions)}"
    rows = tuple(_values(target, key, bound) for key in new)
    return [Statement(kind=Kind.ROWS_INSERT, table=table.name, sql=sql, rows=rows, columns=tuple(bound))]


def _has_allocated_ids(table: TableText) -> bool:
    """Whether part of the key is a number of the table's own: neither a name nor the key of another table's row."""
    pointing = {column for key in table.foreign_keys.values() if key.parent != table.name for column in key.columns}
    own = [column for column in table.primary_key if column not in pointing]
    return any("char" not in table.columns[column].split(" ")[0] for column in own)


def _pointed_at(name: str, tables: Tables, source: Mapping[str, Rows], target: Mapping[str, Rows]) -> list[Row]:
    """The rows of a table, known to both versions, that new rows of other tables point to."""
    found: set[Row] = set()
    for child, rows in target.items():
        for key in tables[child].foreign_keys.values():
            if key.parent == name and set(key.parent_columns) == set(tables[name].primary_key):
                own = [key.columns[key.parent_columns.index(column)] for column in tables[name].primary_key]
                found |= {_values(rows, new, own) for new in rows.by_key.keys() - source[child].by_key.keys()}
    return sorted(found & source[name].by_key.keys(), key=_in_order) if name in source else []


def _other_row(before: TableText, table: TableText, rows: Rows, new: Sequence[Row]) -> Iterator[Statement]:
    identity = [
        column
        for column in _IDENTITIES.get(table.name, rows.columns)
        if column in before.columns and column not in table.primary_key
    ]
    if identity:
        same = " AND ".join(map(_unchanged, identity))
        conditions = f"{' AND '.join(_keys(table.primary_key))} AND NOT ({same})"
        yield Statement(
            kind=Kind.REQUIRE,
            table=table.name,
            sql=f"SELECT COUNT(*) FROM {quoted(table.name)} WHERE {conditions}",
            rows=tuple((*key, *_values(rows, key, identity)) for key in new),
            columns=(*table.primary_key, *identity),
        )


def _other_id(before: TableText, table: TableText, source: Rows, rows: Rows, new: Sequence[Row]) -> Iterator[Statement]:
    for columns in _unique_keys(table):
        if set(table.primary_key) <= set(columns) or not set(columns) <= before.columns.keys():
            continue
        # A name that the release itself takes from one of its rows for another is free by then.
        had = {_values(source, key, columns) for key in source.by_key}
        named = [key for key in new if _values(rows, key, columns) not in had]
        if named:
            conditions = f"NOT ({' AND '.join(_keys(table.primary_key))}) AND {' AND '.join(_keys(columns))}"
            yield Statement(
                kind=Kind.REQUIRE,
                table=table.name,
                sql=f"SELECT COUNT(*) FROM {quoted(table.name)} WHERE {conditions}",
                rows=tuple((*key, *_values(rows, key, columns)) for key in named),
                columns=(*table.primary_key, *columns),
            )


def _moved_sequences(tables: Tables, source: Mapping[str, Rows], target: Mapping[str, Rows]) -> list[Statement]:
    """A counter that the release brings must not give an id which a row has already."""
    if SEQUENCES not in target:
        return []
    new = sorted(str(key[0]) for key in target[SEQUENCES].by_key.keys() - source[SEQUENCES].by_key.keys())
    statements = []
    for name in new:
        if name in tables and len(tables[name].primary_key) == 1:
            key = quoted(tables[name].primary_key[0])
            sql = (
                f"UPDATE {quoted(SEQUENCES)} SET {_CURRENT} = GREATEST({_CURRENT},"
                f" (SELECT COALESCE(MAX({key}), 0) FROM {quoted(name)})) WHERE nome_tabela = %s"
            )
            statements.append(Statement(kind=Kind.ROWS_UPDATE, table=SEQUENCES, sql=sql, rows=((name,),)))
    return statements


def _always(table: str, key: Row) -> bool:
    return table == _PARAMETERS and key[0] in VERSION_PARAMETERS


def _unique_keys(table: TableText) -> list[tuple[str, ...]]:
    return [index_columns(clause) for clause in table.indexes.values() if clause.startswith(("PRIMARY ", "UNIQUE "))]


def _joined(key: ForeignKey, parent: str) -> str:
    return " AND ".join(
        f"c.{quoted(column)} = {quoted(parent)}.{quoted(other)}"
        for column, other in zip(key.columns, key.parent_columns, strict=True)
    )


def _keys(columns: Iterable[str]) -> list[str]:
    return [f"{quoted(column)} = %s" for column in columns]


def _unchanged(column: str) -> str:
    # Byte by byte: to the collation, a text that differs in case, accents or spaces at its end is the same.
    return f"BINARY {quoted(column)} <=> BINARY %s"


def _values(rows: Rows, key: Row, columns: Sequence[str]) -> Row:
    row = rows.by_key[key]
    return tuple(row[rows.columns.index(column)] for column in columns)


def _in_order(key: Row) -> tuple[tuple[bool, int, str], ...]:
    return tuple((isinstance(part, str), part if isinstance(part, int) else 0, str(part)) for part in key)
