"""The Prefect server, with its UI, on SQLite."""

import sys
from pathlib import Path

import httpx

from blocks.plain_http import TRUSTS_NOBODY
from lab.layout import make_private_dir
from lab.ports import HOST
from lab.processes import Launch
from lab.record import Record
from lab.service import NotReadyError, Service

ANSWER_TIMEOUT_SECONDS = 5
USER = "implanta"
DATABASE = "prefect.db"
"""Prefect's own name for its SQLite file, in its home."""


def api_url(port: int) -> str:
    """The address of the API for clients and workers."""
    return f"http://{HOST}:{port}/api"


def account(record: Record) -> tuple[str, str]:
    """As whom programs come to the server: nobody else does, not even on this machine."""
    return USER, record.secrets.prefect_password


def auth_string(record: Record) -> str:
    """The account as Prefect's settings have it."""
    return ":".join(account(record))


def common_environment(home: Path, record: Record) -> dict[str, str]:
    """What every process of a Prefect server is started with, alone or as one of several."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api_url(record.ports["prefect"]),  # what the UI tells the browser to call
        "PREFECT_SERVER_API_AUTH_STRING": auth_string(record),
        "PREFECT_API_AUTH_STRING": auth_string(record),
        "PREFECT_SERVER_UI_ENABLED": "true",
        # Operators need no offers of the vendor's cloud beside their runs.
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # Else it is generated into the very database whose secrets it protects.
        "PREFECT_SERVER_ENCRYPTION_KEY": record.secrets.prefect_encryption_key,
    }


def require_health(address: str) -> None:
    """Return when the API there says that it is well.

    Raises:
        NotReadyError: it does not answer yet.
    """
    try:
        answer = httpx.get(
            f"{address}/api/health", timeout=ANSWER_TIMEOUT_SECONDS, trust_env=False, verify=TRUSTS_NOBODY
        )
        answer.raise_for_status()
    except httpx.HTTPError as e:
        raise NotReadyError(str(e)) from e


class PrefectServer(Service):
    """API, UI, scheduler, events and automations in one process."""

    name = "prefect"
    title = "Prefect"
    port_names = ("prefect",)
    is_client = True
    start_seconds = 120.0  # the first start creates the database

    def prepare(self) -> None:
        make_private_dir(self.home)
        if self.name not in self.record.established:
            # A first start that was killed may have left the database between two migrations.
            for leftover in self.home.glob(f"{DATABASE}*"):
                leftover.unlink()

    def launch(self) -> Launch:
        return Launch(
            argv=(sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(self.port())),
            cwd=self.home,
            env={
                **common_environment(self.home, self.record),
                # SQLite has one writer: each background commit can turn a client's request into a 503, after which
                # that client waits two seconds. Few large commits instead of many small ones: measured, one subflow
                # in fifty is hit instead of one in six. Task runs are visible after ten seconds at most.
                "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "1000",
                "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
                "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "10",
                "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "1000",
                "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
                "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "10",
            },
        )

    def probe(self) -> None:
        require_health(self.address())

    def address(self) -> str:
        return f"http://{self.host_and_port()}"
