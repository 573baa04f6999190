"""What stands behind the door goes away, one after the other: then it is closed, and says so; and sessions end."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.door import ASK, METHOD_HEADER, TARGET_HEADER
from blocks.operators import OperatorDirectory
from gateway.shield import HANDED_ON
from lab import status, up
from lab.state import LabState
from painel.door import Door
from painel.gate import Gate
from painel.prefect_subjects import PrefectSubjects
from painel.sessions import LONGEST_SECONDS, RECHECK_SECONDS, WATCHING_SECONDS
from painel.trail import Trail
from tests.painel.conftest import SERVICES, Own, ServeBoard
from tests.painel.doorway import Prefect, guest
from tests.painel.test_gate import settings
from tests.waiting import end

START = "/api/deployments/{}/create_flow_run"
NO_DIRECTORY = "ldap://127.0.0.1:1"


@pytest.fixture
def mended(lab: Path) -> Iterator[Path]:
    """The lab, whole again after a test that breaks it."""
    yield lab
    up(lab, services=SERVICES)


def kill(lab: Path, service: str) -> None:
    """End a server of the lab, as a machine that dies does."""
    (pid,) = (one.pid for one in status(lab) if one.service == service)
    assert pid is not None
    end(pid)


def test_without_the_directory_nobody_comes_in(lab_state: LabState, registry_url: SecretStr, mended: Path) -> None:
    assert registry_url
    kill(mended, "ldap")
    with guest(lab_state) as somebody:
        assert somebody.sign_in("leitura").status_code == 503
        assert somebody.ask("GET", "/api/health").status_code == 401


def test_without_the_board_the_door_is_closed_to_everybody(
    lab_state: LabState, registry_url: SecretStr, mended: Path
) -> None:
    assert registry_url
    with guest(lab_state, "aprovacao") as somebody:
        assert somebody.ask("GET", "/api/health").status_code == 200
        kill(mended, "painel")
        for method, path in (("GET", "/api/health"), ("GET", "/v2/"), ("POST", "/api/flow_runs/filter")):
            answer = somebody.ask(method, path, json={} if method == "POST" else None)
            assert (answer.status_code, "Fora do ar" in answer.text) == (503, True)
        up(mended, services=SERVICES)
        assert somebody.ask("GET", "/api/health").status_code == 401, "a board that starts again knows nobody"


def test_without_prefect_a_plain_page_says_so(lab_state: LabState, registry_url: SecretStr, mended: Path) -> None:
    assert registry_url
    deployment = Prefect(lab_state).ensure_deployment("rotina", ["frota"])
    with guest(lab_state, "operacao") as somebody:
        kill(mended, "prefect")
        page = somebody.visit("/v2/")
        assert (page.status_code, "Fora do ar" in page.text) == (503, True)
        assert page.headers["retry-after"] == "30"
        started = somebody.ask("POST", START.format(deployment), json={})
        assert started.status_code == 503, "what it is about cannot be looked up"
        assert somebody.visit("/painel").status_code == 200, "the board is there all the same"


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    return tmp_path / "trilha.jsonl"


@pytest.fixture
def own(serve_board: ServeBoard, lab_state: LabState, people: OperatorDirectory, trail: Path) -> Own:
    """A board with a door of this process, whose clock a test moves."""
    prefect = lab_state.prefect

    def door(gate: Gate) -> Door:
        return Door(gate, Catalog().prefect_access(), PrefectSubjects(prefect.api_url, prefect.auth), Trail(trail))

    return serve_board(door=door)


def asked(own: Own, method: str = "GET", target: str = "/api/health", **headers: str) -> httpx.Response:
    """What the board answers the proxy."""
    base = str(own.visitor.client.base_url).rstrip("/")
    # Without TLS the cookie is the board's own, below /painel: here it is sent by hand.
    cookie = f"painel={own.visitor.client.cookies.get('painel', '')}"
    usual = {METHOD_HEADER: method, TARGET_HEADER: target, "sec-fetch-mode": "cors", "origin": base, "cookie": cookie}
    return own.visitor.client.request(method, ASK, headers=usual | headers)


def passes(answer: httpx.Response) -> bool:
    return HANDED_ON in answer.headers


def test_news_that_a_page_asks_for_keep_nobody_signed_in_for_long(own: Own) -> None:
    own.visitor.sign_in("operacao")
    for _ in range(0, WATCHING_SECONDS, 60):
        assert passes(asked(own, "POST", "/api/flow_runs/filter"))
        own.clock.seconds += 60
    own.clock.seconds += 1
    assert asked(own, "POST", "/api/flow_runs/filter").status_code == 401


def test_whoever_opens_pages_stays_until_the_day_is_over(own: Own) -> None:
    own.visitor.sign_in("operacao")
    for _ in range(0, LONGEST_SECONDS - 1200, 1200):
        assert passes(asked(own, target="/v2/runs", **{"sec-fetch-mode": "navigate"}))
        own.clock.seconds += 1200
    own.clock.seconds += 1201
    assert asked(own, target="/v2/runs", **{"sec-fetch-mode": "navigate"}).status_code == 303


def test_when_a_role_is_due_to_be_looked_up_and_the_directory_is_away_nobody_passes(
    serve_board: ServeBoard, lab_state: LabState, trail: Path
) -> None:
    there = OperatorDirectory(settings(lab_state))
    away = OperatorDirectory(settings(lab_state, operators_url=NO_DIRECTORY))
    people = {"now": there}

    class Moving:
        """A directory that goes away."""

        def authenticate(self, login: str, password: SecretStr) -> bool:
            return people["now"].authenticate(login, password)

        def groups_of(self, login: str) -> frozenset[str]:
            return people["now"].groups_of(login)

    subjects = PrefectSubjects(lab_state.prefect.api_url, lab_state.prefect.auth)
    own = serve_board(door=lambda gate: Door(gate, Catalog().prefect_access(), subjects, Trail(trail)), people=Moving())
    own.visitor.sign_in("operacao")
    people["now"] = away
    assert passes(asked(own)), "for some minutes nobody is looked up again"
    own.clock.seconds += RECHECK_SECONDS + 1
    answer = asked(own)
    assert (answer.status_code, passes(answer)) == (503, False)
    people["now"] = there
    assert passes(asked(own))


def test_what_cannot_be_told_of_is_not_done(own: Own, lab_state: LabState, trail: Path) -> None:
    deployment = Prefect(lab_state).ensure_deployment("rotina", ["frota"])
    own.visitor.sign_in("operacao")
    assert passes(asked(own, "POST", START.format(deployment)))
    trail.unlink()
    trail.mkdir()
    answer = asked(own, "POST", START.format(deployment))
    assert (answer.status_code, passes(answer)) == (503, False)
    assert passes(asked(own)), "who only looks is not kept out"


def test_a_door_without_a_trail_changes_nothing(serve_board: ServeBoard, lab_state: LabState) -> None:
    deployment = Prefect(lab_state).ensure_deployment("rotina", ["frota"])
    subjects = PrefectSubjects(lab_state.prefect.api_url, lab_state.prefect.auth)
    own = serve_board(door=lambda gate: Door(gate, Catalog().prefect_access(), subjects, None))
    own.visitor.sign_in("operacao")
    assert asked(own, "POST", START.format(deployment)).status_code == 503
    assert passes(asked(own))


def test_prefect_that_refuses_the_account_lets_nobody_change(
    serve_board: ServeBoard, lab_state: LabState, trail: Path
) -> None:
    deployment = Prefect(lab_state).ensure_deployment("rotina", ["frota"])
    subjects = PrefectSubjects(lab_state.prefect.api_url, SecretStr("implanta:errada"))
    own = serve_board(door=lambda gate: Door(gate, Catalog().prefect_access(), subjects, Trail(trail)))
    own.visitor.sign_in("operacao")
    assert asked(own, "POST", START.format(deployment)).status_code == 503


@pytest.mark.parametrize(
    ("login", "told"),
    [
        ("52998224725", "***.982.247-**"),
        ("529.982.247-25", "***.982.247-**"),
        ("m1234567", "m1234567"),
        ("1234567", "1234567"),
    ],
)
def test_a_login_that_is_a_cpf_is_covered(trail: Path, login: str, told: str) -> None:
    Trail(trail).write(datetime.now(UTC), login)
    assert f'"quem": "{told}"' in trail.read_text()
