"""Whether a file is still the one that was read: what keeps a cache of its content honest."""

from pathlib import Path

FileVersion = tuple[int, int, int, int] | None


def version_of(path: Path) -> FileVersion:
    """A value that changes when the file is written or replaced: inode, bytes, times of content and inode in ns.

    Only a write of the same size within one tick of the kernel's clock (4 ms) goes unseen. None for a file that cannot
    be looked at.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
