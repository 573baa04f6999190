"""A SEI file repository on a disk of this machine: packed into a tar, and a tar checked without unpacking it."""

import hashlib
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from blocks.rehearsal import is_rehearsal
from blocks.streams import CHUNK_BYTES, as_file
from domain.archive import ArchivedFile, FileFacts
from domain.change import Change
from domain.errors import IntegrityError, RetryableError

_BLOCK_BYTES = 512


class FileRepository:
    """The directory of one environment's `RepositorioArquivos`; a directory that is not there holds no file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def paths(self) -> Iterator[Path]:
        """Every regular file, in the order of its path; symbolic links are not followed."""
        if self._root.is_dir():
            yield from sorted(path for path in self._root.rglob("*") if path.is_file() and not path.is_symlink())

    def facts(self) -> FileFacts:
        """How many files there are, and how long together."""
        with explaining_disk(self._root):
            sizes = [path.stat().st_size for path in self.paths()]
        return FileFacts(files=len(sizes), size_bytes=sum(sizes))

    def packed(self) -> Iterator[bytes]:
        """The files as a tar, with their paths below the repository and nothing of this machine's owners.

        Raises:
            RetryableError: a file cannot be read, or changes its length while it is read.
        """
        with explaining_disk(self._root):
            for path in self.paths():
                yield from _packed_file(path, path.relative_to(self._root).as_posix())
        yield bytes(2 * _BLOCK_BYTES)

    def replace_by(self, files: Iterable[tuple[str, bytes | Path]]) -> Change:
        """Make the repository hold exactly these files, each given as its path below it and its content.

        Raises:
            RetryableError: the disk refuses it.
        """
        if is_rehearsal():
            return Change(updated=1, details=("repositório de arquivos substituído",))
        with explaining_disk(self._root):
            self.remove()
            self._root.mkdir(parents=True, mode=0o750)
            count = 0
            for name, content in files:
                target = self._root / checked_path(name)
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
                if isinstance(content, Path):
                    shutil.copyfile(content, target)
                else:
                    target.write_bytes(content)
                count += 1
        return Change(created=count)

    def remove(self) -> Change:
        """Remove the directory and every file in it."""
        if not self._root.exists():
            return Change()
        if not is_rehearsal():
            with explaining_disk(self._root):
                shutil.rmtree(self._root)
        return Change(removed=1, details=("repositório de arquivos",))


@contextmanager
def explaining_disk(where: Path) -> Iterator[None]:
    """Turn the disk's own errors into the project's. Raises RetryableError."""
    try:
        yield
    except OSError as e:
        raise RetryableError(
            f"O repositório de arquivos não pôde ser lido ou gravado ({e.strerror})",
            str(where),
            "Confira espaço e permissões e execute de novo.",
        ) from None  # the driver's text may hold a file's name


def check_packed(tar: Iterable[bytes], where: str) -> dict[str, ArchivedFile]:
    """Every file of a tar with its length and MD5, read as a stream; nothing is written.

    Raises:
        IntegrityError: it is not a whole tar, or one of its names leads outside of the repository.
    """
    found: dict[str, ArchivedFile] = {}
    try:
        with tarfile.open(fileobj=as_file(tar), mode="r|", encoding="utf-8") as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is None:
                    raise damaged(where)
                digest = hashlib.md5(usedforsecurity=False)
                size = 0
                while chunk := content.read(CHUNK_BYTES):
                    digest.update(chunk)
                    size += len(chunk)
                path = checked_path(member.name)
                found[path] = ArchivedFile(path=path, size_bytes=size, md5=digest.hexdigest())
    except (tarfile.TarError, ValueError):
        raise damaged(where) from None
    return found


def _packed_file(path: Path, name: str) -> Iterator[bytes]:
    with path.open("rb") as file:
        size = path.stat().st_size
        info = tarfile.TarInfo(name)
        info.size = size
        info.mode = 0o640
        info.mtime = int(path.stat().st_mtime)
        yield info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        left = size
        while left and (chunk := file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
        if left or file.read(1):
            raise RetryableError(
                "Um arquivo mudou de tamanho enquanto era copiado",
                str(path.parent),
                "Confira se a aplicação está parada e execute de novo.",
            )
        yield bytes(-size % _BLOCK_BYTES)


def checked_path(name: str) -> str:
    """A path below a repository. Raises ValueError when it leads outside of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError("path outside of the repository")
    return str(path)


def damaged(where: str) -> IntegrityError:
    """The error of a pack that is not whole, or not what it says."""
    return IntegrityError("O pacote de arquivos está danificado", where, "Não use esta cópia: faça outra.")
