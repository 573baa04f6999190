"""Free space under the lab: asked before anything is written, and named when something fails for lack of it."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import InvalidInputError

FREE_FLOOR_BYTES = 500 * 1024**2  # an empty lab takes about 200 MB, two prefeituras as much again
ALMOST_FULL_BYTES = 32 * 1024**2
FULL_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})
FORBIDDEN_ERRORS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
FULL_DISK_WORDS = ("no space left on device", "disk full", "errcode: 28", "database or disk is full")


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes // 1024**2} MB"


def full_disk_error(directory: Path) -> InvalidInputError:
    """The error that names the directory and what is left on its disk."""
    return InvalidInputError(
        f"Disco cheio: restam {_megabytes(shutil.disk_usage(directory).free)}",
        str(directory),
        f"Libere espaço (o laboratório pede {_megabytes(FREE_FLOOR_BYTES)} livres; df -i mostra se o que falta são "
        "inodes) e rode o comando de novo: ele continua de onde parou.",
    )


def ensure_free_space(directory: Path) -> None:
    """Refuse to start servers on a disk that is nearly full.

    Raises:
        InvalidInputError: less than `FREE_FLOOR_BYTES` are free.
    """
    if shutil.disk_usage(directory).free < FREE_FLOOR_BYTES:
        raise full_disk_error(directory)


def looks_full(directory: Path, log_tail: str) -> bool:
    """Whether a server died for lack of space, by its own words or by what is left."""
    said = log_tail.lower()
    return any(words in said for words in FULL_DISK_WORDS) or shutil.disk_usage(directory).free < ALMOST_FULL_BYTES


@contextmanager
def naming_full_disk(directory: Path) -> Iterator[None]:
    """Name the full disk in place of whatever the first server to run out of space made of it.

    Raises:
        InvalidInputError: the work failed, and the lab's disk is full.
    """
    try:
        yield
    except Exception as e:
        if directory.exists() and shutil.disk_usage(directory).free < ALMOST_FULL_BYTES:
            raise full_disk_error(directory) from e
        raise


@contextmanager
def explaining_disk_errors(directory: Path) -> Iterator[None]:
    """Turn the system's 'no space left' and 'permission denied' into errors that say what to do."""
    try:
        yield
    except OSError as e:
        if e.errno in FULL_DISK_ERRORS:
            raise full_disk_error(directory) from e
        if e.errno in FORBIDDEN_ERRORS:
            raise InvalidInputError(
                "O diretório do laboratório não deixa escrever",
                str(e.filename or directory),
                "Dê permissão de escrita, ou escolha outro diretório com IMPLANTA_LAB_DIR.",
            ) from e
        raise
