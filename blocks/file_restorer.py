"""Making a file repository what a backup's index says it was. Nothing is deleted: what is in the way is moved aside."""

import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from blocks.file_packs import walk
from blocks.locked_objects import digest_file
from blocks.packed_files import damaged, explaining_disk
from domain.archive import ArchivePart, Attachment
from domain.backup.files import FileIndex, IndexedFile
from domain.change import Change

ReadPack = Callable[[ArchivePart, Mapping[str, Sequence[Path]]], Mapping[str, int]]


def unlike_rows(root: Path, rows: Mapping[str, Attachment]) -> set[str]:
    """The attachments whose file below `root` is not there, or not as their row says; each is read."""
    with explaining_disk(root):
        return {path for path, row in rows.items() if not _is_like(root / path, row)}


def _is_like(path: Path, row: Attachment) -> bool:
    if not path.is_file() or path.stat().st_size != row.size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == row.md5


class FileDifference(NamedTuple):
    """How a repository differs from an index, by path."""

    missing: tuple[str, ...]
    other: tuple[str, ...]
    loose: tuple[str, ...]


class FileRestorer:
    """One repository on its way back; `rows` are the paths that a row of the restored database names.

    What is moved aside goes below `quarantine`, under the path that it had.
    """

    def __init__(self, root: Path, index: FileIndex, rows: Collection[str], quarantine: Path) -> None:
        self._root = root
        self._index = index
        self._rows = rows
        self._quarantine = quarantine
        self._staging = quarantine.parent / "em-restauro"

    def difference(self) -> FileDifference:
        """What is missing, what has another content, and what the backup does not know and no row names.

        Every file is read: a length and a time prove no content.
        """
        there: set[str] = set()
        other, loose = [], []
        with explaining_disk(self._root):
            for name, size, _ in walk(self._root):
                wanted = self._index.files.get(name)
                if wanted is None:
                    if name not in self._rows:
                        loose.append(name)
                    continue
                there.add(name)
                if size != wanted.size_bytes or digest_file(self._root / name)[0] != wanted.sha256:
                    other.append(name)
        missing = sorted(self._index.files.keys() - there)
        return FileDifference(tuple(missing), tuple(other), tuple(loose))

    def run(self, read_pack: ReadPack) -> Change:
        """Move aside what does not belong there, then write what is missing; killed anywhere, it is run again.

        Raises:
            RetryableError: the disk refuses it.
            IntegrityError: a pack is damaged, or a name leads out of the repository.
        """
        found = self.difference()
        with explaining_disk(self._root):
            for name in (*found.other, *found.loose):
                self._move_aside(name)
            shutil.rmtree(self._staging, ignore_errors=True)
            self._write({name: self._index.files[name] for name in (*found.missing, *found.other)}, read_pack)
            shutil.rmtree(self._staging, ignore_errors=True)
        details = [f"{len(found.missing) + len(found.other)} arquivos trazidos da cópia"]
        if moved := len(found.other) + len(found.loose):
            details.append(
                f"{moved} arquivos postos de lado em {self._quarantine} ({len(found.loose)} mais novos que a cópia e"
                f" sem linha no banco, {len(found.other)} com outro conteúdo)"
            )
        return Change(
            created=len(found.missing),
            updated=moved,
            unchanged=len(self._index.files) - len(found.missing) - len(found.other),
            details=tuple(details),
        )

    def _move_aside(self, name: str) -> None:
        target = self._quarantine / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = 1
        while target.exists():  # of an earlier run of this very restoration
            number += 1
            target = self._quarantine / f"{name}.{number}"
        shutil.move(self._root / name, target)

    def _write(self, wanted: Mapping[str, IndexedFile], read_pack: ReadPack) -> None:
        by_pack: dict[int, dict[str, list[str]]] = {}
        for name, file in wanted.items():
            by_pack.setdefault(file.pack, {}).setdefault(file.sha256, []).append(name)
        for number, contents in sorted(by_pack.items()):
            self._staging.mkdir(parents=True, exist_ok=True, mode=0o700)
            staged = {sha256: self._staging / sha256 for sha256 in contents}
            part = self._index.packs[number]
            held = read_pack(part, {sha256: [path] for sha256, path in staged.items()})
            if contents.keys() - held.keys():
                raise damaged(part.key)
            for sha256, names in contents.items():
                self._put_in_place(staged[sha256], [(name, wanted[name]) for name in names], part.key)

    def _put_in_place(self, content: Path, places: Iterable[tuple[str, IndexedFile]], where: str) -> None:
        for name, file in places:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise damaged(where)
            target = self._root / name
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            beside = self._staging / "parte"
            shutil.copyfile(content, beside)
            os.utime(beside, ns=(file.modified_ns, file.modified_ns))
            shutil.move(beside, target)
        content.unlink()
