"""One run at a time: a lock keeps others out, and dies with its holder."""

import os
import subprocess
import sys
import threading
import time

import pytest

from domain.errors import GateClosedError, RetryableError
from registry import Registry
from tests.registry.conftest import Schema

HOLDER = """
import os, sys
from registry import Registry
with Registry(os.environ["REGISTRY"]).lock("timoteo"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_told_who_must_end_first(registry: Registry) -> None:
    with (
        registry.lock("implantação de timoteo"),
        pytest.raises(
            GateClosedError,
            match=r"Outra execução já está trabalhando em 'implantação de timoteo' .* Espere que ela termine",
        ),
        registry.lock("implantação de timoteo"),
    ):
        pytest.fail("two runs held one lock")


def test_a_lock_is_free_again_after_the_block_and_after_its_failure(registry: Registry) -> None:
    with pytest.raises(ZeroDivisionError), registry.lock("timoteo"):
        raise ZeroDivisionError
    with registry.lock("timoteo"):
        pass
    with registry.lock("timoteo"):
        pass


def test_locks_of_two_names_or_two_registries_do_not_meet(registry: Registry, another_registry: Registry) -> None:
    with registry.lock("timoteo"), registry.lock("rio-doce"), another_registry.lock("timoteo"):
        pass


def test_a_very_long_name_is_still_one_name(registry: Registry) -> None:
    with registry.lock("x" * 500), registry.lock("x" * 499), pytest.raises(GateClosedError), registry.lock("x" * 500):
        pytest.fail("two runs held one lock")


def test_a_run_may_wait_for_its_turn(registry: Registry) -> None:
    held = threading.Event()
    leave = threading.Event()

    def first() -> None:
        with registry.lock("timoteo"):
            held.set()
            leave.wait(30)

    holder = threading.Thread(target=first)
    holder.start()
    assert held.wait(30)
    threading.Timer(0.3, leave.set).start()
    started = time.monotonic()
    with registry.lock("timoteo", wait_seconds=30):
        waited = time.monotonic() - started
    holder.join()
    assert 0.2 < waited < 20


def test_a_killed_holder_frees_its_lock(registry: Registry, migrated: Schema) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        env={**os.environ, "REGISTRY": migrated.url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(GateClosedError), registry.lock("timoteo"):
            pytest.fail("two runs held one lock")
        holder.kill()
    with registry.lock("timoteo", wait_seconds=10):
        pass


def test_a_lock_lost_during_the_work_is_told(registry: Registry, migrated: Schema) -> None:
    with (
        pytest.raises(RetryableError, match="A conexão que reservava 'timoteo' caiu durante o trabalho"),
        registry.lock("timoteo"),
        migrated.server.root() as root,
    ):
        root.execute("SELECT id FROM information_schema.processlist WHERE user = %s", (migrated.name,))
        for (connection,) in root.fetchall():
            root.execute("KILL CONNECTION %s", (connection,))


def test_the_works_own_failure_is_not_hidden_by_a_lost_lock(registry: Registry, migrated: Schema) -> None:
    with pytest.raises(ZeroDivisionError), registry.lock("timoteo"), migrated.server.root() as root:
        root.execute("SELECT id FROM information_schema.processlist WHERE user = %s", (migrated.name,))
        for (connection,) in root.fetchall():
            root.execute("KILL CONNECTION %s", (connection,))
        raise ZeroDivisionError
