"""Who may ask what of Prefect: every route of the installed server is classified, however one writes it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.catalog import Catalog
from domain.board.access import Role
from domain.prefect_access import PrefectAccessRule, RequestRefusedError, SubjectFacts

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
START = f"/api/deployments/{ID}/create_flow_run"


@pytest.fixture(scope="module")
def rule() -> PrefectAccessRule:
    return Catalog().prefect_access()


@pytest.fixture(scope="module")
def installed() -> dict[str, Any]:
    """What the installed server says of itself."""
    from prefect.server.api.server import create_api_app

    described: dict[str, Any] = create_api_app().openapi()
    return described


def routes_of(described: dict[str, Any]) -> set[str]:
    return {f"{method.upper()} {path}" for path, methods in described["paths"].items() for method in methods}


def test_every_route_of_the_installed_server_is_classified_and_no_other(
    rule: PrefectAccessRule, installed: dict[str, Any]
) -> None:
    found = routes_of(installed)
    assert len(found) > 150
    assert {"not classified": found - rule.routes, "not there": rule.routes - found} == {
        "not classified": set(),
        "not there": set(),
    }


def test_each_route_is_found_as_itself(rule: PrefectAccessRule) -> None:
    """A template that another one hides would be judged by the other's class."""
    for route in rule.routes - set(rule.machines):
        method, _, path = route.partition(" ")
        for name in ("id", "schedule_id", "lease_id"):
            path = path.replace(f"{{{name}}}", ID)
        target = "/api" + path.replace("{", "x-").replace("}", "")
        assert rule.judge(method, target, b"").route == route


def test_what_changes_something_is_never_for_who_only_reads(rule: PrefectAccessRule) -> None:
    """Reads are GET, or questions that are sent."""
    questions = {"filter", "count", "paginate", "history", "lateness", "concurrency_status", "counts", "next-runs"}
    questions |= {"count-deployments", "count-task-runs", "validate", "{countable}"}
    for route in rule.reading:
        method, _, path = route.partition(" ")
        assert method == "GET" or (method == "POST" and path.rsplit("/", 1)[1] in questions), route


def test_every_body_field_of_an_operation_is_one_of_the_server(
    rule: PrefectAccessRule, installed: dict[str, Any]
) -> None:
    for route, fields in rule.fields.items():
        method, _, path = route.partition(" ")
        content = installed["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        name = schema.get("$ref", schema.get("allOf", [{}])[0].get("$ref", "")).rpartition("/")[2]
        known = installed["components"]["schemas"].get(name, {}).get("properties", {})
        assert set(fields) <= set(known), route


@pytest.mark.parametrize(
    ("method", "target", "body", "role"),
    [
        ("GET", "/", b"", Role.LEITURA),
        ("GET", "/v2/runs/flow-run/x?tab=Logs", b"", Role.LEITURA),
        ("HEAD", "/v2/", b"", Role.LEITURA),
        ("GET", "/api/health", b"", Role.LEITURA),
        ("POST", "/api/flow_runs/filter", b"{}", Role.LEITURA),
        ("GET", "/api/deployments/name/decis%C3%A3o/decisao", b"", Role.LEITURA),
        ("GET", f"/api/block_documents/{ID}?include_secrets=false", b"", Role.LEITURA),
        ("GET", f"/api/block_documents/{ID}?include_secrets=true", b"", Role.ADMINISTRACAO),
        ("GET", f"/api/block_documents/{ID}?include_secrets=1&include_secrets=false", b"", Role.ADMINISTRACAO),
        ("GET", f"/api/block_documents/{ID}?include_secrets=", b"", Role.ADMINISTRACAO),
        ("POST", "/api/block_documents/filter", b'{"include_secrets": true}', Role.ADMINISTRACAO),
        ("POST", "/api/block_documents/filter", b'{"include_secrets": "false"}', Role.ADMINISTRACAO),
        ("POST", "/api/block_documents/filter", b'{"include_secrets": false}', Role.LEITURA),
        ("POST", START, b'{"parameters": {"municipality": "x"}, "tags": []}', Role.OPERACAO),
        ("POST", START, b'{"job_variables": {}, "work_queue_name": null}', Role.OPERACAO),
        ("POST", START, b'{"infrastructure_document_id": "x"}', Role.ADMINISTRACAO),
        ("POST", START, b'[{"job_variables": {"command": "sh"}}]', Role.ADMINISTRACAO),
        ("POST", START, b'"x"', Role.ADMINISTRACAO),
        ("PATCH", f"/api/deployments/{ID}", b'{"paused": true}', Role.OPERACAO),
        ("PATCH", f"/api/deployments/{ID}", b'{"paused": true, "tags": ["x"]}', Role.ADMINISTRACAO),
        ("PATCH", "/api/work_pools/implanta", b'{"is_paused": true}', Role.OPERACAO),
        ("PATCH", "/api/work_pools/implanta", b'{"base_job_template": {"a": 1}}', Role.ADMINISTRACAO),
        ("DELETE", f"/api/flow_runs/{ID}", b"", Role.ADMINISTRACAO),
        ("POST", "/api/block_documents/", b"{}", Role.ADMINISTRACAO),
    ],
)
def test_the_least_role_that_may(rule: PrefectAccessRule, method: str, target: str, body: bytes, role: Role) -> None:
    assert rule.judge(method, target, body).role is role


TRICKS = [
    *("", "api", "//", "//api/health", "/api//health", "/api/./health", "/api/../health", "/v2/../api/health"),
    *("/./api/health", "/.", "/..", "/v2/..", "/api", "/api/", "/API/health", "/Api/health", "/%61pi/health"),
    *("/api%2Fhealth", "/api%2fhealth", "/v2/%2e%2e/api/health", "/v2/%2E%2E/api", "/api/%68ealth", "/api/health%00"),
    *("/api/health%0a", "/api/health%0d%0aX:%20y", "/api/health%20", "/api/health;x", "/api;/health", "/api/health/"),
    *(
        "/api/HEALTH",
        "/api/health\\",
        "/api\\health",
        "/api/health%5c",
        "/api/%2568ealth",
        "/api/health%",
        "/api/health%4",
    ),
    *("/api/health%zz", "/api/health%ff", "/api/health%c3", "/api/health%c0%af", "/api/health#x", "/api/health x"),
    *("/api/health\t", "/api/h\u00e9alth", "/api/flow_runs", "/api/flow_runs/filter/", "/api/flow_runs/Filter"),
    *(
        f"/api/flow_runs/{ID}/",
        f"/api/flow_runs/{ID}x",
        f"/api/flow_runs/{{{ID}}}",
        f"/api/flow_runs/{ID.replace('-', '')}",
    ),
    *("/api/flow_runs/1", "/api/flow_runs/filter", "/api/events/out", "/api/events/in", "/api/logs/out"),
    *("/api/task_runs/subscriptions/scheduled", "/api/work_pools/implanta/workers/connect", "/api/docs", "/api/redoc"),
    *("/api/openapi.json", "/api/metrics", "/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect", "/v2/%7f"),
    *("http://x/api/health", "/http://x/api/health", "/api/health?\n", "/api/health?x=%\x00", "/api/variables/name/"),
    *(
        "/api/variables/name/..",
        "/api/variables/name/%2e",
        "/api/variables/name/a%2fb",
        "/api/variables/name/" + "a" * 256,
    ),
    *("/v2/" + "a" * 9000, "/api/health?" + "a" * 9000, "/v2/%E2%80%8B", "/v2/%C2%85", "/api/v2/../health"),
]


@pytest.mark.parametrize("target", TRICKS)
def test_another_way_of_writing_a_target_is_refused(rule: PrefectAccessRule, target: str) -> None:
    assert len(TRICKS) >= 60
    with pytest.raises(RequestRefusedError):
        rule.judge("GET", target, b"")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "Post", "FOO", "", "HEAD"])
def test_another_method_is_refused(rule: PrefectAccessRule, method: str) -> None:
    with pytest.raises(RequestRefusedError):
        rule.judge(method, "/api/flow_runs/filter", b"")


@pytest.mark.parametrize("route", Catalog().prefect_access().machines)
def test_what_is_for_programs_is_nobodys(rule: PrefectAccessRule, route: str) -> None:
    method, _, path = route.partition(" ")
    with pytest.raises(RequestRefusedError):
        rule.judge(method, "/api" + path.replace("{id}", ID).replace("{", "").replace("}", ""), b"{}")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"x=1",
        b'{"job_variables": {}, "job_variables": {"command": "sh"}}',
        '{"job_variables": {"command": "sh"}}'.encode("utf-16"),
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_body_that_two_could_read_differently_is_refused(rule: PrefectAccessRule, body: bytes) -> None:
    with pytest.raises(RequestRefusedError):
        rule.judge("POST", START, body)


@given(st.text(max_size=60))
def test_whatever_is_asked_is_classified_or_refused(text: str) -> None:
    rule = Catalog().prefect_access()
    for target in (text, f"/api/{text}", f"/api/deployments/{text}/create_flow_run"):
        try:
            passage = rule.judge("POST", target, b"{}")
        except RequestRefusedError:
            continue
        assert passage.route in rule.routes


@given(
    st.dictionaries(st.sampled_from(["parent_task_run_id", "infrastructure_document_id", "context"]), st.integers(1))
)
def test_whoever_fills_in_more_than_an_operation_needs_is_an_administrator(more: dict[str, int]) -> None:
    body = json.dumps({"parameters": {}, **more}).encode()
    role = Catalog().prefect_access().judge("POST", START, body).role
    assert role is (Role.ADMINISTRACAO if more else Role.OPERACAO)


@pytest.mark.parametrize(
    ("body", "role"),
    [
        ({}, Role.OPERACAO),
        ({"job_variables": {"working_dir": "/srv"}, "work_queue_name": "default"}, Role.OPERACAO),
        ({"job_variables": {}, "work_queue_name": None}, Role.OPERACAO),
        ({"job_variables": {"working_dir": "/tmp"}}, Role.ADMINISTRACAO),
        ({"job_variables": {"working_dir": "/srv", "command": "sh"}}, Role.ADMINISTRACAO),
        ({"enforce_parameter_schema": True}, Role.OPERACAO),
        ({"enforce_parameter_schema": False}, Role.ADMINISTRACAO),
        ({"enforce_parameter_schema": 0}, Role.ADMINISTRACAO),
        ({"job_variables": '{"working_dir": "/srv"}'}, Role.ADMINISTRACAO),
        ({"work_queue_name": "outra"}, Role.ADMINISTRACAO),
    ],
)
def test_a_run_is_what_its_deployment_says_or_an_administrators(
    rule: PrefectAccessRule, body: dict[str, Any], role: Role
) -> None:
    """The form of Prefect's pages sends the deployment's own values back."""
    own: dict[str, Any] = {"job_variables": {"working_dir": "/srv"}, "work_queue_name": "default"}
    facts = SubjectFacts(tags=frozenset(), own={**own, "enforce_parameter_schema": True})
    passage = rule.judge("POST", START, json.dumps(body).encode())
    assert (passage.role, rule.needed(passage, facts)) == (Role.OPERACAO, role)
    decision = SubjectFacts(tags=frozenset({"implantação", "decisão"}), own=facts.own)
    assert rule.needed(passage, decision) is (Role.APROVACAO if role is Role.OPERACAO else role)


def test_a_route_in_two_lists_or_without_its_fields_is_no_rule(rule: PrefectAccessRule) -> None:
    whole = rule.model_dump(by_alias=True)
    breaks: tuple[dict[str, Any], ...] = (
        {"maquinas": [*rule.machines, rule.reading[0]]},
        {"campos": {}},
        {"leitura": ["FETCH /x"]},
    )
    for broken in breaks:
        with pytest.raises(ValueError, match=r"em duas listas|rotas diferentes|não são rotas"):
            PrefectAccessRule.model_validate({**whole, **broken})
