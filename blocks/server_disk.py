"""How full the disk of a database server is, as the server itself sees it."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from domain.monitoring.facts import DiskFigures

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

_KIBIBYTE = 1024  # the unit of information_schema.DISKS


def read_disk(cursor: "Cursor") -> DiskFigures | None:
    """The file system of the server's data; None where the server does not tell.

    It tells by MariaDB's plugin `disks`, where that is installed, and only to an account with FILE.
    """
    cursor.execute(
        "SELECT @@datadir FROM information_schema.plugins WHERE plugin_name = 'DISKS' AND plugin_status = 'ACTIVE'"
    )
    installed = cursor.fetchone()
    if installed is None:
        return None
    data_dir = str(installed[0])
    cursor.execute("SELECT path, used, available FROM information_schema.disks")
    holding = [row for row in cursor.fetchall() if PurePosixPath(data_dir).is_relative_to(row[0])]
    if not holding:  # an account without FILE, or a data directory on what is no disk of its own
        return None
    _path, used, available = max(holding, key=lambda row: len(row[0]))
    return DiskFigures(used_bytes=int(used) * _KIBIBYTE, free_bytes=int(available) * _KIBIBYTE)
