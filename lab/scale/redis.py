"""Redis: messages between the processes of a Prefect server, the order of events, and who holds which limit."""

from redis import Redis as Client
from redis.exceptions import RedisError

from lab.layout import make_private_dir, write_private
from lab.ports import HOST
from lab.processes import Launch
from lab.record import Record
from lab.service import NotReadyError, Service, program

PACKAGE = "redis-server"
_PROBE_SECONDS = 5

# Its log of changes is kept, or a restart would forget which events are still to be worked on. Without the last line
# it writes its title over the environment that marks the lab's processes.
CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir {home}
daemonize no
save ""
appendonly yes
appendfsync no
maxmemory-policy noeviction
set-proc-title no
"""


class Redis(Service):
    """One Redis server with a password."""

    name = "redis"
    title = "Redis"
    port_names = ("redis",)

    def prepare(self) -> None:
        make_private_dir(self.home)
        write_private(
            self.home / "redis.conf",
            CONFIGURATION.format(host=HOST, port=self.port(), password=self.record.secrets.redis, home=self.home),
        )

    def launch(self) -> Launch:
        return Launch(argv=(program("redis-server", PACKAGE), str(self.home / "redis.conf")), cwd=self.home)

    def probe(self) -> None:
        try:
            with Client(
                host=HOST,
                port=self.port(),
                password=self.record.secrets.redis,
                socket_timeout=_PROBE_SECONDS,
                socket_connect_timeout=_PROBE_SECONDS,
            ) as client:
                client.ping()
        except RedisError as e:
            raise NotReadyError(str(e)) from e

    def address(self) -> str:
        return self.host_and_port()


def redis_url(record: Record, database: int) -> str:
    """The address of one of its databases, with its password."""
    return f"redis://:{record.secrets.redis}@{HOST}:{record.ports['redis']}/{database}"
