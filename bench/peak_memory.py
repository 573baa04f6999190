"""The most memory that a process and everything it starts hold at one moment."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

_EVERY_SECONDS = 0.05
_BYTES_PER_MIB = 1 << 20


class PeakMemory:
    """The highest of the samples of a process so far, this one unless another is named.

    Children that it has already when the watching begins do not count, nor what they start later: in a bench they are
    the private lab's servers.
    """

    def __init__(self, pid: int | None = None) -> None:
        self._process = psutil.Process(pid or os.getpid())
        self._others = {child.pid for child in self._process.children(recursive=True)}
        self.mib = 0.0

    def sample(self) -> None:
        """Look now. What processes share counts once: each has its part of it (PSS)."""
        others, total = set(self._others), 0
        try:
            tree = [self._process, *self._process.children(recursive=True)]  # no child before its parent
        except psutil.NoSuchProcess:  # it has ended
            return
        for process in tree:
            try:
                if process.pid in others or process.ppid() in others:
                    others.add(process.pid)
                else:
                    total += process.memory_full_info().pss
            except psutil.NoSuchProcess:  # ended meanwhile; a zombie holds nothing
                continue
        self.mib = max(self.mib, total / _BYTES_PER_MIB)


@contextmanager
def peak_memory(pid: int | None = None) -> Iterator[PeakMemory]:
    """Sample from a thread twenty times a second while the block runs; looking takes time, so time other runs."""
    peak, stop = PeakMemory(pid), threading.Event()

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
