"""Reading the document model out of one environment's SEI."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from blocks.model_tables import PROXY, TABLES, UNITS, ChildTable, Column, Table
from domain.document_model.entries import EVERYWHERE
from domain.document_model.model import Key, Value, key_of, name_key
from domain.document_model.plan import Row

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

Ids = dict[str, int]
"""Id by comparable key: of units by sigla, of subjects' proxies by code, of each kind by its key."""


@dataclass
class SeiContents:
    """What one SEI has: every entry, the ids behind the names, and how much room its columns have."""

    current: dict[str, dict[Key, Row]]
    ids: dict[str, Ids]
    units: tuple[str, ...]
    inactive_units: tuple[str, ...]
    lengths: dict[str, dict[str, int]]
    missing: dict[str, frozenset[str]]
    has_processes: bool
    id_increment: int
    """Of the counters of ids, in this session."""
    reserved: dict[str, frozenset[str]] = field(default_factory=dict)
    names: dict[str, dict[int, str]] = field(default_factory=dict)


def read_sei(cursor: "Cursor", *, lock: bool = False) -> SeiContents:
    """Everything that the kinds of the model have in this SEI; `lock` keeps others from changing it meanwhile."""
    if lock:
        # Before anything else: the first plain SELECT fixes what the transaction sees of the other tables.
        cursor.execute("SELECT id_orgao FROM orgao ORDER BY id_orgao FOR UPDATE")
    columns = _columns(cursor)
    units, inactive_units = _read_units(cursor)
    cursor.execute("SELECT EXISTS (SELECT 1 FROM procedimento), @@auto_increment_increment")
    ((has_processes, id_increment),) = cursor.fetchall()
    contents = SeiContents(
        current={},
        ids={},
        units=tuple(units.values()),
        inactive_units=inactive_units,
        lengths={},
        missing={},
        has_processes=bool(has_processes),
        id_increment=int(id_increment),
    )
    contents.names[UNITS] = units
    contents.ids[UNITS] = {name_key(sigla): row_id for row_id, sigla in units.items()}
    for table in TABLES:
        present = columns.get(table.name, {})
        known = tuple(column for column in table.columns if column.name in present)
        contents.missing[table.kind.name] = frozenset({c.field for c in table.columns} - {c.field for c in known})
        lengths = {c.field: present[c.name] for c in known if c.codes is None and c.reference is None}
        contents.lengths[table.kind.name] = {name: room for name, room in lengths.items() if room is not None}
        _read_table(cursor, table, known, contents, lock=lock)
        contents.reserved[table.kind.name] = _reserved(cursor, table)
        if table.name == "assunto":
            _name_proxies(cursor, contents)
    return contents


def _columns(cursor: "Cursor") -> dict[str, dict[str, int | None]]:
    """Of the model's tables, each column and its room in characters; None where that is no limit of ours."""
    names = [table.name for table in TABLES]
    cursor.execute(
        "SELECT table_name, column_name, character_maximum_length FROM information_schema.columns"
        f" WHERE table_schema = DATABASE() AND table_name IN ({', '.join(['%s'] * len(names))})",
        names,
    )
    found: dict[str, dict[str, int | None]] = {}
    for table, column, room in cursor.fetchall():
        found.setdefault(str(table), {})[str(column)] = int(room) if room is not None else None
    return found


def _read_units(cursor: "Cursor") -> tuple[dict[int, str], tuple[str, ...]]:
    """The active units by id, and the siglas of the others."""
    cursor.execute("SELECT id_unidade, sigla, sin_ativo FROM unidade ORDER BY id_unidade")
    rows = [(int(row_id), str(sigla), active == "S") for row_id, sigla, active in cursor.fetchall()]
    active_units = {row_id: sigla for row_id, sigla, active in rows if active}
    return active_units, tuple(sigla for _, sigla, active in rows if not active)


def _reserved(cursor: "Cursor", table: Table) -> frozenset[str]:
    if table.reserved == Table.reserved:
        return frozenset()
    cursor.execute(f"SELECT {table.columns[0].name} FROM {table.name} WHERE {table.reserved}")
    return frozenset(name_key(str(name)) for (name,) in cursor.fetchall())


def _name_proxies(cursor: "Cursor", contents: SeiContents) -> None:
    """Processes and their types point at the proxy of a subject, never at the subject itself.

    A proxy that still stands for a subject of an earlier table has no name here: what points at it differs.
    """
    cursor.execute(
        "SELECT p.id_assunto_proxy, a.codigo_estruturado FROM assunto_proxy p JOIN assunto a USING (id_assunto)"
        " JOIN tabela_assuntos t USING (id_tabela_assuntos) WHERE t.sin_atual = 'S' ORDER BY p.id_assunto_proxy DESC"
    )
    contents.names[PROXY] = {int(row_id): str(code) for row_id, code in cursor.fetchall()}
    contents.ids[PROXY] = {name_key(code): row_id for row_id, code in contents.names[PROXY].items()}


def _read_table(
    cursor: "Cursor", table: Table, columns: tuple[Column, ...], contents: SeiContents, *, lock: bool
) -> None:
    kind = table.kind
    # The first of a name wins below: the active one, then the oldest.
    order = "sin_ativo DESC, " if any(column.field == "ativo" for column in columns) else ""
    cursor.execute(
        f"SELECT {table.id}, {', '.join(column.name for column in columns)} FROM {table.name}"
        f" WHERE {table.where} ORDER BY {order}{table.id}" + (" FOR UPDATE" if lock else "")
    )
    fetched = cursor.fetchall()
    lists = [(child, *_read_children(cursor, table, child, contents)) for child in table.children]
    readers = [(column.field, _reader_of(column, contents)) for column in columns]
    rows: dict[Key, Row] = {}
    names: dict[int, str] = {}
    for row_id, *values in fetched:
        fields: dict[str, Value] = {name: read(value) for (name, read), value in zip(readers, values, strict=True)}
        for child, found, marked in lists:
            fields[child.field] = _list_value(child, found.get(row_id, []), contents)
            if child.marked:
                fields[child.marked] = marked.get(row_id)
        if kind.key:
            names[int(row_id)] = str(fields[kind.key[-1]])
        if any(fields[column.field] is None for column in columns if column.reference and column.field in kind.key):
            continue  # a text of a unit that is not active any more
        key = key_of(kind, fields)
        if key not in rows:
            rows[key] = Row(int(row_id), fields)
        elif fields.get("ativo") is False:
            rows[key] = replace(rows[key], has_inactive_twin=True)
    contents.current[kind.name] = rows
    contents.names[kind.name] = names
    contents.ids[kind.name] = {key[-1]: row.id for key, row in rows.items() if key}


def _reader_of(column: Column, contents: SeiContents) -> Callable[[object], Value]:
    """How to put what the column holds in the words of the catalog; an empty text is nothing."""
    if column.reference is not None:
        names = contents.names[column.reference]
        return lambda value: None if value is None else names.get(int(str(value)))
    if column.codes is not None:
        codes: Mapping[str, Value] = dict(column.codes)
        return lambda value: codes.get(str(value))
    return lambda value: (value or None) if isinstance(value, str) else value if isinstance(value, int) else None


def writer_of(column: Column, ids: Mapping[str, Ids]) -> Callable[[Value], str | int | None]:
    """The other way round: what to write for a field."""
    if column.reference is not None:
        known = ids[column.reference]
        return lambda value: None if value is None else known[name_key(str(value))]
    if column.codes is not None:
        codes: dict[Value, str | None] = {None: None, **{meaning: code for code, meaning in column.codes.items()}}
        return codes.__getitem__
    return lambda value: value if value is None or isinstance(value, int) else str(value)


def _read_children(
    cursor: "Cursor", table: Table, child: ChildTable, contents: SeiContents
) -> tuple[dict[int, list[str]], dict[int, str]]:
    """The values of each owner, and the marked one; one row an owner, for thousands of small ones take their time."""
    value, order = child.value.name, child.position or child.value.name
    marked_value = f"MAX(IF(sin_padrao = 'S', {value}, NULL))" if child.marked else "NULL"
    cursor.execute(
        f"SELECT {table.id}, GROUP_CONCAT({value} ORDER BY {order}), {marked_value} FROM {child.table}"
        f" WHERE {value} IS NOT NULL GROUP BY {table.id}"
    )
    read = _reader_of(child.value, contents)
    names: dict[str, Value] = {}

    def name_of(code: str) -> Value:
        if code not in names:
            names[code] = read(code)
        return names[code]

    found: dict[int, list[str]] = {}
    marked: dict[int, str] = {}
    for owner, codes, marked_code in cursor.fetchall():
        # A unit that is not active any more has no name here.
        found[int(owner)] = [str(name) for code in str(codes).split(",") if (name := name_of(code)) is not None]
        if marked_code is not None:
            marked[int(owner)] = str(name_of(str(marked_code)))
    return found, marked


def _list_value(child: ChildTable, values: list[str], contents: SeiContents) -> tuple[str, ...]:
    if child.value.reference == UNITS and values and set(values) == set(contents.units):
        return (EVERYWHERE,)
    return tuple(values) if child.position else tuple(sorted(values))
