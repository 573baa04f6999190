"""The door with nginx, the board, the directory and Prefect as they are: who may do what, and no way round."""

import json
import re
import socket
import ssl
import stat
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import httpx
import pytest
from pydantic import SecretStr

from blocks.edge import EdgeAddress
from lab.ports import HOST
from lab.state import LabState
from tests.domain.test_prefect_access import TRICKS
from tests.edge.client import CLOSED, Browser
from tests.painel.doorway import Guest, Prefect, guest, trust

TOKEN = "A" * 43
SAMPLES = 200


@dataclass(frozen=True)
class Place:
    """What there is to ask for behind the door."""

    state: LabState
    prefect: Prefect
    routine: str
    decision: str


@pytest.fixture(scope="module")
def place(lab_state: LabState, registry_url: SecretStr) -> Iterator[Place]:
    assert registry_url
    prefect = Prefect(lab_state)
    routine = prefect.ensure_deployment("rotina", ["frota"])
    decision = prefect.ensure_deployment("decisao", ["implantação", "decisão"])
    yield Place(lab_state, prefect, routine, decision)
    prefect.client.close()


@pytest.fixture(scope="module")
def nobody(place: Place) -> Iterator[Guest]:
    with guest(place.state) as somebody:
        yield somebody


@pytest.fixture(scope="module")
def reader(place: Place) -> Iterator[Guest]:
    with guest(place.state, "leitura") as somebody:
        yield somebody


@pytest.fixture(scope="module")
def operator(place: Place) -> Iterator[Guest]:
    with guest(place.state, "operacao") as somebody:
        yield somebody


@pytest.fixture(scope="module")
def approver(place: Place) -> Iterator[Guest]:
    with guest(place.state, "aprovacao") as somebody:
        yield somebody


@pytest.fixture(scope="module")
def administrator(place: Place) -> Iterator[Guest]:
    with guest(place.state, "administracao") as somebody:
        yield somebody


def start(somebody: Guest, deployment: str, **content: object) -> httpx.Response:
    return somebody.ask("POST", f"/api/deployments/{deployment}/create_flow_run", json=content)


def test_nobody_sees_anything_without_signing_in(nobody: Guest, place: Place) -> None:
    for path in ("/", "/v2/", "/v2/runs", "/assets/x.js", "/ui-settings"):
        answer = nobody.visit(path)
        assert (answer.status_code, answer.text) == (303, "")
        assert answer.headers["location"].startswith("/painel/entrar")
    for method, path in (
        ("GET", "/api/health"),
        ("POST", "/api/flow_runs/filter"),
        ("POST", f"/api/deployments/{place.routine}/create_flow_run"),
        ("GET", "/api/nao-existe"),
        ("GET", "/ui-settings"),
    ):
        assert nobody.ask(method, path, json={} if method == "POST" else None).status_code == 401, path
    assert nobody.ask("GET", "/porta/pedido", x_porta_metodo="GET", x_porta_alvo="/api/health").status_code == 404


def test_who_signs_in_goes_on_to_the_page_of_prefect_that_was_asked_for(place: Place) -> None:
    with guest(place.state) as somebody:
        there = somebody.visit("/v2/runs?tab=x").headers["location"]
        assert there == "/painel/entrar?para=%2Fv2%2Fruns%3Ftab%3Dx"
        assert somebody.sign_in("leitura", "/v2/runs?tab=x").headers["location"] == "/v2/runs?tab=x"
        assert somebody.visit("/v2/runs").text.startswith("<!DOCTYPE html>")
    for elsewhere in ("https://x.example", "//x.example", "/v2//x", "/v2/../x", "/api/health", "/v2/\\x"):
        with guest(place.state) as somebody:
            assert somebody.sign_in("leitura", elsewhere).headers["location"] == "/painel"


def test_the_reader_sees_and_learns_no_secret(reader: Guest, place: Place) -> None:
    settings = reader.ask("GET", "/ui-settings").json()
    assert (settings["api_url"], settings["auth"]) == ("/api", None)
    assert reader.ask("POST", "/api/flow_runs/filter", json={}).status_code == 200
    assert reader.ask("POST", "/api/deployments/filter", json={}).status_code == 200
    assert reader.ask("GET", "/api/admin/version").status_code == 200
    record = json.loads((place.state.lab_dir / "lab.json").read_text())
    shown = reader.ask("GET", "/api/admin/settings")
    assert shown.json()["server"]["api"]["auth_string"].strip("*") == ""
    for secret in (place.state.prefect.credentials[1], record["secrets"]["prefect_encryption_key"]):
        assert secret not in shown.text


def test_the_reader_starts_nothing_the_operator_does_and_only_the_approver_decides(
    reader: Guest, operator: Guest, approver: Guest, place: Place
) -> None:
    before = place.prefect.count_runs(place.routine), place.prefect.count_runs(place.decision)
    refused = start(reader, place.routine)
    assert (refused.status_code, refused.json()) == (403, {"detail": "Isto pede o papel operação; o seu é leitura."})
    assert start(operator, place.routine, parameters={"a": 1}).status_code == 201
    refused = start(operator, place.decision)
    assert (refused.status_code, refused.json()) == (403, {"detail": "Isto pede o papel aprovação; o seu é operação."})
    made = start(approver, place.decision, parameters={"gate": "go-live"})
    assert (made.status_code, made.json()["parameters"]) == (201, {"gate": "go-live"})
    assert place.prefect.count_runs(place.routine) == before[0] + 1
    assert place.prefect.count_runs(place.decision) == before[1] + 1


def test_a_decision_is_repeated_paused_and_changed_by_who_may_decide(
    operator: Guest, approver: Guest, place: Place
) -> None:
    run = place.prefect.start(place.decision)
    again = {"state": {"type": "SCHEDULED"}, "force": True}
    for path, content in (
        (f"/api/flow_runs/{run}/set_state", again),
        (f"/api/flow_runs/{run}/resume", {}),
        (f"/api/deployments/{place.decision}/pause_deployment", {}),
    ):
        assert operator.ask("POST", path, json=content).status_code == 403, path
    assert operator.ask("PATCH", f"/api/deployments/{place.decision}", json={"paused": False}).status_code == 403
    assert approver.ask("POST", f"/api/flow_runs/{run}/set_state", json=again).status_code in {200, 201}
    routine = place.prefect.start(place.routine)
    cancelled = {"state": {"type": "CANCELLED"}, "force": True}
    assert operator.ask("POST", f"/api/flow_runs/{routine}/set_state", json=cancelled).status_code in {200, 201}
    unknown = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
    assert start(operator, unknown).status_code == 404


def test_an_operator_chooses_neither_program_nor_secrets_nor_tags(operator: Guest, place: Place) -> None:
    """Job variables would run any program as the worker, and a deployment without its tag would be no decision."""
    for method, path, content in (
        ("POST", f"/api/deployments/{place.routine}/create_flow_run", {"job_variables": {"command": "id"}}),
        ("POST", f"/api/deployments/{place.routine}/create_flow_run", {"work_queue_name": "outra"}),
        ("PATCH", f"/api/deployments/{place.decision}", {"tags": []}),
        ("PATCH", f"/api/deployments/{place.routine}", {"entrypoint": "x.py:y"}),
        ("PATCH", "/api/work_pools/implanta", {"base_job_template": {"x": 1}}),
        ("POST", "/api/block_documents/filter", {"include_secrets": True}),
        ("POST", "/api/flow_runs/", {"flow_id": place.routine}),
        ("POST", "/api/deployments/", {}),
        ("POST", "/api/automations/", {}),
        ("POST", "/api/events", []),
    ):
        assert operator.ask(method, path, json=content).status_code == 403, (path, content)
    twice = b'{"job_variables": {}, "job_variables": {"command": "id"}}'
    answer = operator.client.post(
        f"/api/deployments/{place.routine}/create_flow_run",
        content=twice,
        headers={"origin": operator.origin},
        extensions={"sni_hostname": place.state.porta.name},
    )
    assert answer.status_code == 403


def test_who_administers_saves_blocks_and_variables_and_is_no_program(administrator: Guest, operator: Guest) -> None:
    variable = {"name": "prova-da-porta", "value": "1"}
    assert operator.ask("POST", "/api/variables/", json=variable).status_code == 403
    made = administrator.ask("POST", "/api/variables/", json=variable)
    assert made.status_code == 201
    assert administrator.ask("DELETE", f"/api/variables/{made.json()['id']}").status_code == 204
    assert administrator.ask("POST", "/api/logs/", json=[]).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://outro.exemplo"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://implanta.localhost"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_another_sites_page_starts_nothing(operator: Guest, place: Place, headers: dict[str, str]) -> None:
    before = place.prefect.count_runs(place.routine)
    path = f"/api/deployments/{place.routine}/create_flow_run"
    assert operator.ask("POST", path, json={}, **headers).status_code == 403
    assert place.prefect.count_runs(place.routine) == before


def raw(place: Place) -> Browser:
    """A client that sends bytes as they are."""
    address = EdgeAddress(
        connect_to=f"https://{HOST}:{place.state.porta.port}",
        host=f"{place.state.porta.name}:{place.state.porta.port}",
        ca_file=place.state.ca_file,
    )
    return Browser(address)


def test_no_way_of_writing_an_address_passes(operator: Guest, place: Place) -> None:
    """As they are, on the wire; Prefect's own answers would be `true`, JSON of its own, or its pages."""
    passed = []
    with raw(place) as browser:
        for trick in TRICKS:
            target = trick.encode("utf-8").decode("latin-1")
            if target.startswith("/painel"):
                continue
            answer = browser.request("GET", target, headers={"Cookie": f"__Host-painel={operator.cookie}"})
            if answer.status not in {0, 400, 403, 404, 414} or "exception_message" in answer.text:
                passed.append((trick[:60], answer.status, answer.text[:60]))
    assert passed == []
    with raw(place) as browser:
        proof = browser.get("/api/health", {"Cookie": f"__Host-painel={operator.cookie}"})
    assert (proof.status, proof.text) == (200, "true"), "the same client passes where it may"


def test_headers_of_ours_cannot_be_sent_along(nobody: Guest, reader: Guest, place: Place) -> None:
    aimed = {"x_porta_metodo": "GET", "x_porta_alvo": "/api/health", "x_original_uri": "/api/health"}
    path = f"/api/deployments/{place.routine}/create_flow_run"
    assert reader.ask("POST", path, json={}, **aimed).status_code == 403
    account = b64encode(place.state.prefect.auth.get_secret_value().encode()).decode()
    for headers in ({"authorization": f"Basic {account}"}, {"x_forwarded_for": "127.0.0.1"}):
        assert nobody.ask("GET", "/api/health", **headers).status_code == 401
    assert reader.ask("GET", "/api/health", authorization="Basic eDp4").text == "true", "ours is sent instead"


@pytest.mark.parametrize("cookie", ["", TOKEN, "../../etc", "a" * 4000, "%00", "'; DROP TABLE x", "null"])
def test_a_made_up_session_is_nobodys(place: Place, cookie: str) -> None:
    with guest(place.state) as somebody:
        for name in ("__Host-painel", "painel", "__Secure-painel", "__host-painel"):
            assert somebody.ask("GET", "/api/health", cookie=f"{name}={cookie}").status_code == 401


def test_a_session_of_plain_http_is_none_here(place: Place, operator: Guest) -> None:
    with guest(place.state) as somebody:
        assert somebody.ask("GET", "/api/health", cookie=f"painel={operator.cookie}").status_code == 401


def test_who_signs_out_is_out_with_the_old_cookie(place: Place) -> None:
    with guest(place.state, "operacao") as somebody:
        kept = somebody.cookie
        assert somebody.ask("POST", "/painel/sair").status_code == 303
        assert somebody.ask("GET", "/api/health", cookie=f"__Host-painel={kept}").status_code == 401


@pytest.mark.parametrize(
    "path", ["/api/events/out", "/api/events/in", "/api/logs/out", "/api/task_runs/subscriptions/scheduled"]
)
def test_websockets_are_for_programs(place: Place, administrator: Guest, path: str) -> None:
    """Prefect's pages open none."""
    upgrade = {
        "Cookie": f"__Host-painel={administrator.cookie}",
        "Origin": administrator.origin,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
        "Sec-WebSocket-Protocol": "prefect",
    }
    with raw(place) as browser:
        assert browser.get(path, upgrade).status == 403


def test_prefect_itself_is_closed_to_whoever_is_no_program(place: Place) -> None:
    """Even on its own machine."""
    with httpx.Client(base_url=place.state.prefect.api_url, trust_env=False) as stranger:
        assert stranger.get("/admin/version").status_code == 401
        assert stranger.post("/flow_runs/filter", json={}).status_code == 401
        assert stranger.get("/admin/version", auth=("implanta", "errada")).status_code == 401
        assert stranger.get("/admin/version", auth=place.state.prefect.credentials).status_code == 200


def test_the_door_speaks_tls_well_and_for_its_own_name_only(place: Place, reader: Guest) -> None:
    def greet(name: str, **limits: ssl.TLSVersion) -> str | None:
        context = trust(place.state)
        context.check_hostname = False
        for limit, version in limits.items():
            setattr(context, limit, version)
        with (
            socket.create_connection((HOST, place.state.porta.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            return connection.version()

    assert greet(place.state.porta.name) == "TLSv1.3"
    assert greet(place.state.porta.name, maximum_version=ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        greet("outro.localhost")
    page = reader.visit("/v2/")
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert reader.ask("GET", "/api/health").headers["cache-control"] == "no-store"
    (program, *_) = re.findall(r'src="(/v2/assets/[^"]+)"', page.text)
    assert reader.ask("GET", program).headers["cache-control"] == "private, max-age=31536000, immutable"
    assert "cache-control" not in reader.ask("GET", "/v2/assets/nenhum.js").headers, "an error is not kept"
    assert "Disallow: /" in reader.visit("/robots.txt").text
    with raw(place) as browser:
        assert browser.get("/v2/", {"Host": "outro.exemplo"}).status == CLOSED


def test_the_trail_tells_who_changed_what_and_is_private(operator: Guest, place: Place) -> None:
    start(operator, place.routine, parameters={"municipality": "segredo-da-prova"})
    start(operator, place.decision)
    text = place.state.porta.trail.read_text()
    assert stat.S_IMODE(place.state.porta.trail.stat().st_mode) == 0o600
    accepted, refused = map(json.loads, text.splitlines()[-2:])
    assert accepted["quem"] == refused["quem"] == "operacao"
    assert accepted["pedido"] == "POST /deployments/{id}/create_flow_run"
    assert (accepted["sobre"], accepted["aceito"]) == (place.routine, True)
    assert (refused["sobre"], refused["aceito"], refused["pede"]) == (place.decision, False, "aprovacao")
    assert accepted["id"] and accepted["de"] == HOST
    assert "segredo-da-prova" not in text
    log = (place.state.lab_dir / "porta" / "porta.log").read_text()
    (line,) = (line for line in log.splitlines() if accepted["id"] in line)
    assert f'"POST /api/deployments/{place.routine}/create_flow_run" 201' in line


def test_what_the_door_costs(reader: Guest, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A question of Prefect's pages, through the door and past it; the door has to be small beside the answer."""
    question = {"limit": 10}

    def through() -> None:
        assert reader.ask("POST", "/api/flow_runs/filter", json=question).status_code == 200

    def past() -> None:
        assert place.prefect.client.post("/flow_runs/filter", json=question).status_code == 200

    seconds: dict[str, list[float]] = {"through": [], "past": []}
    for _ in range(SAMPLES):
        for name, ask in (("through", through), ("past", past)):
            began = perf_counter()
            ask()
            seconds[name].append(perf_counter() - began)
    cost = (median(seconds["through"]) - median(seconds["past"])) * 1000
    with capsys.disabled():
        without = median(seconds["past"]) * 1000
        sys.stdout.write(f"\nporta: {cost:.1f} ms a mais por pedido (mediana; {without:.1f} ms sem ela)\n")
    assert cost < 100
