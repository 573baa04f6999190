"""The database of the Prefect server, where that is SQLite: copied while it is used, counted, put back.

The copy is made by SQLite's own backup, which shows one moment whoever writes meanwhile (sqlite.org/backup.html).
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from blocks.held_directory import held_directory
from blocks.prefect_database import RECEIVING_PREFIX, Examined, PrefectDatabase
from domain.backup.facts import SchemaDigest, TableDigest
from domain.errors import IntegrityError, InvalidInputError, RetryableError

_BUSY_SECONDS = 60


class SqliteDatabase(PrefectDatabase):
    """A file on this machine."""

    kind = "sqlite"

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def where(self) -> str:
        return str(self._file)

    def copy(self, target: Path) -> None:
        copy_database(self._file, target)

    def is_unused(self) -> bool:
        return is_unused(self._file)

    @contextmanager
    def receiving(self, scratch_dir: Path) -> Iterator[Path]:  # noqa: ARG002  # beside its place, not on another disk
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with held_directory(self._file.parent, RECEIVING_PREFIX) as home:
            yield home / self._file.name

    def put_in_place(self, copy: Path) -> None:
        put_in_place(copy, self._file)


def copy_database(source: Path, target: Path) -> None:
    """Copy the database as it is at one moment; nobody is kept from writing.

    Raises:
        InvalidInputError: there is no such file.
        RetryableError: it was locked for too long, or the disk is full.
    """
    if not source.is_file():
        raise InvalidInputError(
            "O banco do Prefect não existe", str(source), "Corrija a configuração prefect_database."
        )
    target.touch(mode=0o600)
    try:
        with closing(_opened(source)) as original, closing(sqlite3.connect(target)) as copy:
            original.backup(copy)
    except sqlite3.OperationalError as e:
        raise RetryableError(
            "O banco do Prefect não pôde ser copiado", str(source), "Confira disco e permissões e execute de novo."
        ) from e


def read_facts(file: Path) -> SchemaDigest:
    """What every table of a copy holds, as digests.

    Raises:
        IntegrityError: it is no whole SQLite database.
    """
    try:
        with closing(_opened(file)) as database:
            if (told := database.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
                raise IntegrityError("O banco do Prefect está danificado", file.name, str(told)[:80])
            named = database.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
            others = hashlib.sha256()
            tables = {}
            for kind, name, text in named:
                if kind == "table" and not name.startswith("sqlite_"):
                    tables[name] = _digest(database, name, text)
                else:
                    others.update(f"{kind} {name} {text}\n".encode())
    except sqlite3.DatabaseError as e:
        raise IntegrityError("O banco do Prefect não se lê", file.name, "Não use esta cópia.") from e
    return SchemaDigest(tables=tables, others=others.hexdigest())


def examine(file: Path) -> Examined:
    """What a copy holds. Raises as `read_facts`."""
    facts = read_facts(file)
    with closing(_opened(file)) as database:
        inside = database.execute("SELECT 1 FROM configuration WHERE key = 'ENCRYPTION_KEY'").fetchone() is not None
    return Examined(facts, keeps_its_own_key=inside)


def is_unused(file: Path) -> bool:
    """Whether there is nothing to lose: no file, or a database without runs and blocks."""
    if not file.exists():
        return True
    try:
        with closing(_opened(file)) as database:
            return not any(
                database.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # two names of ours
                for table in ("flow_run", "block_document")
            )
    except sqlite3.DatabaseError:
        return False


def put_in_place(copy: Path, target: Path) -> None:
    """Make a copy the server's database, in one step, every work pool paused: nothing starts before it is settled."""
    with closing(sqlite3.connect(copy)) as database, database:
        database.execute("UPDATE work_pool SET is_paused = 1")
    for leftover in (f"{target}-wal", f"{target}-shm"):
        Path(leftover).unlink(missing_ok=True)
    copy.replace(target)


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=_BUSY_SECONDS)


def _digest(database: sqlite3.Connection, name: str, definition: str) -> TableDigest:
    content, rows = hashlib.sha256(), 0
    quoted = name.replace('"', '""')
    for row in database.execute(f'SELECT * FROM "{quoted}"'):  # a name that the database itself gave
        content.update(repr(row).encode())
        rows += 1
    return TableDigest(
        rows=rows, content=content.hexdigest(), definition=hashlib.sha256(definition.encode()).hexdigest()
    )
