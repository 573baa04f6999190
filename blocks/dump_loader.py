"""Loading a SQL dump into one schema of a MariaDB server, with the server's own client program."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from blocks.mariadb import MariaDBServer, explain_code
from blocks.reference import open_dump, verify_dump
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from domain.reference import DumpFile

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CLIENT_ERROR = re.compile(rb"^ERROR (\d+) \(\w+\)(?: at line (\d+))?(?:: (.*))?", re.MULTILINE)
_LOCK = re.compile(
    rb"(?:LOCK TABLES `\w+` WRITE;|UNLOCK TABLES;|/\*!40000 ALTER TABLE `\w+` (?:DIS|EN)ABLE KEYS \*/;)\r?\n"
)


def load_dump(dump: DumpFile, server: MariaDBServer, database: str) -> None:
    """Run the whole dump in one existing schema, replacing the tables that the dump names.

    With a `ca_file`, the server must show a certificate which that authority signed; without, there is no TLS.

    A load that was interrupted is repaired by loading again. The schema must already exist, in latin1, and be nobody
    else's: the locks that the dump takes, table by table, are left out.

    Raises:
        InvalidInputError: no client program, wrong credentials, or no such schema.
        RetryableError: the server is down, went down, or is out of disk.
        IntegrityError: the dump is not what it was when it was found, or the server refuses one of its statements.
    """
    verify_dump(dump)
    with open_dump(dump) as stream:
        load_sql(_without_locks(stream), server, database, what=dump.path.name)


def load_sql(sql: Iterable[bytes], server: MariaDBServer, database: str, *, what: str) -> None:
    """Run SQL, in pieces of any size, in one existing schema; `what` names it in errors. Raises as `load_dump`.

    Whether it is whole, and whether it writes elsewhere, is the caller's to know.
    """
    if not _IDENTIFIER.fullmatch(database):
        raise InvalidInputError(
            "Nome de banco inválido", repr(database), "Use só letras minúsculas, algarismos e sublinhado."
        )
    client = shutil.which("mariadb")
    if client is None:
        raise InvalidInputError(
            "O programa cliente mariadb não está instalado", "PATH", "Instale o pacote mariadb-client."
        )
    where = f"{what} em {server.host}:{server.port}/{database}"
    with private_options(server) as options, tempfile.TemporaryFile() as messages:
        command = [
            client,
            f"--defaults-file=/dev/fd/{options}",
            "--binary-mode",  # no client command in a dump is obeyed, so it cannot run a program here
            "--local-infile=0",
            "--batch",
            "--max-allowed-packet=1G",
            "--connect-timeout=10",
            "--init-command=SET SESSION lock_wait_timeout = 60",
            f"--database={database}",
        ]
        exit_code = _feed(command, sql, options, messages.fileno())
        messages.seek(0)
        if exit_code:
            raise _explain(messages.read(), where)


def _without_locks(dump: BinaryIO) -> Iterator[bytes]:
    """The dump's lines, with empty ones for statements that change nothing in a schema that is being made.

    They are four round trips a table, a sixth of the time that a reference takes. Line numbers stay as they are in the
    file, for errors. A line within a value cannot be taken for one of them: dumps write its end as `\\n`.
    """
    return (b"\n" if _LOCK.fullmatch(line) else line for line in dump)


def _feed(command: list[str], sql: Iterable[bytes], options: int, messages: int) -> int:
    """Stream the SQL into the client; a client that stops early tells why by its exit code and messages."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=messages, pass_fds=(options,)
    ) as process:
        client_input = cast("BinaryIO", process.stdin)  # asked for with PIPE above
        try:
            with contextlib.suppress(BrokenPipeError), client_input:
                client_input.writelines(sql)
        except BaseException:
            process.kill()
            raise
        return process.wait()


@contextmanager
def private_options(server: MariaDBServer) -> Iterator[int]:
    """An option file that exists only as a pipe: no argument, environment variable or file ever holds the password."""
    lines = [
        "[client]",
        "protocol=tcp",
        f"host={_quoted(server.host)}",
        f"port={server.port}",
        f"user={_quoted(server.user)}",
        f"password={_quoted(server.password.get_secret_value())}",
        *([f"ssl-ca={_quoted(str(server.ca_file))}", "ssl-verify-server-cert"] if server.ca_file else ["skip-ssl"]),
    ]
    options = "".join(f"{line}\n" for line in lines)
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(options.encode())
        yield reader
    finally:
        os.close(reader)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _explain(messages: bytes, where: str) -> ImplantaError:
    """Translate the client's last error; its text stays out, because it may quote a row's values."""
    errors = _CLIENT_ERROR.findall(messages)
    if not errors:
        return RetryableError("A carga do dump foi interrompida", where, "Execute de novo: a carga recomeça do início.")
    code, line, text = int(errors[-1][0]), errors[-1][1].decode(), errors[-1][2].decode(errors="replace")
    if told := explain_code(code, text, where):
        return told
    return IntegrityError(
        f"O MariaDB recusou um comando do dump (erro {code}, linha {line or 'desconhecida'})",
        where,
        "Confira se o dump é da versão certa e se o servidor a suporta.",
    )
