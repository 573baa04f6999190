"""Upgrades cut off anywhere: the next run leaves the old version whole or the new one whole, and opens only then."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name

import pytest

import lab as lab_module
from blocks.settings import PROJECT_ROOT
from domain.backup.facts import TableDigest
from domain.errors import GateClosedError, ImplantaError, IntegrityError
from domain.upgrading import Upgrade, UpgradeEvent
from flows.restore_environment import restore_environment
from flows.upgrade_environment import upgrade_environment
from tasks import doors
from tasks.closing import closing_of
from tasks.instance import Instance
from tasks.restoration import brought_back, last_restoration
from tasks.upgrading import last_upgrade
from tests.flows.conftest import Join
from tests.flows.cut_off import Cut, refuses_everybody
from tests.flows.upgradable import NEW, fault_file, files, is_new, is_old, make, rows
from tests.waiting import end

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

Before = tuple[dict[str, TableDigest], dict[str, bytes]]


@pytest.fixture(scope="module")
def instance(join: Join) -> Instance:
    return make(join, "3170107", "Uberaba")


@pytest.fixture
def before(instance: Instance) -> Before:
    return rows(instance), files(instance)


@contextmanager
def cut(where: str, *, call: int = 1, after: bool = False) -> Iterator[None]:
    """The process dies when a function of ours is called so many times, right before it or right after it."""
    module, _, name = where.rpartition(".")
    owner = resolve_name(module)
    real: Callable[..., object] = getattr(owner, name)
    calls = 0

    def dying(*arguments: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls < call:
            return real(*arguments, **named)
        if after:
            real(*arguments, **named)
        raise Cut

    if hasattr(real, "fn"):  # a task, as its callers know it
        dying.fn = dying  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, dying)
        yield
    assert calls >= call, f"{where} was never reached"


def start(instance: Instance) -> None:
    upgrade_environment(instance.name.slug, NEW, "operação", "Versão nova")


def dies(instance: Instance, where: str, *, call: int = 1, after: bool = False) -> Upgrade:
    """One run that is cut off there; while the data are between two versions nobody gets to them."""
    with cut(where, call=call, after=after), pytest.raises(BaseException):  # noqa: B017
        start(instance)
    found = last_upgrade(instance)
    assert found is not None
    assert not found.is_over
    if found.is_touching and not brought_back(last_restoration(instance), found.begun_at):
        nobody_is_let_in(instance)
    return found


def nobody_is_let_in(instance: Instance) -> None:
    assert closing_of(instance) is not None
    refuses_everybody(instance)


def goes_back(instance: Instance, before: Before) -> None:
    with pytest.raises(IntegrityError, match="interrompida") as failure:
        start(instance)
    assert "foi desfeita" in failure.value.fix
    is_old(instance, *before)
    found = last_upgrade(instance)
    assert found is not None
    assert found.result == "desfeita"


WHILE_IT_IS_BETWEEN = [
    ("the moment was saved", "tasks.upgrade_save.remember_upgrade", 1, True),
    ("before the first script", "tasks.upgrade.run_release", 1, False),
    ("one script has run", "tasks.upgrade_steps._judged", 1, True),
    ("two scripts have run", "tasks.upgrade_steps._judged", 2, True),
    ("all scripts have run, and nobody knows", "tasks.upgrade_steps._judged", 3, True),
    ("the scripts are told", "tasks.upgrade._remember", 1, True),
    ("before the examination", "tasks.upgrade.examine", 1, False),
    ("examined, and in use", "tasks.upgrade.examine", 1, True),
    ("before it is used", "tasks.upgrade.prove_use", 1, False),
    ("while it is used", "blocks.use_test._Test._attach_file", 1, True),
    ("used", "tasks.upgrade.prove_use", 1, True),
]


@pytest.mark.parametrize(
    ("where", "call", "after"),
    [pytest.param(*row[1:], id=row[0]) for row in WHILE_IT_IS_BETWEEN],
)
def test_what_was_cut_off_between_two_versions_goes_back(
    instance: Instance, before: Before, where: str, call: int, after: bool
) -> None:
    found = dies(instance, where, call=call, after=after)
    assert found.is_touching
    with pytest.raises(GateClosedError, match="não chegou ao fim"):
        restore_environment(instance.name.slug)
    goes_back(instance, before)


ON_THE_WAY_BACK = [
    ("before the load", "tasks.restore.load_into_scratch", 1, False),
    ("of two databases one is there", "tasks.restore.move_tables", 2, False),
    ("before the files", "tasks.restore.list_attachments", 1, False),
    ("data are back, code is not", "tasks.upgrade_undo.closed_configuration", 1, False),
    ("all is back, and nobody knows", "tasks.upgrade_undo._remember", 2, False),
    ("before the application", "tasks.environment.apply_application", 1, False),
    ("the application serves", "tasks.environment.apply_application", 1, True),
    ("before the opening", "tasks.upgrade_undo.reopen_as_before", 1, False),
]


def test_a_way_back_that_is_cut_off_again_and_again_goes_on(instance: Instance, before: Before) -> None:
    dies(instance, "tasks.upgrade_steps._judged", call=2, after=True)
    for _, where, call, after in ON_THE_WAY_BACK:
        nth = 1 if where.endswith("_remember") and _failure_is_told(instance) else call
        dies(instance, where, call=nth, after=after)
    goes_back(instance, before)


def _failure_is_told(instance: Instance) -> bool:
    found = last_upgrade(instance)
    return found is not None and UpgradeEvent.FAILED in found.reached


BEFORE_THE_SAVING = [
    ("before the backup ahead", "tasks.upgrade_save._current_backup", 1, False),
    ("before maintenance", "tasks.upgrade.closed_configuration", 1, False),
    ("before the edge is closed", "tasks.upgrade.declared_site", 1, False),
    ("the edge is closed", "tasks.upgrade._wait_for_others", 1, False),
    ("before the saving", "tasks.upgrade_save.remember_upgrade", 1, False),
]


def test_one_that_fails_before_anything_is_saved_opens_again(
    instance: Instance, before: Before, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> object:
        raise IntegrityError("A cópia não foi provada: objeto alterado", "balde", "Veja o certificado.")

    monkeypatch.setattr("tasks.upgrade_save.remember_upgrade", fails)
    with pytest.raises(IntegrityError, match="A cópia não foi provada"):
        start(instance)
    is_old(instance, *before)


def test_somebody_who_works_past_the_application_is_named_and_it_opens_again(
    instance: Instance, before: Before, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.upgrade.SESSIONS_SECONDS", 1.0)
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("SELECT 1")
        with pytest.raises(IntegrityError, match=f"nos bancos: {instance.server.user}: 1 conexões"):
            start(instance)
    is_old(instance, *before)


RUNNER = """
import sys

from flows.upgrade_environment import upgrade_environment

upgrade_environment(*sys.argv[1:])
"""


def test_kill_9_in_the_middle_of_a_script_leaves_no_script_running_and_the_next_run_goes_back(
    instance: Instance, before: Before
) -> None:
    fault_file(instance).write_text("atualizar_versao_sei.php 40 trava")
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER, instance.name.slug, NEW, "operação", "Versão nova"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PREFECT_LOGGING_LEVEL": "CRITICAL", "PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 300
        while not _is_in_the_middle(instance):
            assert process.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline
            time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
        fault_file(instance).unlink(missing_ok=True)
    nobody_is_let_in(instance)
    assert not _migration_is_at_work(instance) or _ends(instance)
    goes_back(instance, before)


def _is_in_the_middle(instance: Instance) -> bool:
    found = last_upgrade(instance)
    if found is None or not found.is_touching:
        return False
    with instance.server.transaction(instance.name.database_sip) as cursor:
        cursor.execute("SELECT valor FROM infra_parametro WHERE nome = 'SEI_VERSAO'")
        resources = str(cursor.fetchall()[0][0])
    return resources.startswith("4.1") and _migration_is_at_work(instance)


def _migration_is_at_work(instance: Instance) -> bool:
    with instance.server.transaction() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE user = %s",
            (instance.name.database_migration_user,),
        )
        return int(cursor.fetchall()[0][0]) > 0


def _ends(instance: Instance) -> bool:
    deadline = time.monotonic() + 30
    while _migration_is_at_work(instance):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


@pytest.mark.parametrize("dead", ["database", "storage"])
def test_a_server_that_dies_in_the_middle_keeps_it_closed_and_the_next_run_goes_back(
    lab: Path, instance: Instance, before: Before, monkeypatch: pytest.MonkeyPatch, dead: str
) -> None:
    monkeypatch.setenv("IMPLANTA_RETRIES", "0")
    service = "s3" if dead == "storage" else "mariadb" if instance.record.database_server == doors.MAIN else "mariadb2"
    real = resolve_name("tasks.upgrade_steps._judged")
    calls = 0

    def judged(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            (status,) = [status for status in lab_module.status(lab) if status.service == service]
            assert status.pid is not None
            end(status.pid, signal.SIGKILL)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("tasks.upgrade_steps._judged", judged)
        try:
            with pytest.raises(ImplantaError):
                start(instance)
        finally:
            lab_module.up(lab)
    found = last_upgrade(instance)
    assert found is not None
    assert found.is_touching
    nobody_is_let_in(instance)
    with pytest.raises(IntegrityError, match="foi desfeita"):
        start(instance)
    is_old(instance, *before)


AFTER_THE_PROOF = [
    ("before the application", "tasks.environment.apply_application", 1, False),
    ("before the opening", "tasks.upgrade.reopen_as_before", 1, False),
    ("open, and nobody knows", "tasks.upgrade.reopen_as_before", 1, True),
]


def test_one_that_is_cut_off_before_the_saving_and_after_the_proof_goes_forward(instance: Instance) -> None:
    for _, where, call, after in BEFORE_THE_SAVING:
        found = dies(instance, where, call=call, after=after)
        assert not found.must_go_back
    for _, where, call, after in AFTER_THE_PROOF:
        found = dies(instance, where, call=call, after=after)
        assert UpgradeEvent.PROVED in found.reached
    start(instance)
    is_new(instance)
