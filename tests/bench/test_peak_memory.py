"""The sampler sees what children hold, and counts what they share with their parent once."""

import os
import subprocess
import sys
from time import sleep

import pytest

from bench.peak_memory import PeakMemory, peak_memory
from tests.waiting import wait_until

HELD_MIB = 200
HOLD = f"x = b'x' * ({HELD_MIB} << 20); print('held', flush=True); input()"


def now() -> float:
    peak = PeakMemory()
    peak.sample()
    return peak.mib


def test_the_memory_of_a_child_that_is_gone_by_the_end_counts() -> None:
    before = now()
    with (
        peak_memory() as peak,
        subprocess.Popen(["sh", "-c", f'"{sys.executable}" -c "{HOLD}"'], stdin=-1, stdout=-1) as grandparent,
    ):
        assert grandparent.stdout is not None
        assert grandparent.stdout.readline() == b"held\n"
        peak.sample()
        grandparent.communicate(b"\n")
    assert HELD_MIB < peak.mib - before < HELD_MIB + 100
    assert now() - before < 50


def test_a_server_that_ran_before_does_not_count_nor_what_it_starts_later() -> None:
    later = f'read go; "{sys.executable}" -c "{HOLD}"'
    with subprocess.Popen(["sh", "-c", later], stdin=-1, stdout=-1) as server:
        assert server.stdin is not None and server.stdout is not None
        of_us, of_it = PeakMemory(), PeakMemory(server.pid)
        of_us.sample()
        before = of_us.mib
        server.stdin.write(b"go\n")
        server.stdin.flush()
        assert server.stdout.readline() == b"held\n"
        of_us.sample()
        of_it.sample()
        server.communicate(b"\n")
    assert of_us.mib - before < HELD_MIB / 2
    assert HELD_MIB < of_it.mib < HELD_MIB + 100


def test_what_a_child_shares_with_its_parent_counts_once() -> None:
    held = b"x" * (HELD_MIB << 20)
    peak = PeakMemory()
    peak.sample()
    before = peak.mib
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # it does nothing but wait, sharing every page, until the parent closes its end
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    try:
        peak.sample()
        assert peak.mib - before < HELD_MIB / 2
    finally:
        os.close(writer)
        os.waitpid(child, 0)
    assert held


def test_it_samples_by_itself_and_stops_when_the_block_raises() -> None:
    with pytest.raises(KeyError), peak_memory() as peak:
        wanted = peak.mib + HELD_MIB - 10
        held = b"x" * (HELD_MIB << 20)
        wait_until(lambda: peak.mib > wanted, "a sample sees what was just taken")
        raise KeyError
    after, more = peak.mib, b"x" * (HELD_MIB << 21)
    sleep(0.2)
    assert peak.mib == after
    assert held and more
