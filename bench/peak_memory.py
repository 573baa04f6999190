"""The most memory that this process and everything it started held at one moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

_EVERY_SECONDS = 0.05
_BYTES_PER_MIB = 1 << 20


class PeakMemory:
    """The highest of the samples so far."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.mib = 0.0

    def sample(self) -> None:
        """Look now. What processes share counts once: each has its part of it (PSS)."""
        total = 0
        for process in (self._process, *self._process.children(recursive=True)):
            try:
                total += process.memory_full_info().pss
            except psutil.NoSuchProcess:  # ended meanwhile; a zombie holds nothing
                continue
        self.mib = max(self.mib, total / _BYTES_PER_MIB)


@contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    """Sample from a thread twenty times a second while the block runs; looking takes time, so time other runs."""
    peak, stop = PeakMemory(), threading.Event()

    def watch() -> None:
        while not stop.wait(_EVERY_SECONDS):
            peak.sample()

    peak.sample()
    thread = threading.Thread(target=watch, name="peak-memory")
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
