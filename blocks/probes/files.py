"""Whether the files of one environment lie open to another's application on the same machine."""

import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from blocks.probes.attempts import Attempt, RefusedError, count_seen, try_all
from blocks.runtime import ApplicationRuntime
from domain.environment import EnvironmentName
from domain.segregation import ProbeResult, Way

_OTHERS = 0o007
_NOT_OWNER = 0o077
# Enough to find a link that somebody put there; a repository of millions of files is not walked every night.
_MOST_LOOKED_AT = 20_000


def probe_files(
    runtime: ApplicationRuntime, environment: EnvironmentName, neighbour: EnvironmentName | None
) -> list[ProbeResult]:
    """Look at modes, links and places; nothing where the application's files are volumes of their own."""
    controls: dict[str, Attempt] = {}
    attempts: dict[str, Attempt] = {}
    for root in runtime.file_roots(environment):
        controls[f"achar {_shown(root)}"] = partial(_find, root)
        attempts[f"sair de {_shown(root)} por um atalho"] = partial(_follow_links, root)
    # Whose files lie open is not asked: anybody's, on a machine that both are on.
    for name in (environment, *([neighbour] if neighbour else [])):
        for root in runtime.file_roots(name):
            attempts[f"abrir {_shown(root)} como outro usuário"] = partial(_open_to_others, root)
        for file in runtime.secret_files(name):
            attempts[f"ler {_shown(file)} como outro usuário"] = partial(_readable, file)
    if neighbour is not None:
        for own in runtime.file_roots(environment):
            for other in runtime.file_roots(neighbour):
                attempts[f"alcançar {_shown(other)} a partir de {_shown(own)}"] = partial(_overlap, own, other)
    return try_all(Way.FILES, controls, control=True) + try_all(Way.FILES, attempts)


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _find(root: Path) -> str:
    if not root.is_dir():
        raise RefusedError("não existe")
    return "existe"


def _open_to_others(root: Path) -> str:
    return _judge_mode(root, _OTHERS)


def _readable(file: Path) -> str:
    return _judge_mode(file, _NOT_OWNER)


def _judge_mode(path: Path, forbidden: int) -> str:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        raise RefusedError("não existe") from None
    if mode & forbidden:
        return f"modo {mode:o}"
    raise RefusedError(f"modo {mode:o}")


def _follow_links(root: Path) -> str:
    home = root.resolve()
    return count_seen(sum(not link.resolve().is_relative_to(home) for link in _links(root)), "atalhos para fora")


def _links(root: Path) -> Iterator[Path]:
    for looked_at, path in enumerate(root.rglob("*")):
        if looked_at >= _MOST_LOOKED_AT:
            return
        if path.is_symlink():
            yield path


def _overlap(own: Path, other: Path) -> str:
    mine, theirs = own.resolve(), other.resolve()
    if mine.is_relative_to(theirs) or theirs.is_relative_to(mine):
        return "um está dentro do outro"
    raise RefusedError("árvores separadas")
