"""Threads that ask for memory at the same time: from how many arenas they get it."""

import subprocess
import sys
from pathlib import Path

import pytest

_THREADS = """
import ctypes, sys
from threading import Barrier, Thread
from blocks.allocator import share_arenas

if sys.argv[1] == "shared":
    share_arenas()
meeting = Barrier(8)

def work():
    meeting.wait()
    held = bytearray(100_000)
    meeting.wait()

threads = [Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
report = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(report))
libc.fclose(ctypes.c_void_p(report))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_threads_share_two_arenas(tmp_path: Path) -> None:
    def arenas(how: str) -> int:
        report = tmp_path / f"{how}.xml"
        subprocess.run([sys.executable, "-c", _THREADS, how, str(report)], check=True)
        return report.read_text().count("<heap nr=")

    assert arenas("shared") <= 2
    assert arenas("each") > 2
