"""An opening whose servers die or run out of space: told in one sentence, closed, and opened by the next run."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from pkgutil import resolve_name

import pytest

import lab as lab_module
from blocks.http_client import client_for
from blocks.scratch_server import scratch_server
from blocks.settings import load_settings
from cli.demo_people import Prefeitura, send_attendance
from domain.calendar import local_day
from domain.errors import RetryableError
from flows.go_live import go_live
from flows.implantation import implantation
from flows.undo_go_live import undo_go_live
from tasks import doors
from tasks.backup_recent import prove_recent_backup
from tasks.instance import Instance, load_instance
from tasks.live import is_open, is_public
from tasks.waivers import answer_gate
from tests.flows.conftest import EXAMPLES, Join
from tests.waiting import end

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCRATCH_MB = 512
LEFT_BYTES = 32 * 1024**2


@pytest.fixture(scope="module")
def before(join: Join) -> Instance:
    """The production of a municipality that waits for its last gate, and for nothing but the approval."""
    municipality = join("3104205", "Arcos", EXAMPLES / "unidades.csv", EXAMPLES / "usuarios.csv")
    send_attendance(
        Prefeitura(
            ibge=municipality.ibge, name=municipality.name, slug=municipality.slug, population=1, example="rio-doce"
        ),
        local_day(datetime.now(tz=UTC)),
    )
    assert len(implantation(municipality.slug).waiting_for) == 1
    return load_instance(f"{municipality.slug}-producao")


@pytest.fixture
def approved(before: Instance, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    """The same, approved; closed again afterwards. No step is tried again, and every opening copies anew."""
    monkeypatch.setenv("IMPLANTA_RETRIES", "0")
    monkeypatch.setattr("tasks.go_live_checks.prove_recent_backup", lambda i, _: prove_recent_backup(i, timedelta()))
    answer_gate(before.municipality, "go-live", "aprovar", name="Pessoa de Teste", reason="Tudo conferido")
    yield before
    if is_open(before):
        undo_go_live(before.municipality.slug, "ponto focal", "para o próximo teste", wait_seconds=60)


def is_let_in(instance: Instance) -> bool:
    with client_for(doors.edge().address(instance.name)) as visitor:
        return visitor.get("/sip/login.php", params={"sigla_sistema": "SEI"}).status_code == HTTPStatus.OK


def kill(lab: Path, service: str, how: signal.Signals = signal.SIGKILL) -> None:
    (status,) = [status for status in lab_module.status(lab) if status.service == service]
    assert status.pid is not None
    end(status.pid, how)


@contextmanager
def when(called: str, happens: Callable[[], object], *, after: bool = False) -> Iterator[list[str]]:
    """Something happens the first time that a function of ours is called: right before it, or right after it."""
    real: Callable[..., object] = resolve_name(called)
    happened: list[str] = []

    def there(*args: object, **kwargs: object) -> object:
        result = real(*args, **kwargs) if after else None
        if not happened:
            happened.append(called)
            happens()
        return result if after else real(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(called, there)
        yield happened


def opens_at_last(instance: Instance) -> None:
    """The next run opens, with nothing left of what was cut off."""
    assert not is_let_in(instance), "the servers are back, and it is still closed"
    assert not is_public(instance)
    assert go_live(instance.municipality.slug).waiting_for == ()
    assert is_public(instance)
    assert is_let_in(instance)
    assert go_live(instance.municipality.slug).change.total == 0
    assert not list(load_settings().scratch_dir.glob("rascunho-*"))


MOMENTS = {
    "copying": "tasks.backup_cycle.write_backup",
    "restoring the copy": "tasks.backup_verify.restore",
    "using it for a test": "blocks.use_test._Test._attach_file",
    "trying the application behind the closed edge": "tasks.go_live._try_services",
    "counting what there is": "tasks.go_live.count_paperwork",
}
HOLDER_OF_THE_REGISTRY = "mariadb"


def server_of(instance: Instance) -> str:
    """The lab's server that holds the databases of the city: not always the one that holds the registry."""
    return "mariadb" if instance.record.database_server == doors.MAIN else "mariadb2"


@pytest.mark.parametrize("called", MOMENTS.values(), ids=MOMENTS)
@pytest.mark.parametrize("holds", ["the city", "the registry"])
def test_a_database_server_that_dies_in_an_opening_keeps_the_city_closed_until_the_next_run(
    lab: Path, approved: Instance, holds: str, called: str
) -> None:
    server = server_of(approved) if holds == "the city" else HOLDER_OF_THE_REGISTRY
    fails_and_then_opens(lab, approved, called, server)


def test_a_registry_that_dies_before_the_opening_is_told_to_it_closes_what_was_just_opened(
    lab: Path, approved: Instance
) -> None:
    """The public address answered, and nothing would know that people were let in."""
    fails_and_then_opens(lab, approved, "tasks.go_live.try_public_address", HOLDER_OF_THE_REGISTRY, after=True)


def fails_and_then_opens(lab: Path, instance: Instance, called: str, server: str, *, after: bool = False) -> None:
    with when(called, lambda: kill(lab, server), after=after) as happened:
        try:
            with pytest.raises(RetryableError, match=r"não respondeu|interrompida|falhou") as failure:
                go_live(instance.municipality.slug)
            assert happened
            assert not is_let_in(instance), "while the server is away"
        finally:
            lab_module.up(lab)
    assert "\n" not in str(failure.value)
    opens_at_last(instance)


@pytest.mark.parametrize("called", ["tasks.backup_cycle.write_backup", "tasks.backup_cycle.verify_backup"])
def test_a_storage_that_is_away_when_it_is_copied_keeps_the_city_closed_until_the_next_run(
    lab: Path, approved: Instance, called: str
) -> None:
    fails_and_then_opens(lab, approved, called, "s3")


@contextmanager
def small_disk() -> Iterator[Path]:
    """A disk that has room for an empty scratch server, and for little more."""
    at = Path(tempfile.mkdtemp(prefix="implanta-disco-")).resolve()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SCRATCH_MB}m", "tmpfs", str(at)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        at.rmdir()
        pytest.skip(f"this machine does not let root mount a small disk: {mounted.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True, capture_output=True)
        at.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_is_full_when_the_copy_is_restored_is_named_and_nothing_of_the_copy_stays(
    approved: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk() as disk:
        with scratch_server(disk):
            pass  # what a first start leaves for the others
        empty = sum(path.stat().st_size for path in disk.rglob("*") if path.is_file())
        with (disk / "enchimento").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, SCRATCH_MB * 1024**2 - 2 * empty - LEFT_BYTES)
        small = load_settings().model_copy(update={"scratch_dir": disk})
        monkeypatch.setattr("tasks.backup_cycle.load_settings", lambda: small)
        with pytest.raises(RetryableError, match="disco do MariaDB está cheio") as failure:
            go_live(approved.municipality.slug)
        assert "\n" not in str(failure.value)
        assert not is_let_in(approved)
        assert not list(disk.glob("rascunho-*"))
        monkeypatch.undo()
    opens_at_last(approved)
