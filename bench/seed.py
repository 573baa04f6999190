"""What seeding costs: a whole model planned and applied, against a bare `executemany` of the very rows that it writes.

Everything is measured in one run, on one private lab: the base with overlays, grown by numbered copies of its own
entries to the size of a state's model, into an environment's two databases fresh from their reference.

On a machine with other work no second is like the next, so product and floor are measured in pairs, one right after
the other, each on databases just loaded and just read. Every other pair begins with the floor: the work that loading
leaves to the server falls to whoever comes first. The ratio is the median over the pairs. One pair before them warms up
and tells which rows the floor has to write; after each of the others both sides must hold the same rows.
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING

from bench.private_lab import private_lab
from bench.result import BenchResult, Figure, Ratio
from domain.errors import IntegrityError

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

    from blocks.mariadb import MariaDBServer
    from domain.document_model.model import Model
    from domain.document_model.plan import ModelPlan
    from domain.environment import EnvironmentName

FLOOR_LIMIT = 2.0
LIMIT_SECONDS = 3.0
RUNS = 8  # as many that begin with the product as with the floor
FIELDS_OF_A_PATCH = 3
# The sizes: process types, document types, subjects.
WANTED = {"tipos_procedimento": 320, "series": 260, "assuntos": 720}

Rows = dict[str, list[tuple[object, ...]]]


def measure() -> BenchResult:
    """Apply the model to fresh databases and write the floor into other fresh ones, in `RUNS` pairs."""
    with private_lab():
        from blocks.sei_model import SeiModel
        from domain.environment import EnvironmentName, Purpose
        from tasks import doors

        server = doors.mariadb_server()
        ours = EnvironmentName(municipality="bench", purpose=Purpose.TREINAMENTO)
        bare = EnvironmentName(municipality="bench", purpose=Purpose.HOMOLOGACAO)
        reads: list[float] = []
        seeds: list[float] = []
        floors: list[float] = []

        def read() -> "Model":
            started = monotonic()
            model = _grown_model()
            reads.append(monotonic() - started)
            return model

        def seed(model: "Model") -> "ModelPlan":
            gc.collect()  # what came before is neither's to clear away
            started = monotonic()
            plan = SeiModel(server, ours).apply(model, {}, {}).plan
            seeds.append(monotonic() - started)
            return plan

        before, _ = _load(server, ours), _load(server, bare)
        plan = seed(read())
        after = _snapshot(server, ours)
        new, changed = _new_rows(before, after), _changed_rows(before, after)
        columns = _columns(server, bare)
        _write(server, bare, columns, new, changed)
        reads.clear()
        seeds.clear()
        for number in range(RUNS):
            for name in (ours, bare):
                _load(server, name)
            model = read()
            if number % 2 == 0:
                seed(model)
            floors.append(_write(server, bare, columns, new, changed))
            if number % 2:
                seed(model)
            _require_alike(_snapshot(server, ours), _snapshot(server, bare))
    counts = {kind: sum(step.kind.name == kind for step in plan.pending) for kind in WANTED}
    rows = sum(map(len, [*new.values(), *changed.values()]))
    ratios = [seconds / floor for seconds, floor in zip(seeds, floors, strict=True)]
    return BenchResult(
        name="seed",
        figures={
            "read_catalog": Figure(value=median(reads), unit="s"),
            "plan_and_apply": Figure(value=median(seeds), unit="s"),
            "executemany": Figure(value=median(floors), unit="s"),
            "rows": Figure(value=rows, unit="linhas"),
            **{kind: Figure(value=count, unit="itens") for kind, count in counts.items()},
        },
        ratios={
            "seed_over_executemany": Ratio(value=median(ratios), limit=FLOOR_LIMIT),
            "whole_over_3_seconds": Ratio(value=(median(reads) + median(seeds)) / LIMIT_SECONDS, limit=1),
        },
    )


def _grown_model() -> "Model":
    """The model of a prefeitura of Minas Gerais, grown to the wanted sizes; the files are read anew."""
    from blocks.catalog_file import forget_catalog_files
    from blocks.model_files import MODEL_DIR, read_layer
    from domain.document_model.model import Layer, Source, Written, layer_names, merge

    forget_catalog_files()
    layers = [read_layer(MODEL_DIR, name) for name in layer_names(client="prefeitura", uf="MG", faixa=3, slug="bench")]
    grown: list[Written] = []
    for kind, wanted in WANTED.items():
        whole = [
            entry
            for layer in layers
            for entry in layer.entries
            if entry.kind == kind and len(entry.data) > FIELDS_OF_A_PATCH
        ]
        for number in range(max(wanted - len(whole), 0)):
            entry = whole[number % len(whole)]
            key = "codigo" if kind == "assuntos" else "nome"
            text = str(entry.data[key])
            copy = (
                f"{text}{'' if '.' in text else '.'}{number:03d}" if kind == "assuntos" else f"{text[:40]} nº {number}"
            )
            grown.append(Written(kind, {**entry.data, key: copy}, Source("bench", "bench", number), entry.lines))
    return merge([*layers, Layer("bench", tuple(grown))])


def _load(server: "MariaDBServer", name: "EnvironmentName") -> Rows:
    """Load an environment's databases fresh from the reference; their rows, all read once."""
    from blocks.catalog import Catalog
    from blocks.dump_loader import load_dump
    from blocks.reference import find_reference
    from blocks.settings import load_settings

    reference = find_reference(Catalog().releases().default, load_settings().reference_dir)
    for dump, schema in ((reference.sei, name.database_sei), (reference.sip, name.database_sip)):
        server.drop_database(schema)
        server.ensure_database(schema)
        load_dump(dump, server, schema)
    return _snapshot(server, name)


def _require_alike(ours: Rows, bare: Rows) -> None:
    different = [table for table, rows in ours.items() if rows != bare[table]]
    if different:
        raise IntegrityError(
            "O piso não gravou as mesmas linhas que o produto", ", ".join(different), "Corrija bench/seed.py."
        )


def _snapshot(server: "MariaDBServer", name: "EnvironmentName") -> Rows:
    """Every row of the tables that the model may write, by `sei.table` and `sip.table`."""
    found: Rows = {}
    for kind, schema in (("sei", name.database_sei), ("sip", name.database_sip)):
        with server.transaction(schema) as cursor:
            for table in _tables(kind):
                cursor.execute(f"SELECT * FROM {table}")
                found[f"{kind}.{table}"] = list(cursor.fetchall())
    return found


def _tables(database: str) -> list[str]:
    """In the order in which foreign keys let them be filled."""
    from blocks.model_tables import PROXY, TABLES

    if database == "sip":
        return ["perfil", "rel_perfil_recurso", "rel_perfil_item_menu"]
    written: list[str] = []
    for table in TABLES:
        written += [table.name, *([PROXY] if table.name == "assunto" else [])]
        written += [child.table for child in table.children]
    written += ["conjunto_estilos", "conjunto_estilos_item", "rel_secao_mod_cj_estilos_item"]
    counted = [name for name in written if not name.startswith("rel_") and name != "orgao"]
    return [*written, *(f"seq_{name}"[:30] for name in counted)]


def _new_rows(before: Rows, after: Rows) -> Rows:
    """The rows that were not there."""
    new: Rows = {}
    for table, rows in after.items():
        known = _keyed(table, before)
        new[table] = [row for row in rows if _key(table, row) not in known]
    return new


def _changed_rows(before: Rows, after: Rows) -> Rows:
    """The rows that were there and are not as they were."""
    changed: Rows = {}
    for table, rows in after.items():
        known = _keyed(table, before)
        changed[table] = [row for row in rows if known.get(_key(table, row), row) != row]
    return changed


def _key(table: str, row: tuple[object, ...]) -> tuple[object, ...]:
    # The tables of relations have no id of their own; rel_perfil_item_menu has five columns of key.
    return row if ".rel_" in table else row[:1]


def _keyed(table: str, rows: Rows) -> dict[tuple[object, ...], tuple[object, ...]]:
    return {_key(table, row): row for row in rows[table]}


def _write(
    server: "MariaDBServer", name: "EnvironmentName", columns: Mapping[str, list[str]], new: Rows, changed: Rows
) -> float:
    """Seconds of nothing but `executemany` of the same inserts and updates, one transaction a database."""
    gc.collect()
    started = monotonic()
    with _both(server, name) as cursors:
        for table, rows in new.items():
            database, _, plain = table.partition(".")
            marks = ", ".join(["%s"] * len(columns[table]))
            if rows:
                cursors[database].executemany(f"INSERT INTO {plain} VALUES ({marks})", rows)
            if changed[table]:
                key, *others = columns[table]
                cursors[database].executemany(
                    f"UPDATE {plain} SET {', '.join(f'{column} = %s' for column in others)} WHERE {key} = %s",
                    [(*row[1:], row[0]) for row in changed[table]],
                )
    return monotonic() - started


def _columns(server: "MariaDBServer", name: "EnvironmentName") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with _both(server, name) as cursors:
        for database, cursor in cursors.items():
            for table in _tables(database):
                cursor.execute(f"SELECT * FROM {table} LIMIT 0")
                found[f"{database}.{table}"] = [str(column[0]) for column in cursor.description or ()]
    return found


@contextmanager
def _both(server: "MariaDBServer", name: "EnvironmentName") -> Iterator[Mapping[str, "Cursor"]]:
    with server.transaction(name.database_sei) as sei, server.transaction(name.database_sip) as sip:
        yield {"sei": sei, "sip": sip}
