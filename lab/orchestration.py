"""`up`, `down` and `status`: all servers at once, each as far as it can come, and one clear error at the end."""

import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Literal

import psutil
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from domain.errors import ImplantaError, InvalidInputError, RetryableError
from domain.model import Frozen
from lab import ports, processes
from lab.certificate_authority import ensure_authority
from lab.disk import ensure_free_space, explaining_disk_errors
from lab.layout import Layout, make_private_dir
from lab.lock import exclusive
from lab.profiles import choose_services, services_of, settle_profile
from lab.record import ProfileName, Record, RecordKeeper, read_record
from lab.sei import SeiStandIn
from lab.service import NotReadyError, Service
from lab.settings_writer import reference_dir, write_settings
from lab.state import LabState, load_state

PROBE_INTERVAL_SECONDS = 0.1
FIRST_START_ATTEMPTS = 3


class Progress(Frozen):
    """One thing that happened to one service, for whoever watches."""

    service: str
    title: str
    state: Literal["starting", "ready", "running", "failed", "stopping", "stopped", "waiting"]
    seconds: float = 0.0


class ServiceStatus(Frozen):
    """How one service is now: `silent` has a process that does not answer."""

    service: str
    title: str
    state: Literal["running", "silent", "stopped"]
    pid: int | None
    address: str | None


OnProgress = Callable[[Progress], None]


def _ignore(_: Progress) -> None:
    return


def _waiting(on_progress: OnProgress) -> Callable[[], None]:
    return lambda: on_progress(Progress(service="lab", title="Laboratório", state="waiting"))


def _profile_at(layout: Layout) -> ProfileName:
    record = read_record(layout.record_file)
    return record.profile if record is not None else "embedded"


class _Start:
    """One `up`: what it was asked, and what it knows of the lab."""

    def __init__(self, layout: Layout, keeper: RecordKeeper, on_progress: OnProgress) -> None:
        self.layout = layout
        self.keeper = keeper
        self.on_progress = on_progress

    def _tell(self, service: Service, state: Literal["starting", "ready", "running", "failed"], since: float) -> None:
        seconds = time.monotonic() - since
        self.on_progress(Progress(service=service.name, title=service.title, state=state, seconds=seconds))

    def find(self, service: Service) -> psutil.Process | None:
        return processes.find(self.keeper.record.processes.get(service.name), self.layout.root)

    def bring_up(self, service: Service, needed: list[Future[None]]) -> None:
        for future in needed:
            future.result()
        since = time.monotonic()
        try:
            with explaining_disk_errors(self.layout.root):
                if self._is_already_up(service):
                    self._tell(service, "running", since)
                    return
                self._tell(service, "starting", since)
                self._start_with_ports(service)
                self.keeper.establish(service.name)
        except BaseException:
            self._tell(service, "failed", since)
            raise
        self._tell(service, "ready", since)

    def _is_already_up(self, service: Service) -> bool:
        running = self.find(service)
        if running is not None and service.is_outdated(running.cmdline()):
            processes.stop(running, service.stop_seconds)
            return False
        if running is None:
            unrecorded = processes.find_unrecorded(service.launch(), self.layout.root)
            if unrecorded is None:
                return False
            self.keeper.set_process(service.name, unrecorded)
        # An `up` that was killed may have left it starting; and it may be dying just now.
        if not self._answers(service):
            return False
        self.keeper.establish(service.name)
        return True

    def _start_with_ports(self, service: Service) -> None:
        """Start the service; one that never ran may move when somebody takes its ports meanwhile."""
        is_known = service.name in self.keeper.record.established
        previous = self.keeper.record.processes.get(service.name)
        if previous is not None:
            processes.wait_until_gone(previous)
            service.clean_after_stop()
        for _ in range(FIRST_START_ATTEMPTS):
            taken = self._taken_ports(service)
            if taken and is_known:
                raise self._port_taken(service, taken[0])
            self.keeper.set_ports(ports.choose(taken, avoid=self.keeper.record.ports.values()))
            service.prepare()
            self.keeper.set_process(
                service.name,
                processes.start(service.launch(), self.layout.root, self.layout.log(service.name)),
            )
            if self._answers(service):
                return
            if is_known or not self._taken_ports(service):
                break
        raise service.failed("o processo terminou")

    @staticmethod
    def _taken_ports(service: Service) -> list[str]:
        return [name for name in service.port_names if not ports.becomes_free(service.port(name))]

    def _port_taken(self, service: Service, name: str) -> InvalidInputError:
        port = service.port(name)
        return InvalidInputError(
            f"A porta {port}, de {service.title}, está ocupada {ports.describe_owner(port)}",
            f"{ports.HOST}:{port}",
            "Encerre esse processo; ou rode ./implanta lab up --new-ports, que escolhe outra porta e regrava "
            f"{self.layout.settings_file}, e depois ./implanta deploy.",
        )

    def _answers(self, service: Service) -> bool:
        """Wait until the service answers; False when its process dies instead."""

        def probe() -> bool:
            if self.find(service) is None:
                return False
            service.probe()
            return True

        waiting = Retrying(
            stop=stop_after_delay(service.start_seconds),
            wait=wait_fixed(PROBE_INTERVAL_SECONDS),
            retry=retry_if_exception_type(NotReadyError),
            reraise=True,
        )
        try:
            return waiting(probe)
        except NotReadyError as e:
            raise service.failed(f"sem resposta em {service.start_seconds:.0f} s") from e

    def move_from_taken_ports(self, services: list[Service]) -> None:
        """Give new ports to the stopped services whose ports are taken, and stop those that knew the old ones."""
        moved: set[str] = set()
        for service in services:
            if self.find(service) is not None:
                continue
            taken = self._taken_ports(service)
            if taken:
                self.keeper.set_ports(ports.choose(taken, avoid=self.keeper.record.ports.values()))
                moved.add(service.name)
        for service in services:
            process = self.find(service)
            if process is not None and moved.intersection(service.needs):
                processes.stop(process, service.stop_seconds)
                self.keeper.forget_process(service.name)


def up(
    lab_dir: Path,
    *,
    profile: str | None = None,
    services: Iterable[str] | None = None,
    new_ports: bool = False,
    on_progress: OnProgress = _ignore,
) -> LabState:
    """Bring up every server that is not up yet, with its data; a second call changes nothing.

    `profile` says which servers a new lab has (see `lab.profiles`), `services` limits it to some of them; `new_ports`
    lets stopped services leave ports that other programs took meanwhile. `on_progress` is called from several threads.

    Raises:
        InvalidInputError: a program is missing, a port is taken, the disk is full, the lab is of another profile.
        RetryableError: a server did not come up; the others did, and a new call takes up there.
    """
    layout = Layout(lab_dir.resolve())
    choose_services(settle_profile(layout, read_record(layout.record_file) or Record(), profile), services)
    with explaining_disk_errors(layout.root):
        make_private_dir(layout.root)
        return _up(layout, profile, services, new_ports, on_progress)


def _up(
    layout: Layout, profile: str | None, chosen: Iterable[str] | None, new_ports: bool, on_progress: OnProgress
) -> LabState:
    with exclusive(layout.lock_file, _waiting(on_progress)):
        ensure_free_space(layout.root)
        make_private_dir(layout.log_dir)
        keeper = RecordKeeper(layout.record_file)
        keeper.set_profile(settle_profile(layout, keeper.record, profile))
        wanted = choose_services(keeper.record.profile, chosen)
        all_ports = [name for service in services_of(keeper.record.profile) for name in service.port_names]
        missing = [name for name in all_ports if name not in keeper.record.ports]
        keeper.set_ports(ports.choose(missing, avoid=keeper.record.ports.values()))
        start = _Start(layout, keeper, on_progress)
        instances = [service(layout, keeper.record) for service in wanted]
        if new_ports:
            start.move_from_taken_ports(instances)
        ensure_authority(layout)
        with ThreadPoolExecutor(max_workers=1) as beside:
            code = beside.submit(_lay_code, layout, on_progress) if SeiStandIn in wanted else None
            _bring_all_up(start, instances)
        if code is not None:
            code.result()
        state = load_state(layout.root)
        write_settings(state)
        return state


def _lay_code(layout: Layout, on_progress: OnProgress) -> None:
    """The code of the versions of SEI; only when it has to be made is it told as one of the services."""
    from lab.sei_code import ensure_code  # noqa: PLC0415  # `status` and `down` need no catalog

    since = time.monotonic()

    def tell(state: Literal["starting", "ready"]) -> None:
        seconds = time.monotonic() - since
        on_progress(Progress(service="codigo", title="Versões do SEI", state=state, seconds=seconds))

    if ensure_code(layout.code_dir, reference_dir(layout.settings_file), on_build=lambda: tell("starting")):
        tell("ready")


def _bring_all_up(start: _Start, services: list[Service]) -> None:
    """Start all at once, wait for all, then raise what failed."""
    futures: dict[str, Future[None]] = {}
    with ThreadPoolExecutor(max_workers=len(services)) as pool:
        for service in services:
            needed = [futures[name] for name in service.needs if name in futures]
            futures[service.name] = pool.submit(start.bring_up, service, needed)
    errors: list[BaseException] = []
    for future in futures.values():
        error = future.exception()
        if error is not None and error not in errors:  # what needs a failed service fails with the same error
            errors.append(error)
    if len(errors) > 1 and all(isinstance(error, RetryableError) for error in errors):
        raise RetryableError(
            "; ".join(error.what for error in errors if isinstance(error, ImplantaError)),
            str(start.layout.log_dir),
            "Corrija a causa e rode ./implanta lab up de novo.",
        )
    for error in errors:
        raise error


def down(lab_dir: Path, *, destroy: bool = False, on_progress: OnProgress = _ignore) -> tuple[str, ...]:
    """Stop what this lab started, and nothing else; the names of the services that were running.

    The data stay, unless `destroy`: then everything that a lab puts in its directory is removed.
    """
    layout = Layout(lab_dir.resolve())
    if not layout.root.exists():
        return ()
    with exclusive(layout.lock_file, _waiting(on_progress)):
        record = read_record(layout.record_file)
        if record is None:
            layout.lock_file.unlink()
            return ()
        keeper = RecordKeeper(layout.record_file)
        start = _Start(layout, keeper, on_progress)
        services = [service(layout, keeper.record) for service in services_of(record.profile)]
        running = [service for service in services if start.find(service) is not None]
        # Clients before servers, so that none of them is left waiting for an answer.
        clients = [service for service in running if service.is_client]
        _stop_all(start, clients)
        _stop_all(start, [service for service in running if service not in clients])
        for service in services:
            service.clean_after_stop()
            if not destroy:  # what goes away now is not written to once more: its disk may be full
                keeper.forget_process(service.name)
        # Flow runs outlive a worker that was killed.
        for leftover in list(processes.list_marked(layout.root)):
            processes.stop(leftover, Service.stop_seconds)
        if destroy:
            _remove_all(layout, record.profile)
        return tuple(service.name for service in running)


def _stop_all(start: _Start, services: list[Service]) -> None:
    def stop(service: Service) -> None:
        process = start.find(service)
        since = time.monotonic()
        if process is not None:
            start.on_progress(Progress(service=service.name, title=service.title, state="stopping"))
            processes.stop(process, service.stop_seconds)
        seconds = time.monotonic() - since
        start.on_progress(Progress(service=service.name, title=service.title, state="stopped", seconds=seconds))

    if services:
        with ThreadPoolExecutor(max_workers=len(services)) as pool:
            list(pool.map(stop, services))


def log_file(lab_dir: Path, service: str) -> Path:
    """Where a service's log is.

    Raises:
        InvalidInputError: there is no such service, or it has not written anything yet.
    """
    layout = Layout(lab_dir.resolve())
    choose_services(_profile_at(layout), [service])
    path = layout.log(service)
    if not path.exists():
        raise InvalidInputError(
            f"{service} ainda não escreveu registro", str(path), "Suba o laboratório com ./implanta lab up."
        )
    return path


def _remove_all(layout: Layout, profile: ProfileName) -> None:
    # By name, not the whole tree: IMPLANTA_LAB_DIR may point at a directory that holds other things.
    directories = [layout.service_dir(service.name) for service in services_of(profile)]
    for directory in (
        *directories,
        layout.log_dir,
        layout.mail_dir,
        layout.apps_dir,
        layout.files_dir,
        layout.code_dir,
        layout.scratch_dir,
    ):
        if directory.exists():
            shutil.rmtree(directory)
    authority = (layout.ca_file, layout.ca_key_file)
    for file in (layout.settings_file, layout.demo_file, *authority, layout.record_file, layout.lock_file):
        file.unlink(missing_ok=True)
    with suppress(OSError):  # it stays when it holds other things, or is where a disk is mounted
        layout.root.rmdir()


def status(lab_dir: Path) -> tuple[ServiceStatus, ...]:
    """How every service is now, each asked in its own protocol."""
    layout = Layout(lab_dir.resolve())
    record = read_record(layout.record_file)
    services = services_of(record.profile if record is not None else "embedded")
    if record is None:
        return tuple(
            ServiceStatus(service=s.name, title=s.title, state="stopped", pid=None, address=None) for s in services
        )

    def look(service: Service) -> ServiceStatus:
        process = processes.find(record.processes.get(service.name), layout.root)
        state: Literal["running", "silent", "stopped"] = "stopped"
        if process is not None:
            try:
                service.probe()
                state = "running"
            except NotReadyError:
                state = "silent"
        pid = process.pid if process else None
        return ServiceStatus(service=service.name, title=service.title, state=state, pid=pid, address=service.address())

    with ThreadPoolExecutor(max_workers=len(services)) as pool:
        return tuple(pool.map(look, [service(layout, record) for service in services]))
