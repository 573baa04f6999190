"""The file repository in a backup: which files there were, and in which pack the content of each lies."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from domain.archive import ArchivePart, Attachment, FileFacts
from domain.errors import IntegrityError


class IndexedFile(NamedTuple):
    """A file as it was found; two files of one content share a place in one pack. MD5 is what SEI itself keeps."""

    size_bytes: int
    modified_ns: int
    sha256: str
    md5: str
    pack: int


class FileIndex(NamedTuple):
    """Every file of one night by its path below the repository, and the packs that hold their contents, by number."""

    packs: dict[int, ArchivePart]
    files: dict[str, IndexedFile]

    @property
    def facts(self) -> FileFacts:
        """How many files there are, and how long together."""
        return FileFacts(files=len(self.files), size_bytes=sum(file.size_bytes for file in self.files.values()))

    def contents_of(self, part: ArchivePart) -> dict[str, int] | None:
        """Size in bytes of each content of a pack by its SHA-256, as this index has them; None for a pack not of it."""
        number = next((number for number, known in self.packs.items() if known == part), None)
        if number is None:
            return None
        return {file.sha256: file.size_bytes for file in self.files.values() if file.pack == number}

    def used_packs(self) -> dict[int, ArchivePart]:
        """The packs that hold a file of this index, by number."""
        used = {file.pack for file in self.files.values()}
        return {number: part for number, part in sorted(self.packs.items()) if number in used}

    def soonest(self, paths: Iterable[str]) -> str | None:
        """Of these files that one whose pack has to be read the least, the newest pack's first; None for none known.

        A pack holds contents in the order of their paths, each where it was first met; what was deleted since is
        not counted, so this is a guess.
        """
        wanted = set(paths)
        length = dict.fromkeys(self.packs, 0)
        met: dict[str, int] = {}
        best: tuple[int, int, str] | None = None
        for path, file in sorted(self.files.items()):
            if file.pack not in length:
                continue
            if file.sha256 not in met:
                met[file.sha256] = length[file.pack]
                length[file.pack] += file.size_bytes
            if path in wanted:
                rank = (met[file.sha256] + file.size_bytes, -file.pack, path)
                best = rank if best is None else min(best, rank)
        return best[2] if best else None

    def holds(self, path: str, row: Attachment) -> bool:
        """Whether it has the file of this row, as the row says that it is."""
        file = self.files.get(path)
        return file is not None and (file.size_bytes, file.md5) == (row.size_bytes, row.md5)

    def without(self, paths: Iterable[str]) -> "FileIndex":
        """The same without these files."""
        gone = set(paths)
        return FileIndex(self.packs, {path: file for path, file in self.files.items() if path not in gone})

    def joined(self, other: "FileIndex", paths: Iterable[str]) -> "FileIndex":
        """The same with these files of another index of the same bucket, in the packs that hold them there."""
        packs, files = dict(self.packs), dict(self.files)
        numbers = {(part.key, part.version_id): number for number, part in packs.items()}
        for path in paths:
            file = other.files[path]
            part = other.packs[file.pack]
            number = numbers.setdefault((part.key, part.version_id), max(packs, default=0) + 1)
            packs[number] = part
            files[path] = file._replace(pack=number)
        return FileIndex(packs, files)

    def lines(self) -> Iterator[bytes]:
        """The index as text: the packs in use in the first line, then a file a line, in the order of their paths."""
        yield _line({number: part.model_dump(mode="json") for number, part in self.used_packs().items()})
        for path, file in sorted(self.files.items()):
            yield _line([path, *file])

    @classmethod
    def parse(cls, lines: Iterable[bytes], where: str) -> "FileIndex":
        """The index of `lines`. Raises IntegrityError when the text is not one."""
        given = iter(lines)
        try:
            packs = {int(number): ArchivePart.model_validate(part) for number, part in _value(next(given)).items()}
            files = {}
            for line in given:
                path, size_bytes, modified_ns, sha256, md5, pack = _value(line)
                if pack not in packs or not isinstance(path, str):
                    raise ValueError
                files[path] = IndexedFile(size_bytes, modified_ns, sha256, md5, pack)
        except (StopIteration, ValueError, AttributeError, TypeError) as e:
            raise IntegrityError("O índice dos arquivos está danificado", where, "Não use esta cópia.") from e
        return cls(packs, files)


def _value(line: bytes) -> Any:  # noqa: ANN401  # what JSON holds is judged by the caller
    return json.loads(line.decode("utf-8", "surrogateescape"))  # a name on disk need not be UTF-8


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape") + b"\n"
