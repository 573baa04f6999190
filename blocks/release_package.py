"""Release packages: made from two reference databases, proved on them, applied to an environment's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from blocks.catalog_file import CATALOG_DIR, read_catalog_file, shown
from blocks.dump_loader import load_dump
from blocks.foreign_keys import check_foreign_keys
from blocks.mariadb import MariaDBServer, identifier
from blocks.private_files import replace_private_file
from blocks.release_reading import Ground, read_core_versions, read_ground, read_release_rows
from blocks.release_run import Progress, run_statements, shortened
from domain.errors import IntegrityError, InvalidInputError
from domain.reference import Database, DumpFile, Reference
from domain.structure import differences
from domain.upgrade.definitions_plan import plan_definitions
from domain.upgrade.fills import Fill, Fills, parse_fills
from domain.upgrade.package import (
    DatabasePackage,
    ReleasePackage,
    Statement,
    judge_ground,
    package_bytes,
    parse_package,
    side_of,
)
from domain.upgrade.requirements_plan import plan_requirements
from domain.upgrade.rows_plan import (
    RELEASE_TABLES,
    Rows,
    is_counter,
    plan_counters,
    plan_rows,
    require_free_ids,
    rows_differ,
)
from domain.upgrade.structure_plan import plan_after, plan_before


def build_package(server: MariaDBServer, source: Reference, target: Reference) -> ReleasePackage:
    """What leads from one reference to the other; it was applied to the first, which then equalled the second.

    The server is a private one: four databases are made in it and removed.

    Raises:
        InvalidInputError: a column becomes obligatory and nobody has said what existing rows get.
        IntegrityError: the databases have something that cannot be compared, or the proof failed.
    """
    fills = read_fills(source.version, target.version)
    parts = [
        _build_part(server, before, after, fills) for before, after in zip(source.dumps, target.dumps, strict=True)
    ]
    return ReleasePackage(
        from_version=source.version,
        to_version=target.version,
        from_digest=source.digest,
        to_digest=target.digest,
        sip=parts[0],
        sei=parts[1],
    )


def apply_package(
    server: MariaDBServer, schema: str, part: DatabasePackage, *, progress: Progress | None = None
) -> None:
    """Carry one database over, in order, stopping at the first error; nothing at all in a rehearsal.

    What MariaDB defines it commits by itself: after an error the only way back is a copy made before.

    Raises:
        InvalidInputError: the database is not where the package starts, or holds what a check refuses; it is unchanged.
        IntegrityError, RetryableError: a statement failed, named by its number and table.
    """
    with server.transaction(schema) as cursor:
        verdict = judge_ground(part, side_of(read_ground(cursor, schema).structure, read_core_versions(cursor)))
    if verdict == "done":
        raise InvalidInputError(
            "O pacote já foi aplicado: o banco está na versão de destino", schema, "Nada foi mudado e nada é preciso."
        )
    if verdict != "ready":
        raise InvalidInputError(
            f"O banco não é o ponto de partida do pacote: {shortened(verdict)}",
            schema,
            "Nada foi mudado. Compare o ambiente com a referência da sua versão antes de atualizar.",
        )
    run_statements(server, schema, part.statements, progress=progress)


def check_package(server: MariaDBServer, package: ReleasePackage, source: Reference, target: Reference) -> None:
    """Prove a package on fresh copies of the references: the same structure and rows, and no second application.

    Raises:
        InvalidInputError: the references are not those that the package was made from.
        IntegrityError: it does not lead where it says.
    """
    where = f"pacote {package.from_version} → {package.to_version}"
    if (package.from_digest, package.to_digest) != (source.digest, target.digest):
        raise InvalidInputError(
            "O pacote foi feito de outros bancos de referência",
            where,
            "Confira IMPLANTA_REFERENCE_DIR ou gere o pacote de novo.",
        )
    for part, before, after in zip(package.parts, source.dumps, target.dumps, strict=True):
        with _copy(server, before) as schema, _copy(server, after) as wanted:
            apply_package(server, schema, part)
            _prove(server, schema, *_read_target(server, wanted, part.database), where)
            try:
                apply_package(server, schema, part)
            except InvalidInputError:
                continue
            raise IntegrityError("O pacote se deixa aplicar duas vezes", where, "Gere o pacote de novo.")


def repair_statements(found: Ground, wanted: Ground) -> list[Statement]:
    """What brings a drifted structure back, rows untouched; the checks among it refuse what would need a value.

    Tables that are not wanted, and their triggers, may be a module's: they stay.
    """
    tables = {name: table for name, table in found.tables.items() if name in wanted.tables}
    theirs = {f"TRIGGER {name}" for name in found.tables.keys() - wanted.tables.keys()}
    known = [definition for definition in found.definitions if definition.group not in theirs]
    drops, creations = plan_definitions(known, wanted.definitions)
    return [
        *plan_requirements(tables, wanted.tables, ()),
        *drops,
        *plan_before(tables, wanted.tables, (), strict=False),
        *plan_after(tables, wanted.tables),
        *creations,
    ]


def read_fills(from_version: str, to_version: str) -> Fills:
    """What existing rows get in columns that become obligatory; none where the catalog has no file of this pair."""
    path = CATALOG_DIR / "upgrades" / f"{from_version}-{to_version}.yaml"
    return parse_fills(read_catalog_file(path).value, where=shown(path)) if path.exists() else Fills()


def write_package(package: ReleasePackage, path: Path) -> None:
    """Write its file, whole or not at all. Raises InvalidInputError when it cannot be written there."""
    try:
        replace_private_file(path, package_bytes(package))
        path.chmod(0o644)
    except OSError as error:
        raise InvalidInputError(
            f"O pacote não pôde ser gravado: {error.strerror}", str(path), "Escolha outro lugar com --output."
        ) from error


def read_package(path: Path) -> ReleasePackage:
    """The package of a file. Raises InvalidInputError when it is none, and IntegrityError when it is damaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"O pacote não pode ser lido: {error.strerror}", str(path), "Confira o caminho do arquivo."
        ) from error
    return parse_package(content, where=str(path))


def _build_part(server: MariaDBServer, before: DumpFile, after: DumpFile, fills: Fills) -> DatabasePackage:
    """The structure is carried over first, so that what differs in the rows then is just what the release changed."""
    database = before.database
    declared: tuple[Fill, ...] = fills.of(database)
    with _copy(server, before) as schema, _copy(server, after) as wanted_schema:
        with server.transaction(schema) as cursor:
            found, from_side = read_ground(cursor, schema), read_core_versions(cursor)
        with server.transaction(wanted_schema) as cursor:
            to_side = read_core_versions(cursor)
        wanted, target_rows = _read_target(server, wanted_schema, database)
        drops, creations = plan_definitions(found.definitions, wanted.definitions)
        changes = plan_before(found.tables, wanted.tables, declared, strict=True)
        first = [*plan_requirements(found.tables, wanted.tables, declared), *drops, *changes]
        run_statements(server, schema, first)
        with server.transaction(schema) as cursor:
            source_rows = read_release_rows(cursor, wanted, target_rows)
        taken = require_free_ids(found.tables, wanted.tables, source_rows, target_rows)
        then = [
            *plan_rows(wanted.tables, source_rows, target_rows),
            *plan_counters(found.tables, wanted.tables),
            *plan_after(found.tables, wanted.tables),
            *creations,
        ]
        run_statements(server, schema, [*taken, *then])
        part = DatabasePackage(
            database=database,
            before=side_of(found.structure, from_side),
            after=side_of(wanted.structure, to_side),
            statements=(*taken, *first, *then),
            left_out=_left_out(server, schema, wanted_schema, _others(wanted, target_rows)),
        )
        _prove(server, schema, wanted, target_rows, f"{before.path.name} → {after.path.name}")
    return part


def _prove(server: MariaDBServer, schema: str, wanted: Ground, expected: Mapping[str, Rows], where: str) -> None:
    """Hold a database that was carried over against what was read of the reference of where it should be."""
    with server.transaction(schema) as cursor:
        problems = differences(wanted.structure, read_ground(cursor, schema).structure)
        if not problems:
            rows = read_release_rows(cursor, wanted, expected)
            problems = [f"tabela {name}: linhas" for name in expected if rows_differ(name, expected[name], rows[name])]
    broken = check_foreign_keys(server, schema).broken
    problems += [f"tabela {key.table}: {key.rows} linhas órfãs em {key.key}" for key in broken]
    if problems:
        raise IntegrityError(
            f"O pacote não leva ao banco de destino: {shortened(problems)}",
            where,
            "Não use este pacote; avise a equipe do Implanta com esta mensagem.",
        )


def _read_target(server: MariaDBServer, schema: str, database: Database) -> tuple[Ground, dict[str, Rows]]:
    with server.transaction(schema) as cursor:
        wanted = read_ground(cursor, schema)
        names = sorted(RELEASE_TABLES[database] & wanted.tables.keys())
        return wanted, read_release_rows(cursor, wanted, names)


def _others(wanted: Ground, release_rows: Mapping[str, Rows]) -> list[str]:
    return [name for name in sorted(wanted.tables) if name not in release_rows and not is_counter(name)]


def _left_out(server: MariaDBServer, schema: str, wanted_schema: str, others: Sequence[str]) -> tuple[str, ...]:
    """Tables with other rows in the target that a package leaves alone: what their laboratory left in the dumps."""
    sums = []
    for database in (schema, wanted_schema):
        with server.transaction(database) as cursor:
            cursor.execute(f"CHECKSUM TABLE {', '.join(map(identifier, others))} EXTENDED")
            sums.append([row[1] for row in cursor.fetchall()])
    return tuple(name for name, found, expected in zip(others, *sums, strict=True) if found != expected)


@contextmanager
def _copy(server: MariaDBServer, dump: DumpFile) -> Iterator[str]:
    """A database with what the dump holds, removed when the block ends."""
    schema = f"pacote_{dump.database}_{token_hex(6)}"
    server.ensure_database(schema)
    try:
        load_dump(dump, server, schema)
        yield schema
    finally:
        server.drop_database(schema)
