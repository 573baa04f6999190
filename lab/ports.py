"""Free ports on 127.0.0.1, and who sits on one that is not free."""

import random
import socket
from collections.abc import Collection, Iterable

import psutil

from blocks.waiting import comes_true

HOST = "127.0.0.1"
# Below the range from which the kernel takes the ports of outgoing connections (32768 on), so that a remembered
# port is not lost to a browser while the lab is down.
PORT_RANGE = range(20000, 32000)
CLOSING_SECONDS = 5


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port in TIME_WAIT is free, a port with a listener is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def becomes_free(port: int) -> bool:
    """Whether the port is free now or shortly: the kernel takes a moment to close what a killed server had open."""
    return comes_true(lambda: is_free(port), seconds=CLOSING_SECONDS, every=0.1)


def choose(names: Iterable[str], avoid: Collection[int]) -> dict[str, int]:
    """A free port for each name, all different, none of `avoid`."""
    taken = set(avoid)
    chosen: dict[str, int] = {}
    for name in names:
        port = next(p for p in iter(_random_port, None) if p not in taken and is_free(p))
        taken.add(port)
        chosen[name] = port
    return chosen


def _random_port() -> int:
    return random.choice(PORT_RANGE)  # noqa: S311  # to avoid collisions of two labs, not to be unguessable


def describe_owner(port: int) -> str:
    """Who listens on the port, in Portuguese, as far as the system lets us know."""
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid is None:
                break
            try:
                return f"pelo processo {connection.pid} ({psutil.Process(connection.pid).name()})"
            except psutil.NoSuchProcess:
                break
    return "por outro processo, que o sistema não deixa identificar"
