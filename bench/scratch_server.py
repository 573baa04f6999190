"""A MariaDB as a package leaves it: an operator's server to try a restore on."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pymysql

from domain.errors import RetryableError

_START_SECONDS = 30
_LOOK_SECONDS = 0.05
# What SEI asks of its server (`sei.md` 2.1), and what keeps the server apart from others; all else is the default:
# every commit is on disk before it is confirmed.
_OPTIONS = (
    "--character-set-server=latin1",
    "--collation-server=latin1_swedish_ci",
    "--max-allowed-packet=128M",
    "--skip-networking",
)


@contextmanager
def default_mariadb(folder: Path) -> Iterator[Path]:
    """A running server without schemas; the socket on which root needs no password. `folder` must be private.

    Raises:
        RetryableError: it does not start.
    """
    data, temporary, socket, log = folder / "dados", folder / "tmp", folder / "rascunho.sock", folder / "mariadb.log"
    # A server that starts deletes the temporary tables that it finds in its tmpdir, a neighbour's as well.
    temporary.mkdir()
    common = ["--no-defaults", f"--datadir={data}", f"--tmpdir={temporary}"]
    common += ["--user=root"] if os.geteuid() == 0 else []
    install = ["mariadb-install-db", *common, "--auth-root-authentication-method=normal"]
    subprocess.run([*install, "--skip-test-db", "--skip-name-resolve", "--force"], check=True, capture_output=True)
    with log.open("wb") as messages:
        server = subprocess.Popen(
            ["mariadbd", *common, *_OPTIONS, f"--socket={socket}", f"--pid-file={folder / 'mariadb.pid'}"],
            stdout=messages,
            stderr=messages,
        )
    try:
        _wait(socket, server, log)
        yield socket
    finally:
        server.kill()  # nothing of it is needed any more, and a clean stop takes seconds
        server.wait()


def _wait(socket: Path, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = monotonic() + _START_SECONDS
    while True:
        try:
            with pymysql.connect(unix_socket=str(socket), user="root"):
                return
        except pymysql.err.OperationalError:
            if monotonic() > until or server.poll() is not None:
                said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
                raise RetryableError(
                    "O MariaDB de rascunho não subiu", " ".join(said) or str(log), "Execute de novo."
                ) from None
            sleep(_LOOK_SECONDS)
