"""A private PostgreSQL for one restoration: for this machine, without durability, gone with whoever started it."""

import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from blocks.held_directory import held_directory
from blocks.postgres_programs import as_postgres, give_to_postgres, postgres_program
from domain.errors import RetryableError

_PREFIX = "rascunho-pg-"
_HOST, _USER = "127.0.0.1", "rascunho"
_START_SECONDS = 60
_STOP_SECONDS = 20
# What a power cut could lose is lost with the scratch anyway.
_SETTINGS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_wal_size": "2GB",
}


@contextmanager
def scratch_postgres(parent: Path) -> Iterator[URL]:
    """The address of an empty database below `parent`, removed with its server when the block ends.

    Raises:
        InvalidInputError: PostgreSQL's programs are not installed.
        RetryableError: the server did not start, or its disk is full.
    """
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with held_directory(parent, _PREFIX) as home:
        give_to_postgres(home)
        password = secrets.token_hex(24)
        _initialise(home, password)
        port = _free_port()
        settings = {**_SETTINGS, "port": str(port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (home / "registro").open("wb") as log:
            process = subprocess.Popen(
                [
                    *as_postgres("--pdeathsig", "KILL"),
                    *(postgres_program("postgres"), "-D", str(home / "data"), *options),
                ],
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            _wait(process, port, home)
            yield URL.create("postgresql", _USER, password, _HOST, port, "postgres")
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _initialise(home: Path, password: str) -> None:
    file = home / "senha"
    file.touch(mode=0o600)
    file.write_text(password, encoding="utf-8")
    done = subprocess.run(
        [
            *(*as_postgres(), postgres_program("initdb"), "--pgdata", str(home / "data"), "--username", _USER),
            *("--pwfile", str(file), "--auth", "scram-sha-256", "--no-sync", "--no-instructions"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8"),
        ],
        cwd=home,
        capture_output=True,
        check=False,
    )
    file.unlink()
    if done.returncode:
        raise RetryableError(
            "O PostgreSQL de rascunho não pôde ser preparado",
            str(home.parent),
            "Confira espaço em disco, permissões e o pacote postgresql e execute de novo.",
        )


def _wait(process: "subprocess.Popen[bytes]", port: int, home: Path) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            return True
        asked = [postgres_program("pg_isready"), "--host", _HOST, "--port", str(port), "--quiet"]
        return subprocess.run(asked, check=False).returncode == 0

    waiting = Retrying(
        retry=retry_if_result(lambda answered: not answered),
        stop=stop_after_delay(_START_SECONDS),
        wait=wait_fixed(0.05),
    )
    try:
        waiting(answers)
    except RetryError:
        pass
    else:
        if process.poll() is None:
            return
    raise RetryableError(
        "O PostgreSQL de rascunho não começou a atender",
        str(home.parent),
        "Confira memória e espaço em disco desta máquina e execute de novo.",
    )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port: int = free.getsockname()[1]
    return port
