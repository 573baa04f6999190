"""The Prefect server in parts: its API twice, its background services apart, and a balancer before the API."""

import sys
from datetime import UTC, datetime
from typing import ClassVar

from redis import Redis as Client
from redis.exceptions import RedisError

from lab.layout import make_private_dir, write_private
from lab.nginx import PACKAGE as NGINX_PACKAGE
from lab.nginx import stop_orphans, user
from lab.ports import HOST
from lab.prefect_server import common_environment, require_health
from lab.processes import Launch
from lab.scale.postgres import database_url
from lab.scale.redis import redis_url
from lab.service import NotReadyError, Service, program

_MESSAGES, _TASKS = 0, 1

# A server that does not answer is left aside for two seconds, and the question is put to the other: if it never reached
# the first, whatever it was; if it did, only when asking twice does no harm. Prefect's client asks again after a 502.
CONFIGURATION = """\
daemon off;
{user_line}
worker_processes 1;
pid {home}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {home}/tmp;
  proxy_temp_path {home}/tmp;
  fastcgi_temp_path {home}/tmp;
  uwsgi_temp_path {home}/tmp;
  scgi_temp_path {home}/tmp;
  client_max_body_size 32m;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream prefect {{
{servers}
    keepalive 32;
  }}
  server {{
    listen {host}:{port};
    location / {{
      proxy_pass http://prefect;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_connect_timeout 2s;
      proxy_read_timeout 1h;
      proxy_next_upstream error timeout http_502 http_503;
      proxy_next_upstream_tries 2;
    }}
  }}
}}
"""


class PrefectPart(Service):
    """One process of the server."""

    is_client = True
    start_seconds = 120.0  # the first start creates the database

    def prepare(self) -> None:
        make_private_dir(self.home)

    def environment(self) -> dict[str, str]:
        """What all parts have in common: one database, one Redis, and one key for the blocks."""
        return {
            **common_environment(self.home, self.record),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url(self.record, "postgresql+asyncpg"),
            "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
            "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
            "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
            "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": "prefect_redis.cleanup_queue",
            "PREFECT_REDIS_MESSAGING_URL": redis_url(self.record, _MESSAGES),
            "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL": redis_url(self.record, _MESSAGES),  # it has settings of its own
            "PREFECT_SERVER_DOCKET_URL": redis_url(self.record, _TASKS),
            # One at a time, as by default, a thousand finished tasks are visible half a minute late.
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        }


class PrefectApi(PrefectPart):
    """API and UI; the first of them brings the database up to date, and the other waits for that."""

    name = "prefect-api-1"
    title = "API do Prefect 1"
    port_names = ("prefect-api-1",)
    needs: ClassVar[tuple[str, ...]] = ("postgres", "redis")
    migrates: ClassVar[bool] = True

    def launch(self) -> Launch:
        return Launch(
            argv=(
                *(sys.executable, "-m", "prefect", "server", "start", "--no-services"),
                *("--host", HOST, "--port", str(self.port())),
            ),
            cwd=self.home,
            env={
                **self.environment(),
                "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": str(self.migrates).lower(),
            },
        )

    def probe(self) -> None:
        require_health(self.address())

    def address(self) -> str:
        return f"http://{self.host_and_port()}"


class SecondPrefectApi(PrefectApi):
    """One more of the same."""

    name = "prefect-api-2"
    title = "API do Prefect 2"
    port_names = ("prefect-api-2",)
    needs = ("postgres", "redis", "prefect-api-1")
    migrates = False


class PrefectServices(PrefectPart):
    """What runs without being asked: schedules, late runs, automations, the recording of events."""

    name = "prefect-services"
    title = "Serviços do Prefect"
    port_names = ()
    needs = ("postgres", "redis", "prefect-api-1")

    def launch(self) -> Launch:
        return Launch(
            argv=(sys.executable, "-m", "prefect", "server", "services", "start"),
            cwd=self.home,
            env={**self.environment(), "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false"},
        )

    def probe(self) -> None:
        """Return when this very process reads what the API writes: it answers nobody itself."""
        started = datetime.fromtimestamp(self.record.processes[self.name].created_at, UTC)
        try:
            with Client.from_url(redis_url(self.record, _MESSAGES), decode_responses=True) as client:
                readers = [
                    consumer
                    for group in client.xinfo_groups("events")
                    for consumer in client.xinfo_consumers("events", group["name"])
                ]
        except RedisError as e:
            raise NotReadyError(str(e)) from e
        alive_for = (datetime.now(UTC) - started).total_seconds()
        if not any(consumer["idle"] / 1000 < alive_for for consumer in readers):
            raise NotReadyError("os serviços ainda não leem os eventos")

    def address(self) -> str:
        return "sem porta"


class Balancer(Service):
    """What everybody knows as Prefect: an nginx before the servers of its API, websockets too."""

    name = "prefect"
    title = "Prefect (balanceador)"
    port_names = ("prefect",)
    needs = ("prefect-api-1", "prefect-api-2")
    is_client = True

    def prepare(self) -> None:
        stop_orphans(self.home)  # of an `up` that was killed before it could write down what it had started
        make_private_dir(self.home)
        make_private_dir(self.home / "tmp")
        owner = user()
        servers = "\n".join(f"    server {HOST}:{self.port(name)} max_fails=1 fail_timeout=2s;" for name in self.needs)
        write_private(
            self.home / "nginx.conf",
            CONFIGURATION.format(
                home=self.home,
                host=HOST,
                port=self.port(),
                servers=servers,
                user_line=f"user {owner};" if owner else "",
            ),
        )

    def launch(self) -> Launch:
        return Launch(
            argv=(
                *(program("nginx", NGINX_PACKAGE), "-e", "stderr"),
                *("-p", f"{self.home}/", "-c", str(self.home / "nginx.conf")),
            ),
            cwd=self.home,
        )

    def probe(self) -> None:
        require_health(self.address())

    def address(self) -> str:
        return f"http://{self.host_and_port()}"

    def clean_after_stop(self) -> None:
        stop_orphans(self.home)
