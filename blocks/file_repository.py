"""The directory where an SEI keeps its files: private, and measured."""

import os
import stat
from pathlib import Path

from blocks.rehearsal import is_rehearsal
from domain.change import Change
from domain.errors import RetryableError
from domain.quota import RepositoryUsage

MODE = 0o750


def ensure_directory(root: Path) -> Change:
    """Make the directory the service's own: its user may write, its group may read, nobody else may look.

    Raises:
        RetryableError: the system does not let us.
    """
    try:
        if not root.exists():
            if not is_rehearsal():
                root.mkdir(parents=True, exist_ok=True)
                root.chmod(MODE)  # whatever the process's umask leaves
            return Change(created=1, details=(f"repositório de arquivos {root.name}",))
        found, change = root.stat(), Change()
        mode, owner = stat.S_IMODE(found.st_mode), os.geteuid()
        if found.st_uid != owner:
            change += Change(updated=1, details=(f"dono do repositório de arquivos {root.name}: mudou",))
            if not is_rehearsal():
                os.chown(root, owner, -1)
        if mode != MODE:
            change += Change(
                updated=1, details=(f"permissões do repositório de arquivos {root.name}: {mode:o} → {MODE:o}",)
            )
            if not is_rehearsal():
                root.chmod(MODE)
    except OSError as e:
        raise RetryableError(
            f"Não foi possível preparar o repositório de arquivos ({e.strerror})",
            str(root),
            "Acerte o dono e as permissões e execute de novo.",
        ) from e
    return change if change.total else Change(unchanged=1)


def measure(root: Path) -> RepositoryUsage:
    """What the files below a directory add up to; of a directory that is not there, nothing."""
    size = files = 0
    for directory, _, names in os.walk(root):
        for name in names:
            try:
                size += Path(directory, name).lstat().st_size
            except FileNotFoundError:  # taken away meanwhile
                continue
            files += 1
    return RepositoryUsage(bytes=size, files=files)
