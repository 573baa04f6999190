"""Reading a MariaDB server's binary log as a replica does, and running one environment's part of it elsewhere."""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, cast

from pymysql.constants import COMMAND

from blocks.dump_loader import load_sql
from blocks.mariadb import MariaDBServer
from domain.errors import IntegrityError, InvalidInputError
from domain.log_events import MAGIC

# Events of transactions by number, as MariaDB 10 writes them; commands that only explain rows are not asked for.
_CAPABILITY = 4
_UNTIL_THE_END = 1
# Nobody's: a replica that the server knows by a number would be thrown out by another of that number.
_REPLICA = 0
_ANSWER_TIMEOUT_SECONDS = 4 * 3600
_CHUNK_BYTES = 1 << 20


class LogState(NamedTuple):
    """How a server writes its log, and what time it has, in seconds since 1970."""

    format: str
    clock: float


def log_state(server: MariaDBServer) -> LogState | None:
    """How the server writes its log; None when it writes none, or lets this account not read it."""
    with server.transaction() as cursor:
        cursor.execute("SELECT @@log_bin, @@binlog_format, UNIX_TIMESTAMP(NOW(6))")
        row = cursor.fetchone()
        if row is None or not int(row[0]):
            return None
    try:
        with server.transaction() as cursor:
            cursor.execute("SHOW BINARY LOGS")
    except InvalidInputError:
        return None
    return LogState(str(row[1]), float(row[2]))


def gtid_at(server: MariaDBServer, file: str, offset: int) -> str | None:
    """What was committed before a place in the log, as the server numbers it; None when there is no such place."""
    with server.transaction() as cursor:
        cursor.execute("SELECT BINLOG_GTID_POS(%s, %s)", (file, offset))
        row = cursor.fetchone()
        return None if row is None or row[0] is None else str(row[0])


def read_log(server: MariaDBServer, file: str, offset: int) -> Iterator[bytes]:
    """The events from a place in the log to its end of now, whole, one an item; more than one file where there are.

    Raises:
        InvalidInputError: the account may not read the log: it needs REPLICATION SLAVE and BINLOG MONITOR.
        IntegrityError: that place is not in the log any more, or cannot be read.
        RetryableError: the server went down.
    """
    patient = server.model_copy(update={"answer_timeout_seconds": _ANSWER_TIMEOUT_SECONDS})
    with patient.connection() as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET @master_binlog_checksum = @@global.binlog_checksum")
            cursor.execute(f"SET @mariadb_slave_capability = {_CAPABILITY}")
        request = struct.pack("<IHI", offset, _UNTIL_THE_END, _REPLICA) + file.encode()
        # The driver has no word for this command of the protocol, and reads its answers as those of all others.
        replica = cast("_Replica", connection)
        replica._execute_command(COMMAND.COM_BINLOG_DUMP, request)
        while True:
            packet = replica._read_packet()
            if packet.is_eof_packet():
                return
            yield packet.get_all_data()[1:]


class _Replica(Protocol):
    """What the driver's connection has beside what it publishes."""

    def _execute_command(self, command: int, sql: bytes) -> None: ...

    def _read_packet(self) -> "_Packet": ...


class _Packet(Protocol):
    """One answer of the server."""

    def is_eof_packet(self) -> bool: ...

    def get_all_data(self) -> bytes: ...


class LogFiles:
    """One environment's part of a log, in files that MariaDB's program reads; what is not whole is taken back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._whole = 0
        self.paths: list[Path] = []

    def begin(self, head: bytes) -> None:
        self.close()
        path = self._folder / f"log.{len(self.paths) + 1:06}"
        self._file = path.open("xb")
        self.paths.append(path)
        self._file.write(MAGIC + head)
        self._whole = self._file.tell()

    def write(self, event: bytes) -> None:
        if self._file is None:
            raise IntegrityError("O log binário não começa pelo seu formato", str(self._folder), "Execute de novo.")
        self._file.write(event)

    def settle(self, *, whole: bool) -> None:
        if self._file is None:
            return
        if whole:
            self._whole = self._file.tell()
        else:
            self._file.seek(self._whole)
            self._file.truncate()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def run_log(paths: list[Path], server: MariaDBServer, schema: str, where: str) -> None:
    """Run the events of these files on a server of which nothing else lives, in their order; `schema` is one there.

    Raises:
        InvalidInputError: MariaDB's programs are not installed.
        IntegrityError: a file is damaged, or the server refuses an event.
    """
    program = shutil.which("mariadb-binlog")
    if program is None:
        raise InvalidInputError(
            "O programa mariadb-binlog não está instalado", "PATH", "Instale o pacote mariadb-client."
        )
    if not paths:
        return
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(
            [program, "--no-defaults", *map(str, paths)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
        ) as process,
    ):
        try:
            load_sql(_output(process, where), server, schema, what=where)
        except IntegrityError as e:
            raise IntegrityError(
                f"O log binário não pôde ser refeito: {e.what}",
                where,
                "Nada foi trocado. Restaure a própria cópia com --backup, ou um momento anterior com --at.",
            ) from None
        finally:
            process.kill()


def _output(process: "subprocess.Popen[bytes]", where: str) -> Iterator[bytes]:
    output = cast("BinaryIO", process.stdout)  # asked for with PIPE
    while chunk := output.read(_CHUNK_BYTES):
        yield chunk
    if process.wait():
        raise IntegrityError(
            "O log binário não se lê até o fim", where, "Execute de novo; se repetir, chame o suporte."
        )
