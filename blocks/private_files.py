"""Files for their owner only, brought to a wanted content one by one and each as a whole."""

import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from blocks.rehearsal import is_rehearsal
from domain.change import Change
from domain.errors import RetryableError

TEMPORARY_PREFIX = ".implanta-"
_MODE = 0o600


def ensure_private_files(directory: Path, wanted: Mapping[str, bytes], *, unwanted: Iterable[str] = ()) -> Change:
    """Give the directory these files, in this order, and take the unwanted ones away.

    A file with the right content and other permissions than 0600 is mended too.

    Raises:
        RetryableError: the disk is full, or the permissions of the directory are wrong.
    """
    change = Change()
    path = directory
    try:
        for name, content in wanted.items():
            path = directory / name
            change += _ensure_file(path, content)
        for name in sorted(set(unwanted) - wanted.keys()):
            path = directory / name
            if path.exists():
                change += Change(removed=1, details=(f"arquivo {name} retirado",))
                if not is_rehearsal():
                    path.unlink()
    except OSError as e:
        raise RetryableError(
            f"Não foi possível gravar a configuração ({e.strerror})",
            str(path),
            "Libere espaço ou acerte as permissões e execute de novo.",
        ) from e
    return change


def _ensure_file(path: Path, content: bytes) -> Change:
    if not path.exists():
        if not is_rehearsal():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_private_file(path, content)
        return Change(created=1, details=(f"arquivo {path.name} criado",))
    if path.read_bytes() != content:
        if not is_rehearsal():
            replace_private_file(path, content)
        return Change(updated=1, details=(f"arquivo {path.name} refeito",))
    if stat.S_IMODE(path.stat().st_mode) != _MODE:
        if not is_rehearsal():
            path.chmod(_MODE)
        return Change(updated=1, details=(f"permissões do arquivo {path.name}",))
    return Change(unchanged=1)


def replace_private_file(target: Path, content: bytes) -> None:
    """Write a private file so that a reader sees the old content or the new one, never half of it."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=TEMPORARY_PREFIX)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
