"""A private MariaDB for a test session, which a test may also stop and start."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
from pymysql.cursors import Cursor
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

_NO_FSYNC = Path("/usr/lib/x86_64-linux-gnu/libeatmydata.so")


class PrivateMariadb:
    """One mariadbd with everything it writes in a directory of its own."""

    def __init__(self, directory: Path, *more: str) -> None:
        self._directory = directory
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        # A server that starts deletes the temporary tables it finds in its tmpdir, those of a running one as well.
        (directory / "tmp").mkdir()
        self._options = ["--no-defaults", f"--datadir={directory / 'data'}", f"--tmpdir={directory / 'tmp'}"]
        if os.geteuid() == 0:
            self._options.append("--user=root")
        subprocess.run(
            ["mariadb-install-db", *self._options, "--auth-root-authentication-method=normal", "--skip-test-db",
             "--skip-name-resolve", "--force"],
            check=True,
            capture_output=True,
        )  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["mariadbd", *self._options, f"--socket={self._directory / 's'}", f"--port={self.port}",
                 "--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-buffer-pool-size=64M", *self._more],
                stdout=log,
                stderr=log,
                env={**os.environ, "LD_PRELOAD": str(_NO_FSYNC) if _NO_FSYNC.exists() else ""},
            )  # fmt: skip
        self._wait()

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=30)
            self._process = None

    @contextmanager
    def root(self) -> Iterator[Cursor]:
        """A cursor of the server's administrator."""
        with pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", autocommit=True, ssl_disabled=True
        ) as connection:
            yield connection.cursor()

    @retry(retry=retry_if_exception_type(pymysql.err.OperationalError), stop=stop_after_delay(30), wait=wait_fixed(0.1))
    def _wait(self) -> None:
        with self.root():
            pass
