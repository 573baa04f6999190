"""Streams of bytes on their way through: measured, compressed, read as a file. Nothing is held whole in memory."""

import hashlib
import io
from collections.abc import Generator, Iterable, Iterator
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

import zstandard
from typing_extensions import Buffer, override

from domain.archive import Measure
from domain.errors import IntegrityError

CHUNK_BYTES = 1 << 20

_Item = TypeVar("_Item")
_ASK_AGAIN_SECONDS = 0.2


class _End:
    """Comes after the last item, or in the place of one that could not be made."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Measured:
    """Passes a stream on, and knows afterwards how long it was and its SHA-256."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._digest.update(chunk)
            self._size_bytes += len(chunk)
            yield chunk

    @property
    def measure(self) -> Measure:
        """What has passed so far."""
        return Measure(size_bytes=self._size_bytes, sha256=self._digest.hexdigest())


class ChunkReader(io.RawIOBase):
    """A stream of chunks as a readable file, for libraries that want one; wrap it in `io.BufferedReader`."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        target = memoryview(buffer)
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def as_file(chunks: Iterable[bytes]) -> io.BufferedReader:
    """The chunks as a file that can be read once, from its beginning to its end."""
    return io.BufferedReader(ChunkReader(chunks), CHUNK_BYTES)


def joined(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at least `CHUNK_BYTES`, the last one excepted: thousands of lines cost more."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def ahead(items: Iterable[_Item], depth: int = 4) -> Iterator[_Item]:
    """The same items, made by a thread of its own up to `depth` before they are asked for.

    Two steps of a stream so work at the same time. What making an item raises is raised here, in its place; a reader
    that leaves early stops the thread.
    """
    queue: Queue[_Item | _End] = Queue(depth)
    left = Event()

    def put(entry: _Item | _End) -> bool:
        while not left.is_set():
            try:
                queue.put(entry, timeout=_ASK_AGAIN_SECONDS)
            except Full:
                continue
            return True
        return False

    def make() -> None:
        source = iter(items)
        try:
            for item in source:
                if not put(item):
                    return
            put(_End())
        except BaseException as e:  # raised again where the item is asked for
            put(_End(e))
        finally:
            if isinstance(source, Generator):
                source.close()

    thread = Thread(target=make, daemon=True)
    thread.start()
    try:
        while not isinstance(entry := queue.get(), _End):
            yield entry
        if entry.error is not None:
            raise entry.error
    finally:
        left.set()
        thread.join()


def compressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The stream as one zstd frame."""
    compressor = zstandard.ZstdCompressor(level=3).compressobj()
    for chunk in chunks:
        if packed := compressor.compress(chunk):
            yield packed
    yield compressor.flush()


def decompressed(chunks: Iterable[bytes], where: str) -> Iterator[bytes]:
    """What `compressed` packed. Raises IntegrityError when it is not a whole zstd frame."""
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    try:
        for chunk in chunks:
            if unpacked := decompressor.decompress(chunk):
                yield unpacked
    except zstandard.ZstdError:
        raise _damaged(where) from None
    if not decompressor.eof:
        raise _damaged(where)


def _damaged(where: str) -> IntegrityError:
    return IntegrityError("O conteúdo compactado está danificado", where, "Não use esta cópia: faça outra.")
