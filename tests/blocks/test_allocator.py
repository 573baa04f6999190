"""Pieces of a backup's size, freed between small ones that stay: what the process still holds."""

import subprocess
import sys

import pytest

_PIECES = """
import sys
from pathlib import Path
from blocks.allocator import keep_little

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / (1 << 20)

if sys.argv[1] == "little":
    keep_little()
bytes(1 << 20)  # glibc learns from the first large piece that is freed to take the next ones from its heap
before, large, small = resident_mib(), [], []
for _ in range(100):
    large.append(b"x" * (1 << 20))
    small.append(b"x" * 60_000)
large.clear()
print(resident_mib() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_pieces_that_are_freed_go_back_to_the_system() -> None:
    def left(how: str) -> float:
        done = subprocess.run([sys.executable, "-c", _PIECES, how], check=True, capture_output=True, text=True)
        return float(done.stdout)

    assert left("little") < 12
    assert left("as ever") > 50
