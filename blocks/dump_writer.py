"""Dumping schemas of a MariaDB server as SQL, with the server's own client program; `dump_loader` is the way back.

All schemas of one call are dumped by one `mariadb-dump` in one InnoDB transaction, so they show the server at one
moment: SIP and SEI belong together (`sei.md` 3). Nobody is locked out and no right beyond reading is needed. The
program writes one text that names its schemas; here it is cut where it changes schema, and every piece gets the
program's opening settings and no name, so that each loads alone, under any name.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import BinaryIO, cast

from blocks.dump_loader import private_options
from blocks.dump_statements import DigestedDump
from blocks.mariadb import MariaDBServer, explain_code, identifier
from domain.backup.facts import DumpFacts, RowsDigest
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError

COMPLETION_MARK = b"-- Dump completed\n"
_IN_ORDER = "--order-by-primary"
_EVERYTHING = ("--routines", "--triggers", "--events")

# At the start of a line only the program itself can write this: a line break inside a value is written as `\n`.
_USE = re.compile(rb"USE `([a-z0-9_]+)`;\s*")
_ERROR = re.compile(rb"(?:Got )?error:? (\d+):? \"?(.*)", re.IGNORECASE)


class Dump:
    """One schema of a running dump: its SQL, line by line, to be read to its end before the next schema is asked."""

    def __init__(self, schema: str, lines: Iterator[bytes]) -> None:
        self.schema = schema
        self._lines = lines

    def __iter__(self) -> Iterator[bytes]:
        return self._lines


@contextmanager
def dumping(server: MariaDBServer, schemas: Sequence[str]) -> Iterator[Iterator[Dump]]:
    """Dump schemas as they are at one moment, in the order given; leaving the block early stops the dump.

    The SQL is bytes as the server has them (`--default-character-set=binary`, which is also the fastest), without
    dates or names, so that equal data give equal text. Each dump ends with `COMPLETION_MARK`.

    Raises:
        InvalidInputError: no client program, wrong credentials, or no such schema.
        RetryableError: the server is down or went down.
        IntegrityError: the server refused something else, or the text is not what it should be.
    """
    where = f"{', '.join(schemas)} em {server.host}:{server.port}"
    with _running(server, ["--no-create-db", *_EVERYTHING, "--databases", *_plain(schemas)]) as (process, messages):
        yield _Run(process, messages, where).dumps(schemas)


@contextmanager
def dumped(
    server: MariaDBServer,
    schemas: Sequence[str],
    *,
    with_place: bool = False,
    without_rows_of: Iterable[tuple[str, str]] = (),
) -> Iterator[Iterator[bytes]]:
    """The whole text of one dump of these schemas, as they are at one moment, line by line and with their names.

    Rows are in the order of their key, so that equal data give equal text; those of the tables named, by schema and
    name, are left out. It ends with `COMPLETION_MARK`. Leaving the block early stops the dump. `with_place` has it say
    in a comment where that moment is in the server's binary log, which the server has to keep: MariaDB notes it with
    the snapshot, and nobody is locked out. Raises as `dumping`.
    """
    where = f"{', '.join(schemas)} em {server.host}:{server.port}"
    options = [f"--ignore-table-data={schema}.{table}" for schema, table in without_rows_of]
    if with_place:
        options.append("--master-data=2")
    with _running(server, [_IN_ORDER, *_EVERYTHING, *options, "--databases", *_plain(schemas)]) as (process, messages):
        yield _Run(process, messages, where).lines()


def digest(
    server: MariaDBServer, schemas: Sequence[str], known: Mapping[tuple[str, str], RowsDigest] | None = None
) -> DumpFacts:
    """What these schemas hold at one moment, as the digests of a dump that nobody keeps; of none, nothing.

    The rows of the tables in `known`, by schema and name, are not read again. Raises as `dumping`.
    """
    if not schemas:
        return DumpFacts(schemas={})
    known = known or {}
    with dumped(server, schemas, without_rows_of=known) as lines:
        passing = DigestedDump(lines)
        for _ in passing:
            pass
    return passing.facts.with_rows(known)


def digest_rows(server: MariaDBServer, schema: str, table: str) -> RowsDigest:
    """What the rows of one table are, as `digest` tells it. Raises as `dumping`."""
    only = [_IN_ORDER, "--no-create-info", "--skip-triggers", *_plain([schema, table])]
    with _running(server, only) as (process, messages):
        lines = _Run(process, messages, f"{schema}.{table} em {server.host}:{server.port}").lines()
        passing = DigestedDump(chain([f"USE `{schema}`;\n".encode()], lines))
        for _ in passing:
            pass
    found = passing.facts.schemas[schema].tables[table]
    return RowsDigest(rows=found.rows, content=found.content)


def dump_program_version() -> str:
    """What the client program says of its version."""
    return subprocess.run([_program(), "--version"], capture_output=True, check=True, text=True).stdout.strip()


def _program() -> str:
    program = shutil.which("mariadb-dump")
    if program is None:
        raise InvalidInputError(
            "O programa mariadb-dump não está instalado", "PATH", "Instale o pacote mariadb-client."
        )
    return program


def _plain(names: Sequence[str]) -> Sequence[str]:
    for name in names:
        identifier(name)
    return names


@contextmanager
def _running(server: MariaDBServer, wanted: Sequence[str]) -> Iterator[tuple["subprocess.Popen[bytes]", BinaryIO]]:
    with (
        private_options(server) as access,
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(
            [
                _program(),
                f"--defaults-file=/dev/fd/{access}",
                "--single-transaction",
                "--default-character-set=binary",
                "--skip-dump-date",
                "--skip-comments",
                "--max-allowed-packet=1G",
                *wanted,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
            pass_fds=(access,),
        ) as process,
    ):
        try:
            yield process, cast("BinaryIO", messages)
        finally:
            process.kill()


class _Run:
    """A dump program at work."""

    def __init__(self, process: "subprocess.Popen[bytes]", messages: BinaryIO, where: str) -> None:
        self._process = process
        self._messages = messages
        self._where = where

    def dumps(self, schemas: Sequence[str]) -> Iterator[Dump]:
        output = cast("BinaryIO", self._process.stdout)  # asked for with PIPE
        preamble: list[bytes] = []
        wanted = iter(schemas)
        found = self._to_next_schema(output, preamble)
        for schema in wanted:
            if found != schema:
                raise self._failure()
            followers: list[str | None] = []
            yield Dump(schema, self._body(output, preamble, followers))
            if not followers:
                raise IntegrityError(
                    "Um banco foi pedido antes de o anterior ser lido até o fim", self._where, "Corrija o programa."
                )
            found = followers[0]
        if found is not None or self._process.wait() != 0:
            raise self._failure()

    def lines(self) -> Iterator[bytes]:
        yield from cast("BinaryIO", self._process.stdout)  # asked for with PIPE
        if self._process.wait() != 0:
            raise self._failure()  # before the mark: a dump that was cut never looks whole
        yield COMPLETION_MARK

    @staticmethod
    def _to_next_schema(output: BinaryIO, preamble: list[bytes]) -> str | None:
        for line in output:
            if match := _USE.fullmatch(line):
                return match[1].decode()
            preamble.append(line)
        return None

    def _body(self, output: BinaryIO, preamble: list[bytes], followers: list[str | None]) -> Iterator[bytes]:
        yield from preamble
        following: str | None = None
        for line in output:
            if match := _USE.fullmatch(line):
                following = match[1].decode()
                break
            yield line
        if following is None and self._process.wait() != 0:
            raise self._failure()  # before the mark: a dump that was cut never looks whole
        yield COMPLETION_MARK
        followers.append(following)

    def _failure(self) -> ImplantaError:
        self._process.wait()
        self._messages.seek(0)
        errors = _ERROR.findall(self._messages.read())
        if not errors:
            return RetryableError("A cópia do banco foi interrompida", self._where, "Execute de novo.")
        code, text = int(errors[-1][0]), errors[-1][1].decode(errors="replace")
        # The program's text stays out of the error: it may quote a row.
        return explain_code(code, text, self._where) or IntegrityError(
            f"O MariaDB recusou a cópia do banco (erro {code})",
            self._where,
            "Registre o número do erro e chame o suporte de banco de dados.",
        )
