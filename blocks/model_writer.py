"""Writing a plan of the document model into one environment's SEI, in batches, with ids from SEI's own counters."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from blocks.counters import next_table_ids
from blocks.model_reader import SeiContents, writer_of
from blocks.model_tables import ASSUNTOS, BY_KIND, PROXY, UNITS, ChildTable, Table
from domain.document_model import kinds
from domain.document_model.entries import EVERYWHERE
from domain.document_model.model import Value, name_key, names_in
from domain.document_model.plan import Action, ModelPlan, Step
from domain.text import unaccent

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

Cell = str | int | None
MAX_INDEX = 1000  # assunto.idx_assunto
_NOT_INDEXED = re.compile(r'[^\w\sº°ª§:+*=<>"]+')
UPDATED_AT_ONCE = 50  # rows; well within the server's max_allowed_packet, be they templates


def write_sei(cursor: "Cursor", plan: ModelPlan, contents: SeiContents) -> None:
    """Carry out the plan's steps on SEI's tables, kind after kind, in the caller's transaction."""
    _insert_missing_proxies(cursor, plan, contents)
    by_kind: dict[str, list[Step]] = {}
    for step in plan.pending:
        by_kind.setdefault(step.kind.name, []).append(step)
    for kind in kinds.KINDS:
        steps = by_kind.get(kind.name)
        if steps and kind.name in BY_KIND:
            _write_kind(cursor, BY_KIND[kind.name], steps, contents)
        if kind is kinds.SECOES and (kinds.SECOES.name in by_kind or kinds.ESTILOS.name in by_kind):
            _renew_style_set(cursor, contents)


def subject_index(code: str, descricao: str | None, observacao: str | None) -> str:
    """`idx_assunto`: the code twice, as it is and without dots, then the words of description and note.

    Found in the rows of the reference databases; the inverted commas of word processors stay there as plain ones.
    """
    words = " ".join([part for part in (code, descricao, observacao) if part])
    text = unaccent(words.lower()).replace("-", " ").replace("/", " ").replace("“", '"').replace("”", '"')
    return " ".join([code.lower(), *_NOT_INDEXED.sub("", text).split()])[:MAX_INDEX]


def _new_ids(cursor: "Cursor", table: str, count: int, contents: SeiContents) -> list[int]:
    return next_table_ids(cursor, table, count, increment=contents.id_increment)


def _write_kind(cursor: "Cursor", table: Table, steps: Sequence[Step], contents: SeiContents) -> None:
    created = [step for step in steps if step.action is Action.CREATE]
    ids = dict(zip((step.key for step in created), _new_ids(cursor, table.name, len(created), contents), strict=True))
    _insert(cursor, table, [(ids[step.key], _fields(step)) for step in created], contents)
    if table is ASSUNTOS:
        classifying = [step for step in created if not _fields(step)["estrutural"]]
        _insert_proxies(cursor, [(ids[step.key], step.key[-1]) for step in classifying], contents)
        opened = [step for step in steps if step.row is not None and step.changed.get("estrutural") == (True, False)]
        _insert_proxies(cursor, [(step.row.id, step.key[-1]) for step in opened if step.row is not None], contents)
    for step in created:
        if step.key:
            contents.ids[table.kind.name][step.key[-1]] = ids[step.key]
    _update(cursor, table, [step for step in steps if step.action in {Action.CHANGE, Action.SWITCH_OFF}], contents)
    removed = [step.row.id for step in steps if step.action is Action.REMOVE and step.row is not None]
    for name in (*(child.table for child in table.children), table.name):
        _delete(cursor, name, table.id, removed)
    for child in table.children:
        new = [(ids[step.key], _fields(step)) for step in created]
        touched = [
            (step.row.id, {**step.row.fields, **_fields(step)})
            for step in steps
            if step.row is not None and {child.field, child.marked} & set(step.changed)
        ]
        _delete(cursor, child.table, table.id, [owner for owner, _ in touched], _shown_of(child))
        new += touched
        _insert_children(cursor, table, child, new, contents)


def _shown_of(child: ChildTable) -> str:
    """The rows of a list that the model shows: links to units that are switched off, or to none, are not its own."""
    if child.value.reference != UNITS:
        return ""
    return f" AND {child.value.name} IN (SELECT id_unidade FROM unidade WHERE sin_ativo = 'S')"


def _fields(step: Step) -> Mapping[str, Value]:
    return step.item.fields if step.item else {}


def _insert(
    cursor: "Cursor", table: Table, entries: Sequence[tuple[int, Mapping[str, Value]]], contents: SeiContents
) -> None:
    absent = contents.missing[table.kind.name]
    columns = [column for column in table.columns if column.field not in absent]
    constants = dict(table.constants)
    if table is ASSUNTOS:
        cursor.execute("SELECT id_tabela_assuntos FROM tabela_assuntos WHERE sin_atual = 'S'")
        constants["id_tabela_assuntos"] = int(_one(cursor))
    names = [table.id, *(column.name for column in columns), *constants]
    rows: list[tuple[Cell, ...]] = []
    writers = [(column.field, writer_of(column, contents.ids)) for column in columns]
    for row_id, fields in entries:
        values = [write(fields.get(name)) for name, write in writers]
        rows.append((row_id, *values, *constants.values()))
    if table is ASSUNTOS:
        names.append("idx_assunto")
        rows = [(*row, _index_of(fields)) for row, (_, fields) in zip(rows, entries, strict=True)]
    _insert_rows(cursor, table.name, names, rows)


def _insert_rows(cursor: "Cursor", table: str, names: Sequence[str], rows: Sequence[tuple[Cell, ...]]) -> None:
    if rows:
        marks = ", ".join(["%s"] * len(names))
        cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)


def _index_of(fields: Mapping[str, Value]) -> str:
    return subject_index(
        str(fields["codigo"]),
        *(str(fields[name]) if fields.get(name) else None for name in ("descricao", "observacao")),
    )


def _insert_proxies(cursor: "Cursor", subjects: Sequence[tuple[int, str]], contents: SeiContents) -> None:
    """Give subjects that classify their proxy; in the reference databases those that only group others have none."""
    subjects = [(subject, code) for subject, code in subjects if code not in contents.ids[PROXY]]
    proxies = _new_ids(cursor, PROXY, len(subjects), contents)
    pairs = [(proxy, subject) for proxy, (subject, _) in zip(proxies, subjects, strict=True)]
    _insert_rows(cursor, PROXY, ["id_assunto_proxy", "id_assunto"], pairs)
    contents.ids[PROXY] |= {code: proxy for proxy, (_, code) in zip(proxies, subjects, strict=True)}


def _insert_missing_proxies(cursor: "Cursor", plan: ModelPlan, contents: SeiContents) -> None:
    """A subject that came by other ways, such as a script of SQL, may lack the proxy that types point at."""
    cited = {
        name_key(code)
        for step in plan.pending
        if step.kind is kinds.TIPOS
        for code in names_in(_fields(step).get("assuntos"))
    }
    rows = contents.current[kinds.ASSUNTOS.name]
    lacking = [(rows[code,].id, code) for code in sorted(cited) if (code,) in rows and code not in contents.ids[PROXY]]
    _insert_proxies(cursor, lacking, contents)


def _update(cursor: "Cursor", table: Table, steps: Sequence[Step], contents: SeiContents) -> None:
    """Change many rows in one statement: the driver would send one for each."""
    writers = [(column.field, column.name, writer_of(column, contents.ids)) for column in table.columns]
    rows: list[tuple[int, dict[str, Cell]]] = []
    for step in steps:
        wanted = {name: new for name, (_, new) in step.changed.items()}
        cells = {name: write(wanted[field]) for field, name, write in writers if field in wanted}
        if step.row is None or not cells:
            continue
        if table is ASSUNTOS:
            cells["idx_assunto"] = _index_of({**step.row.fields, **wanted})
        rows.append((step.row.id, cells))
    for at in range(0, len(rows), UPDATED_AT_ONCE):
        _update_rows(cursor, table, rows[at : at + UPDATED_AT_ONCE])


def _update_rows(cursor: "Cursor", table: Table, rows: Sequence[tuple[int, Mapping[str, Cell]]]) -> None:
    assignments: list[str] = []
    values: list[Cell] = []
    for name in dict.fromkeys(name for _, cells in rows for name in cells):
        new = [(row_id, cells[name]) for row_id, cells in rows if name in cells]
        assignments.append(f"{name} = CASE {table.id} {'WHEN %s THEN %s ' * len(new)}ELSE {name} END")
        values += [value for pair in new for value in pair]
    marks = ", ".join(["%s"] * len(rows))
    cursor.execute(
        f"UPDATE {table.name} SET {', '.join(assignments)} WHERE {table.id} IN ({marks})",
        [*values, *(row_id for row_id, _ in rows)],
    )


def _delete(cursor: "Cursor", table: str, column: str, owners: Sequence[int], more: str = "") -> None:
    if owners:
        cursor.execute(f"DELETE FROM {table} WHERE {column} IN ({', '.join(['%s'] * len(owners))}){more}", owners)


def _insert_children(
    cursor: "Cursor",
    table: Table,
    child: ChildTable,
    owners: Iterable[tuple[int, Mapping[str, Value]]],
    contents: SeiContents,
) -> None:
    rows: list[tuple[Cell, ...]] = []
    write = writer_of(child.value, contents.ids)
    for owner, fields in owners:
        listed = names_in(fields.get(child.field))
        if child.value.reference == UNITS and listed == (EVERYWHERE,):
            listed = contents.units
        marked = fields.get(child.marked) if child.marked else None
        for at, value in enumerate(listed):
            row: list[Cell] = [owner, write(value)]
            if child.position:
                row.append(at)
            if child.marked:
                row.append("S" if marked is not None and name_key(str(marked)) == name_key(value) else "N")
            rows.append((*row, *child.constants.values()))
    names = [
        table.id,
        child.value.name,
        *([child.position] if child.position else []),
        *(["sin_padrao"] if child.marked else []),
        *child.constants,
    ]
    if child.counted:
        names.append(f"id_{child.table}")
        numbers = _new_ids(cursor, child.table, len(rows), contents)
        rows = [(*row, number) for row, number in zip(rows, numbers, strict=True)]
    _insert_rows(cursor, child.table, names, rows)


def _renew_style_set(cursor: "Cursor", contents: SeiContents) -> None:
    """Freeze the styles, and which section may use which, as the set that new documents are written with.

    SEI keeps every set that a document was written with, and marks the last; in the reference databases the last one
    holds exactly the rows of `estilo` and `rel_secao_modelo_estilo`.
    """
    (new_set,) = _new_ids(cursor, "conjunto_estilos", 1, contents)
    cursor.execute("UPDATE conjunto_estilos SET sin_ultimo = 'N' WHERE sin_ultimo = 'S'")
    cursor.execute("INSERT INTO conjunto_estilos (id_conjunto_estilos, sin_ultimo) VALUES (%s, 'S')", (new_set,))
    cursor.execute("SELECT id_estilo, nome, formatacao FROM estilo ORDER BY id_estilo")
    styles = cursor.fetchall()
    items = _new_ids(cursor, "conjunto_estilos_item", len(styles), contents)
    rows = [(item, new_set, nome, formatacao) for item, (_, nome, formatacao) in zip(items, styles, strict=True)]
    _insert_rows(
        cursor,
        "conjunto_estilos_item",
        ["id_conjunto_estilos_item", "id_conjunto_estilos", "nome", "formatacao"],
        rows,
    )
    item_of = [number for item, (style, _, _) in zip(items, styles, strict=True) for number in (int(style), item)]
    if not item_of:
        return
    # Not a join: with statistics of tables just written MariaDB joins them the slow way round.
    cursor.execute(
        "INSERT INTO rel_secao_mod_cj_estilos_item (id_secao_modelo, id_conjunto_estilos_item, sin_padrao)"
        f" SELECT id_secao_modelo, CASE id_estilo {'WHEN %s THEN %s ' * len(items)}END, sin_padrao"
        " FROM rel_secao_modelo_estilo",
        item_of,
    )


def _one(cursor: "Cursor") -> int:
    row = cursor.fetchone()
    return int(row[0]) if row else 0
