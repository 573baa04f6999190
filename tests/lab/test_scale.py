"""The lab's profile `scale`: Prefect in parts, on PostgreSQL and Redis, with a worker for each part of the fleet."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from domain.errors import InvalidInputError
from lab import down, log_file, status, up
from lab.processes import list_marked
from lab.profiles import SERVICE_NAMES, services_of
from lab.record import read_record
from lab.scale.prefect_parts import Balancer
from lab.state import LabState
from tests.waiting import end

PREFECT = ("postgres", "redis", "prefect-api-1", "prefect-api-2", "prefect-services", "prefect")
WORKERS = ("worker", "worker-principal-1", "worker-principal-2", "worker-segundo-1", "worker-segundo-2")
APIS = Balancer.needs


@pytest.fixture(scope="module")
def scale_lab() -> Iterator[Path]:
    """A lab with the parts of Prefect and their workers; the servers of the programme are as in any other."""
    directory = Path(tempfile.mkdtemp(prefix="implanta-scale-")).resolve()
    try:
        up(directory, profile="scale", services=(*PREFECT, *WORKERS))
        yield directory
    finally:
        down(directory, destroy=True)
        assert not list(list_marked(directory))
        assert not directory.exists(), "what is destroyed leaves nothing"


@pytest.fixture
def state(scale_lab: Path) -> LabState:
    return up(scale_lab, services=(*PREFECT, *WORKERS))


def pid_of(lab: Path, service: str) -> int:
    found = next(one.pid for one in status(lab) if one.service == service)
    assert found is not None
    return found


def test_every_part_answers_and_a_second_up_changes_nothing(scale_lab: Path, state: LabState) -> None:
    def running() -> dict[str, int | None]:
        return {one.service: one.pid for one in status(scale_lab) if one.state == "running"}

    before = running()
    assert set(before) == {*PREFECT, *WORKERS}
    up(scale_lab, services=(*PREFECT, *WORKERS))
    assert running() == before
    assert "postgresql" in state.prefect.database_url.get_secret_value()
    for part in ("prefect-api-1", "prefect-api-2", "prefect-services"):
        assert "Traceback" not in log_file(scale_lab, part).read_text(errors="replace"), part


def test_what_one_api_was_told_the_other_knows(state: LabState, scale_lab: Path) -> None:
    record = read_record(scale_lab / "lab.json")
    assert record is not None
    first, second = (f"http://127.0.0.1:{record.ports[name]}/api" for name in APIS)
    told = {"name": "testemunha", "value": "vista"}
    with httpx.Client(auth=state.prefect.credentials, trust_env=False, follow_redirects=True) as client:
        client.post(f"{first}/variables/", json=told).raise_for_status()
        assert client.get(f"{second}/variables/name/testemunha").json()["value"] == "vista"
    assert [httpx.get(f"{one}/variables/name/testemunha", trust_env=False).status_code for one in (first, second)] == [
        401,
        401,
    ], "nobody else is answered"


def test_every_question_is_answered_while_one_api_is_gone(state: LabState, scale_lab: Path) -> None:
    end(pid_of(scale_lab, "prefect-api-2"))
    answers = [httpx.get(f"{state.prefect.api_url}/health").status_code for _ in range(20)]
    assert answers == [200] * 20
    up(scale_lab, services=PREFECT)
    assert all(one.state == "running" for one in status(scale_lab) if one.service in PREFECT)


def test_up_finds_a_server_that_was_started_by_another_program(scale_lab: Path, state: LabState) -> None:
    """PostgreSQL is started through setpriv where the lab is root's, and is known again without its record."""
    before = pid_of(scale_lab, "postgres")
    file = scale_lab / "lab.json"
    record = read_record(file)
    assert record is not None
    del record.processes["postgres"]
    file.write_text(record.model_dump_json())
    up(scale_lab, services=PREFECT)
    assert pid_of(scale_lab, "postgres") == before


def test_every_part_listens_on_the_loopback_address_only(scale_lab: Path, state: LabState) -> None:
    listening = [
        connection.laddr.ip
        for process in list_marked(scale_lab)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= len(PREFECT) - 2  # the services have no port, and nginx hides its mark
    assert set(listening) == {"127.0.0.1"}


def test_no_password_is_an_argument_of_a_process_nor_in_a_log(scale_lab: Path, state: LabState) -> None:
    record = read_record(scale_lab / "lab.json")
    assert record is not None
    passwords = (record.secrets.postgres, record.secrets.redis)
    arguments = " ".join(" ".join(process.cmdline()) for process in list_marked(scale_lab))
    assert "redis-server" in arguments
    logs = "".join(log_file(scale_lab, name).read_text(errors="replace") for name in ("postgres", "prefect-api-1"))
    assert not [password for password in passwords if password in arguments or password in logs]


def test_a_lab_keeps_the_profile_that_it_was_made_with(scale_lab: Path, state: LabState) -> None:
    with pytest.raises(InvalidInputError, match="do perfil scale, não embedded"):
        up(scale_lab, profile="embedded")
    with pytest.raises(InvalidInputError, match="Use: embedded, scale"):
        up(scale_lab, profile="grande")


def test_the_ordinary_lab_has_nothing_of_it(small_lab: Path) -> None:
    up(small_lab, services=["smtp"])
    assert [one.service for one in status(small_lab)] == list(SERVICE_NAMES)
    assert not {*PREFECT, *WORKERS} - {"prefect", "worker"} & set(SERVICE_NAMES)
    assert {service.name for service in services_of("scale")} == {*SERVICE_NAMES, *PREFECT, *WORKERS}
    with pytest.raises(InvalidInputError, match="redis"):
        up(small_lab, services=["redis"])


def test_a_worker_that_was_killed_comes_back(scale_lab: Path, state: LabState) -> None:
    killed = pid_of(scale_lab, "worker-segundo-1")
    end(killed)
    up(scale_lab, services=WORKERS)
    assert pid_of(scale_lab, "worker-segundo-1") != killed
