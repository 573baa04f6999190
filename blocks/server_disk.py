"""How full the disks of a database server are, as the server itself sees them."""

import logging
from pathlib import PurePosixPath

from blocks.mariadb import MariaDBServer
from domain.errors import ImplantaError
from domain.monitoring.facts import DiskFigures

logger = logging.getLogger(__name__)

_KIBIBYTE = 1024  # the unit of information_schema.DISKS
# A mount that hangs is no reason to wait for: the server is asked for its figures apart from this.
_ANSWER_SECONDS = 5


def read_disks(server: MariaDBServer) -> tuple[DiskFigures, ...]:
    """The file systems of the server's data and of its binary log; none where it does not tell.

    It tells by MariaDB's plugin `disks`, where that is installed, and only to an account with FILE. Only what is
    mounted from a device is listed, so that a directory elsewhere is taken to lie on what it is mounted over.
    """
    try:
        with server.model_copy(update={"answer_timeout_seconds": _ANSWER_SECONDS}).transaction() as cursor:
            cursor.execute(
                "SELECT @@datadir, @@log_bin_basename FROM information_schema.plugins"
                " WHERE plugin_name = 'DISKS' AND plugin_status = 'ACTIVE'"
            )
            installed = cursor.fetchone()
            if installed is None:
                return ()
            cursor.execute("SELECT path, used, available FROM information_schema.disks")
            mounted = {
                str(path): DiskFigures(path=path, used_bytes=used * _KIBIBYTE, free_bytes=available * _KIBIBYTE)
                for path, used, available in cursor.fetchall()
            }
    except ImplantaError as e:
        logger.warning("discos do servidor de banco sem medida: %s", e.what)
        return ()
    return disks_under([str(place) for place in installed if place], mounted)


def disks_under(places: list[str], mounted: dict[str, DiskFigures]) -> tuple[DiskFigures, ...]:
    """The file system that each place is on, each once; `mounted` by where it is."""
    found = {}
    for place in places:
        above = [path for path in mounted if PurePosixPath(place).is_relative_to(path)]
        if above:
            deepest = max(above, key=len)
            found[deepest] = mounted[deepest]
    return tuple(found.values())
