"""A private MariaDB for one restoration: for this machine, without durability, gone with whoever started it.

Nothing of it outlives its process: the server dies with the thread that started it (a kill -9 included), and its
directory, which is held by a lock while it is used, is swept by the next start.
"""

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr
from tenacity import Retrying, retry_if_exception, retry_if_exception_type, stop_after_delay, wait_fixed

from blocks.held_directory import held_directory
from blocks.mariadb import MariaDBServer
from domain.errors import InvalidInputError, RetryableError

_PACKAGE = "mariadb-server"
SCRATCH_PREFIX = "rascunho-"
_START_SECONDS = 60.0
_HOST = "127.0.0.1"
# A checksum, or the last key of a large table, reads every row.
_ANSWER_TIMEOUT_SECONDS = 4 * 3600
_LOG_MIB = 64
# Read before the first connection is accepted: at no moment does an account lack a password.
_ACCOUNTS = """\
DELETE FROM mysql.global_priv WHERE User <> 'mariadb.sys';
FLUSH PRIVILEGES;
CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY '{password}';
GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
"""

# What a power cut could lose is lost with the scratch anyway; character set and packets are as SEI asks of its server.
_OPTIONS = (
    "--skip-name-resolve",
    "--skip-log-bin",
    "--skip-slave-start",
    "--skip-ssl",
    "--performance-schema=0",
    "--character-set-server=latin1",
    "--collation-server=latin1_swedish_ci",
    "--default-time-zone=-03:00",
    "--max-allowed-packet=1G",
    "--max-connections=40",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-flush-method=nosync",
    "--innodb-log-buffer-size=8M",
    "--innodb-fast-shutdown=2",
    "--innodb-buffer-pool-dump-at-shutdown=0",
    "--innodb-buffer-pool-load-at-startup=0",
    "--aria-pagecache-buffer-size=8M",
    "--key-buffer-size=1M",
    "--tmp-table-size=16M",
    "--sync-frm=0",
)


# What one statement of a dump needed goes back to the system after it (mallopt(3)); 40 MB less at the peak, measured.
_MALLOC = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "8388608", "MALLOC_MMAP_THRESHOLD_": "8388608"}


class ScratchServer(NamedTuple):
    """A running scratch server, as its administrator reaches it from this machine."""

    server: MariaDBServer
    process: "subprocess.Popen[bytes]"
    home: Path


@contextmanager
def scratch_server(parent: Path, *, buffer_pool_mib: int = 48) -> Iterator[ScratchServer]:
    """A fresh, empty server below `parent`, removed with all it holds when the block ends, however it ends.

    Only the thread that enters the block may leave it; others may use the server meanwhile.

    Raises:
        InvalidInputError: MariaDB's programs are not installed.
        RetryableError: the server did not start, or its disk is full.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with held_directory(parent, SCRATCH_PREFIX) as home:
            shutil.copytree(_template(parent), home / "data")
            server = _reserve_address()
            process = _start(home, server, buffer_pool_mib)
            try:
                _wait(server, process, home)
                yield ScratchServer(server, process, home)
            finally:
                process.kill()  # a clean stop takes seconds, and nothing of it is wanted
                process.wait()
    except OSError as e:
        raise RetryableError(
            f"O servidor de rascunho não pôde ser feito ({e.strerror or 'cópia incompleta'})",
            str(parent),
            "Confira espaço e permissões e execute de novo.",
        ) from e


def _template(parent: Path) -> Path:
    """An empty server's data, of the installed version, made once: copying it takes a third of the time."""
    version = subprocess.run(
        [_program("mariadbd"), "--no-defaults", "--version"], capture_output=True, check=True, text=True
    ).stdout.split()[2]
    template = parent / f"modelo-{version}"
    if template.is_dir():
        return template
    with held_directory(parent, SCRATCH_PREFIX) as fresh:
        done = subprocess.run(
            [
                _program("mariadb-install-db"),
                "--no-defaults",
                f"--datadir={fresh / 'data'}",
                f"--tmpdir={fresh}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                "--force",
                f"--innodb-log-file-size={_LOG_MIB}M",
                *_as_root(),
            ],
            capture_output=True,
            env=_environment(),
            check=False,
        )
        if done.returncode:
            raise RetryableError(
                "O MariaDB de rascunho não pôde ser preparado",
                str(parent),
                "Confira espaço em disco, permissões e o pacote mariadb-server e execute de novo.",
            )
        with suppress(OSError):  # another process was first: its template is as good
            (fresh / "data").rename(template)
    return template


def _reserve_address() -> MariaDBServer:
    """A port that nobody has at this moment, and a password that nobody else learns."""
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port = free.getsockname()[1]
    return MariaDBServer(
        host=_HOST,
        port=port,
        user="root",
        password=SecretStr(secrets.token_hex(24)),
        answer_timeout_seconds=_ANSWER_TIMEOUT_SECONDS,
    )


def _start(home: Path, server: MariaDBServer, buffer_pool_mib: int) -> "subprocess.Popen[bytes]":
    accounts = home / "contas.sql"
    accounts.touch(mode=0o600)
    password = server.password.get_secret_value()
    accounts.write_text(_ACCOUNTS.format(password=password))
    return subprocess.Popen(
        [
            _program("setpriv", "util-linux"),
            "--pdeathsig",
            "KILL",
            _program("nice", "coreutils"),
            "-n",
            "5",
            _program("mariadbd"),
            "--no-defaults",
            f"--datadir={home / 'data'}",
            f"--bind-address={server.host}",
            f"--port={server.port}",
            "--socket=s",  # below the data; a whole path may only have 107 bytes
            f"--init-file={accounts}",
            f"--pid-file={home / 'pid'}",
            f"--tmpdir={home}",
            f"--log-error={home / 'erros'}",
            f"--innodb-buffer-pool-size={buffer_pool_mib}M",
            f"--innodb-log-file-size={_LOG_MIB}M",
            *_OPTIONS,
            *_as_root(),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment(),
    )


def _wait(server: MariaDBServer, process: "subprocess.Popen[bytes]", home: Path) -> None:
    still = Retrying(
        retry=retry_if_exception_type(RetryableError) & retry_if_exception(lambda _: process.poll() is None),
        stop=stop_after_delay(_START_SECONDS),
        wait=wait_fixed(0.02),
        reraise=True,
    )
    try:
        still(server.probe)
    except RetryableError as e:
        raise RetryableError(
            "O servidor de rascunho não começou a atender",
            str(home.parent),
            "Confira memória e espaço em disco desta máquina e execute de novo.",
        ) from e


def _environment() -> dict[str, str]:
    library = next(iter(Path("/usr/lib").glob("*/libeatmydata.so")), None)
    # Half of a restoration's time would be spent on waiting for a disk that may forget it all.
    return {**os.environ, **_MALLOC, **({"LD_PRELOAD": str(library)} if library else {})}


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _program(name: str, package: str = _PACKAGE) -> str:
    found = shutil.which(name) or next(
        (str(path) for path in (Path("/usr/sbin", name), Path("/usr/local/sbin", name)) if path.exists()), None
    )
    if found is None:
        raise InvalidInputError(f"O programa {name} não está instalado", "PATH", f"Instale o pacote {package}.")
    return found
