"""A file repository copied in packs: each content once, whichever night and under whichever name it was met.

A pack is a tar whose members are named by the SHA-256 of their content, so it says itself what must be in it.
"""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import IO, NamedTuple

from blocks.packed_files import damaged, explaining_disk
from blocks.streams import CHUNK_BYTES, as_file
from domain.archive import ArchivePart
from domain.backup.files import FileIndex, IndexedFile
from domain.errors import RetryableError

PACK_BYTES = 256 << 20
"""A pack ends with the file that makes it as long: to restore one file, one pack is read."""
_AT_ONCE_BYTES = 8 << 20
_BLOCK_BYTES = 512
NO_TARGETS: Mapping[str, Sequence[Path]] = MappingProxyType({})


class _Fresh(NamedTuple):
    """A file whose content no pack holds yet; `content` is None when it is too long to be held in memory."""

    path: Path
    name: str
    size_bytes: int
    modified_ns: int
    sha256: str
    md5: str
    content: bytes | None


class FileBackup:
    """One night's copy of a repository; `write_pack` stores a pack and says where it lies."""

    def __init__(
        self, root: Path, previous: FileIndex | None, write_pack: Callable[[Iterable[bytes]], ArchivePart]
    ) -> None:
        self._root = root
        self._previous = previous.files if previous else {}
        self._write_pack = write_pack
        self._packs = dict(previous.packs) if previous else {}
        self._known = {file.sha256: file.pack for file in self._previous.values()}
        self._files: dict[str, IndexedFile] = {}

    def take(self) -> None:
        """Copy what is not copied yet. A file that an earlier call found and that is gone now stays in the copy.

        A file of the same length and time as last night's is taken for unchanged: SEI never rewrites one
        (`sei.md` 3), and the verification compares what lies in the pack with the database's own hash all the same.

        Raises:
            RetryableError: the disk refuses a file, or one changes while it is read.
        """
        fresh = self._fresh()
        while (first := next(fresh, None)) is not None:
            number = max(self._packs, default=0) + 1
            self._packs[number] = self._write_pack(self._tar(number, chain([first], fresh)))

    def index(self) -> FileIndex:
        """Every file that was found so far."""
        return FileIndex(self._packs, self._files)

    def _fresh(self) -> Iterator[_Fresh]:
        """The files of unknown content, one by one; what is known is put into the index on the way."""
        with explaining_disk(self._root):
            for name, size, modified in walk(self._root):
                before = self._files.get(name) or self._previous.get(name)
                if before and (before.size_bytes, before.modified_ns) == (size, modified):
                    self._files[name] = before
                    continue
                path = self._root / name
                try:
                    content, sha256, md5 = _read(path, size)
                except FileNotFoundError:  # SEI's own tasks delete what has no row any more
                    continue
                if pack := self._known.get(sha256):
                    self._files[name] = IndexedFile(size, modified, sha256, md5, pack)
                else:
                    yield _Fresh(path, name, size, modified, sha256, md5, content)

    def _tar(self, number: int, fresh: Iterable[_Fresh]) -> Iterator[bytes]:
        size = 0
        for file in fresh:
            info = tarfile.TarInfo(file.sha256)
            info.size = file.size_bytes
            info.mode = 0o640
            yield info.tobuf(tarfile.USTAR_FORMAT)
            yield from [file.content] if file.content is not None else self._read_again(file)
            yield bytes(-file.size_bytes % _BLOCK_BYTES)
            self._known[file.sha256] = number
            self._files[file.name] = IndexedFile(file.size_bytes, file.modified_ns, file.sha256, file.md5, number)
            size += file.size_bytes
            if size >= PACK_BYTES:
                break
        yield bytes(2 * _BLOCK_BYTES)

    def _read_again(self, file: _Fresh) -> Iterator[bytes]:
        digest = hashlib.sha256()
        with explaining_disk(self._root), file.path.open("rb") as opened:
            while chunk := opened.read(CHUNK_BYTES):
                digest.update(chunk)
                yield chunk
        if digest.hexdigest() != file.sha256:
            raise _changing(file.path)


def read_pack(tar: Iterable[bytes], where: str, targets: Mapping[str, Sequence[Path]] = NO_TARGETS) -> dict[str, int]:
    """Size in bytes of every content of a pack by its SHA-256, read as a stream and compared with its name.

    Contents that `targets` names are written to every path given there, whose directories are there already.

    Raises:
        IntegrityError: it is not a whole pack, or a content is not what its name says.
        RetryableError: the disk refuses a file.
    """
    found: dict[str, int] = {}
    try:
        with tarfile.open(fileobj=as_file(tar), mode="r|", encoding="utf-8") as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is None:
                    raise damaged(where)
                found[member.name] = _copy(member.name, content, targets.get(member.name, ()), where)
    except (tarfile.TarError, ValueError):
        raise damaged(where) from None
    return found


def fetch_content(tar: Iterable[bytes], where: str, sha256: str, target: Path) -> None:
    """Write one content of a pack to a file, and leave unread what comes after it.

    Raises:
        IntegrityError: the pack does not hold it, or not as its name says.
        RetryableError: the disk refuses the file.
    """
    try:
        with tarfile.open(fileobj=as_file(tar), mode="r|", encoding="utf-8") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.name == sha256 else None
                if content is not None:
                    _copy(sha256, content, [target], where)
                    return
    except (tarfile.TarError, ValueError):
        raise damaged(where) from None
    raise damaged(where)


def _copy(name: str, content: IO[bytes], targets: Sequence[Path], where: str) -> int:
    sha256, size = hashlib.sha256(), 0
    with explaining_disk(targets[0].parent) if targets else nullcontext(), ExitStack() as files:
        opened = files.enter_context(targets[0].open("wb")) if targets else None
        while chunk := content.read(CHUNK_BYTES):
            sha256.update(chunk)
            size += len(chunk)
            if opened:
                opened.write(chunk)
    if sha256.hexdigest() != name:
        raise damaged(where)
    for other in targets[1:]:
        with explaining_disk(other.parent):
            shutil.copyfile(targets[0], other)
    return size


class WalkedFile(NamedTuple):
    """A regular file of a repository, as it was when it was met; `name` is its path below the root, with slashes."""

    name: str
    size_bytes: int
    modified_ns: int


def walk(root: Path, below: str = "") -> Iterator[WalkedFile]:
    """Every regular file, those of a directory before those below it; symbolic links are not followed.

    What is gone before it was looked at is left out.
    """
    entries: list[os.DirEntry[str]] = []
    with suppress(FileNotFoundError), os.scandir(root / below) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_file(follow_symlinks=False):
            with suppress(FileNotFoundError):
                state = entry.stat(follow_symlinks=False)
                yield WalkedFile(f"{below}{entry.name}", state.st_size, state.st_mtime_ns)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from walk(root, f"{below}{entry.name}/")


def _read(path: Path, size_bytes: int) -> tuple[bytes | None, str, str]:
    """A file's content, unless it is long, its SHA-256 and its MD5."""
    if size_bytes <= _AT_ONCE_BYTES:
        content = path.read_bytes()
        if len(content) != size_bytes:
            raise _changing(path)
        return content, hashlib.sha256(content).hexdigest(), hashlib.md5(content, usedforsecurity=False).hexdigest()
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            sha256.update(chunk)
            md5.update(chunk)
    return None, sha256.hexdigest(), md5.hexdigest()


def _changing(path: Path) -> RetryableError:
    return RetryableError(
        "Um arquivo mudou enquanto era copiado",
        str(path.parent),
        "Confira se alguém grava no repositório por fora do SEI e execute de novo.",
    )
