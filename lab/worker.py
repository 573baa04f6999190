"""The Prefect worker that runs every flow run as a process of its own."""

import sys
from datetime import UTC, datetime
from typing import ClassVar

import httpx
from pydantic import AwareDatetime, BaseModel, TypeAdapter

from blocks.plain_http import TRUSTS_NOBODY
from blocks.settings import PROJECT_ROOT
from lab.layout import make_private_dir
from lab.prefect_server import ANSWER_TIMEOUT_SECONDS, account, api_url, auth_string
from lab.processes import Launch
from lab.service import NotReadyError, Service

POOL = "implanta"
WORKER_NAME = "laboratorio"


class _Worker(BaseModel):
    name: str
    status: str
    last_heartbeat_time: AwareDatetime


_WORKERS = TypeAdapter(list[_Worker])


class Worker(Service):
    """One process worker on a pool, `implanta`, which it creates when it is missing."""

    name = "worker"
    title = "Worker do Prefect"
    port_names = ()
    is_client = True
    needs: ClassVar[tuple[str, ...]] = ("prefect",)
    pool: ClassVar[str] = POOL
    worker_name: ClassVar[str] = WORKER_NAME

    def prepare(self) -> None:
        make_private_dir(self.home)

    def launch(self) -> Launch:
        return Launch(
            # No --limit: a run that is resumed at once would end the whole worker. Limits belong to the pool.
            argv=(
                *(sys.executable, "-m", "prefect", "worker", "start"),
                *("--pool", self.pool, "--type", "process", "--name", self.worker_name),
            ),
            cwd=PROJECT_ROOT,
            env={
                "PREFECT_HOME": str(self.home),
                "PREFECT_API_URL": api_url(self.port("prefect")),
                "PREFECT_API_AUTH_STRING": auth_string(self.record),
                # Each of Prefect's clients would read the roots of the whole web, for an address without TLS.
                "PREFECT_API_SSL_CERT_FILE": str(self.layout.ca_file),
                # Each question is a commit of the server's SQLite, which other clients may have to wait for.
                "PREFECT_WORKER_QUERY_SECONDS": "5",
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "IMPLANTA_SETTINGS": str(self.layout.settings_file),
                "IMPLANTA_LAB_DIR": str(self.layout.root),
            },
        )

    def probe(self) -> None:
        """Return when the server has heard from this very process: a killed worker counts as online for a while."""
        try:
            answer = httpx.post(
                f"{api_url(self.port('prefect'))}/work_pools/{self.pool}/workers/filter",
                json={},
                auth=account(self.record),
                timeout=ANSWER_TIMEOUT_SECONDS,
                trust_env=False,
                verify=TRUSTS_NOBODY,
            )
            answer.raise_for_status()
        except httpx.HTTPError as e:
            raise NotReadyError(str(e)) from e
        started = datetime.fromtimestamp(self.record.processes[self.name].created_at, UTC)
        for worker in _WORKERS.validate_json(answer.content):
            if worker.name == self.worker_name and worker.status == "ONLINE" and worker.last_heartbeat_time > started:
                return
        raise NotReadyError("o worker ainda não se apresentou")

    def address(self) -> str:
        return f"pool {self.pool}"
