"""The database of the Prefect server, where that is PostgreSQL: by its own pg_dump and pg_restore.

pg_dump shows one moment whoever writes meanwhile (postgresql.org/docs/current/app-pgdump.html). A copy is examined by
restoring it into a private server, as it would be restored after a loss.
"""

import csv
import hashlib
import io
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL

from blocks.held_directory import held_directory
from blocks.postgres_programs import postgres_program
from blocks.prefect_database import RECEIVING_PREFIX, Examined, PrefectDatabase
from blocks.scratch_postgres import scratch_postgres
from domain.backup.facts import SchemaDigest, TableDigest
from domain.errors import IntegrityError, InvalidInputError, RetryableError

_PORT = 5432
_CONNECT_SECONDS = "10"
# How values are written as text has to be the same wherever they are read.
_SETTLED = "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1;"

_TABLES = """\
SELECT c.relname,
       (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull::text || ' '
                          || coalesce(pg_get_expr(d.adbin, d.adrelid), ''), ', ' ORDER BY a.attnum)
          FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
       || coalesce((SELECT string_agg(pg_get_constraintdef(k.oid), '; ' ORDER BY k.conname)
                      FROM pg_constraint k WHERE k.conrelid = c.oid), '')
       || coalesce((SELECT string_agg(i.indexdef, '; ' ORDER BY i.indexname)
                      FROM pg_indexes i WHERE i.schemaname = 'public' AND i.tablename = c.relname), '')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relkind = 'r' ORDER BY c.relname"""
_OTHERS = """\
SELECT 'extension', extname, '' FROM pg_extension
UNION ALL SELECT 'enum', t.typname, string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder)
            FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid GROUP BY t.typname
UNION ALL SELECT 'view', viewname, definition FROM pg_views WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1, 2, 3"""


class PostgresDatabase(PrefectDatabase):
    """A database of a server that answers at an address."""

    kind = "postgresql"

    def __init__(self, url: URL) -> None:
        self._url = url

    @property
    def where(self) -> str:
        return f"{self._url.host}:{self._url.port or _PORT}/{self._url.database}"

    def copy(self, target: Path) -> None:
        target.touch(mode=0o600)
        # Not compressed: what is sealed is compressed as a whole.
        _run(
            self._url, "pg_dump", "--format=custom", "--compress=0", "--no-owner", "--no-privileges", f"--file={target}"
        )

    def is_unused(self) -> bool:
        tables = {row[0] for row in _rows(self._url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        known = [name for name in ("flow_run", "block_document") if name in tables]
        return not any(_rows(self._url, f"SELECT 1 FROM {name} LIMIT 1") for name in known)

    @contextmanager
    def receiving(self, scratch_dir: Path) -> Iterator[Path]:
        scratch_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with held_directory(scratch_dir, RECEIVING_PREFIX) as home:
            yield home / "prefect.dump"

    def put_in_place(self, copy: Path) -> None:
        _restore(self._url, copy)
        _rows(self._url, "UPDATE work_pool SET is_paused = true")


def examine(file: Path, scratch_dir: Path) -> Examined:
    """What a copy holds, restored in a private server.

    Raises:
        IntegrityError: it does not restore.
        InvalidInputError: PostgreSQL's programs are not installed.
        RetryableError: the private server did not start, or its disk is full.
    """
    with scratch_postgres(scratch_dir) as url:
        _restore(url, file)
        own_key = _rows(url, "SELECT 1 FROM configuration WHERE key = 'ENCRYPTION_KEY'")
        return Examined(read_facts(url), keeps_its_own_key=bool(own_key))


def read_facts(url: URL) -> SchemaDigest:
    """What every table of a database holds, as digests: of each the sum over its rows, in whatever order they lie."""
    others = hashlib.sha256(repr(_rows(url, _OTHERS)).encode()).hexdigest()
    return SchemaDigest(tables={name: _digest(url, name, text) for name, text in _rows(url, _TABLES)}, others=others)


def _digest(url: URL, name: str, definition: str) -> TableDigest:
    quoted = name.replace('"', '""')
    halves = [f"sum(('x' || substr(md5(t::text), {at}, 16))::bit(64)::bigint::numeric)" for at in (1, 17)]
    ((rows, *sums),) = _rows(url, f'SELECT count(*), {", ".join(halves)} FROM public."{quoted}" t')
    return TableDigest(
        rows=int(rows),
        content=hashlib.sha256(repr(sums).encode()).hexdigest(),
        definition=hashlib.sha256(definition.encode()).hexdigest(),
    )


def _restore(url: URL, copy: Path) -> None:
    """Make a copy all that the database holds."""
    # pg_dump takes this schema for given, for every new database has it.
    _rows(url, "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")
    try:
        _run(url, "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(copy))
    except RetryableError as e:
        _rows(url, "SELECT 1")  # a server that is gone says so here
        raise IntegrityError("A cópia do banco do Prefect não se restaura", copy.name, "Não use esta cópia.") from e


def _rows(url: URL, statement: str) -> list[list[str]]:
    told = _run(url, "psql", "--no-psqlrc", "--quiet", "--csv", "--tuples-only", f"--command={_SETTLED}{statement}")
    csv.field_size_limit(2**31 - 1)
    return [row for row in csv.reader(io.StringIO(told)) if row]


def _run(url: URL, program: str, *options: str) -> str:
    reaching: Sequence[str] = (
        *("--host", url.host or "localhost", "--port", str(url.port or _PORT)),
        *("--username", url.username or "", "--no-password", "--dbname", url.database or ""),
    )
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    done = subprocess.run(
        [postgres_program(program), *reaching, *options],
        env={**os.environ, **password, "PGCONNECT_TIMEOUT": _CONNECT_SECONDS},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    where = f"{url.host}:{url.port or _PORT}/{url.database}"
    first = done.stderr.partition("\n")[0]
    if "authentication failed" in first or ("FATAL:" in first and "does not exist" in first):
        raise InvalidInputError(
            "O PostgreSQL do Prefect recusou o acesso", where, "Corrija a configuração prefect_database."
        )
    raise RetryableError(
        f"O {program} não terminou (código {done.returncode})", where, "Confira o servidor e o disco e execute de novo."
    )
