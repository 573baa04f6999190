"""PostgreSQL: the database of a Prefect server of several processes."""

import secrets
import shutil
import subprocess
from pathlib import Path

from blocks.postgres_programs import as_postgres, give_to_postgres, postgres_program
from lab.layout import make_private_dir, write_private
from lab.ports import HOST
from lab.processes import Launch
from lab.record import Record
from lab.service import NotReadyError, Service

USER = "prefect"
DATABASE = "postgres"
_PROBE_SECONDS = 5

# A kill of the server loses nothing: every commit reaches the system's cache. Only a power cut could, as everywhere
# in a lab. Three server processes and their pools of fifteen connections each, twice for their restarts.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "fsync": "off",
    "full_page_writes": "off",
    "log_min_messages": "warning",
    "timezone": "America/Sao_Paulo",
}


class Postgres(Service):
    """One PostgreSQL server, with one account that owns everything in it."""

    name = "postgres"
    title = "PostgreSQL"
    port_names = ("postgres",)
    stop_seconds = 20.0

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    def prepare(self) -> None:
        make_private_dir(self.home)
        give_to_postgres(self.home)
        if not self.data_dir.exists():
            self._initialise()

    def _initialise(self) -> None:
        for unfinished in self.home.glob("data.*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        fresh, password_file = self.home / f"data.{secrets.token_hex(4)}", self.home / "password"
        write_private(password_file, self.record.secrets.postgres)
        try:
            self.run_once(
                [
                    *(*as_postgres(), postgres_program("initdb"), "--pgdata", str(fresh), "--username", USER),
                    *("--pwfile", str(password_file), "--auth", "scram-sha-256", "--no-sync"),
                    *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions"),
                ]
            )
        finally:
            password_file.unlink()
        fresh.rename(self.data_dir)

    def launch(self) -> Launch:
        settings = {**SETTINGS, "port": str(self.port())}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Launch(
            argv=(*as_postgres(), postgres_program("postgres"), "-D", str(self.data_dir), *options), cwd=self.home
        )

    def probe(self) -> None:
        done = subprocess.run(
            [postgres_program("pg_isready"), "--host", HOST, "--port", str(self.port()), "--quiet"],
            check=False,
            timeout=_PROBE_SECONDS,
        )
        if done.returncode:
            raise NotReadyError(f"pg_isready terminou com código {done.returncode}")

    def address(self) -> str:
        return self.host_and_port()


def database_url(record: Record, driver: str = "postgresql") -> str:
    """The SQLAlchemy address of Prefect's database, with its password."""
    return f"{driver}://{USER}:{record.secrets.postgres}@{HOST}:{record.ports['postgres']}/{DATABASE}"
