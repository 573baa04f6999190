"""What a schema holds, in numbers that two equal schemas share."""

from collections.abc import Iterable, Iterator

from pymysql.cursors import Cursor

from blocks.infra_rows import first_number
from blocks.mariadb import MariaDBServer, identifier
from blocks.structure import read_structure
from domain.archive import Attachment, DatabaseFacts, TableFacts, attachment_path
from domain.backup.facts import DatabaseReading
from domain.reference import Database

# A checksum reads every row of its table.
_ANSWER_TIMEOUT_SECONDS = 4 * 3600
# As many tables as a statement keeps open at a time.
_TABLES_AT_ONCE = 50
_WRITTEN = """
    SELECT table_name, UNIX_TIMESTAMP(update_time) FROM information_schema.tables
    WHERE table_schema = %s AND update_time IS NOT NULL
"""
PEN_ATTACHMENTS = "md_pen_anexo_documento"
"""The module PEN's table, where it is installed."""
# The tables with files in SEI's repository, and the folder of each (`sei.md` 3).
ATTACHMENT_TABLES = {"anexo": "", PEN_ATTACHMENTS: "mod-pen/"}


def read_database_facts(server: MariaDBServer, schema: str) -> DatabaseFacts:
    """Structure, row counts and checksums of every table of a schema, read in one snapshot."""
    return read_database(server, schema).facts


def read_database(server: MariaDBServer, schema: str, *, since: float | None = None) -> DatabaseReading:
    """As `read_database_facts`, with what the server knows of when each table was last written.

    A table with rows of which it knows that nobody wrote it after `since`, in seconds of its own clock, is not counted:
    that is most of the reading. It forgets when it starts anew, and of tables that were rebuilt.
    """
    patient = server.model_copy(update={"answer_timeout_seconds": _ANSWER_TIMEOUT_SECONDS})
    with patient.transaction(schema) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        structure = read_structure(cursor, schema)
        at_rest = set() if since is None else _resting(cursor, schema, since)
        tables = _count(cursor, schema, sorted(structure.tables.keys() - at_rest))
        cursor.execute("SELECT UNIX_TIMESTAMP()")
        return DatabaseReading(
            facts=DatabaseFacts(structure=structure.digest, tables=tables),
            read_at=first_number(cursor),
            written_at=_written(cursor, schema),  # now, when the server has noted whatever was seen
        )


def read_resting(server: MariaDBServer, schema: str, since: float) -> set[str]:
    """The tables with rows of which the server knows that nobody wrote them after `since`, by its own clock."""
    with server.transaction(schema) as cursor:
        return _resting(cursor, schema, since)


def read_clock(server: MariaDBServer) -> float:
    """Whole seconds of the server's own clock."""
    with server.transaction() as cursor:
        cursor.execute("SELECT UNIX_TIMESTAMP()")
        return float(first_number(cursor))


def _count(cursor: Cursor, schema: str, tables: list[str]) -> dict[str, TableFacts]:
    rows = dict(_ask_each(cursor, tables, "SELECT %s, COUNT(*) FROM {table}"))
    sums: dict[str, int | None] = {}
    for names in _batches(tables):
        cursor.execute(f"CHECKSUM TABLE {', '.join(map(identifier, names))} EXTENDED")
        sums |= {str(table).removeprefix(f"{schema}."): value for table, value in cursor.fetchall()}
    return {table: TableFacts(rows=rows[table], checksum=sums[table]) for table in tables}


def _resting(cursor: Cursor, schema: str, since: float) -> set[str]:
    # TRUNCATE leaves the server's note as it was: only of a table that holds rows does it say all.
    old = [table for table, moment in _written(cursor, schema).items() if moment < since]
    return {table for table, holds in _ask_each(cursor, old, "SELECT %s, EXISTS (SELECT 1 FROM {table})") if holds}


def _ask_each(cursor: Cursor, tables: list[str], question: str) -> Iterator[tuple[str, int]]:
    """The answer of each table, with few statements: of hundreds of tables most of the time is the way there."""
    for names in _batches(tables):
        cursor.execute(" UNION ALL ".join(question.format(table=identifier(name)) for name in names), names)
        yield from ((str(table), int(answer)) for table, answer in cursor.fetchall())


def _batches(tables: list[str]) -> Iterator[list[str]]:
    return (tables[at : at + _TABLES_AT_ONCE] for at in range(0, len(tables), _TABLES_AT_ONCE))


def _written(cursor: Cursor, schema: str) -> dict[str, float]:
    cursor.execute(_WRITTEN, (schema,))
    return {str(table): float(moment) for table, moment in cursor.fetchall()}


def read_versions(server: MariaDBServer, schemas: Iterable[tuple[Database, str]]) -> dict[str, str]:
    """The version parameters of core and modules, as `sei SEI_VERSAO` and the like: the database says, not a marker."""
    versions: dict[str, str] = {}
    for kind, schema in schemas:
        with server.transaction(schema) as cursor:
            cursor.execute(
                "SELECT nome, valor FROM infra_parametro WHERE nome LIKE %s OR nome LIKE %s ORDER BY nome",
                ("%VERSAO%", "%VERSION%"),
            )
            versions |= {f"{kind} {name}": str(value) for name, value in cursor.fetchall()}
    return versions


def list_attachments(server: MariaDBServer, schema: str) -> dict[str, Attachment]:
    """Every file that a SEI schema says is in its repository, by its path below it."""
    found: dict[str, Attachment] = {}
    with server.transaction(schema) as cursor:
        for table, folder in ATTACHMENT_TABLES.items():
            cursor.execute(
                "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s", (table,)
            )
            if cursor.fetchone() is None:
                continue
            cursor.execute(f"SELECT id_anexo, dth_inclusao, tamanho, hash, sin_ativo FROM {identifier(table)}")
            for id_anexo, included_at, size, digest, active in cursor.fetchall():
                path = folder + attachment_path(int(id_anexo), included_at)
                found[path] = Attachment(path=path, size_bytes=size, md5=digest, active=active == "S")
    return found
