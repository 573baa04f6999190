"""`/metrics`: what Prometheus reads, for this machine alone, and the dashboard that is made of it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from blocks.settings import PROJECT_ROOT
from domain.monitoring.metrics import METRICS, Metric
from domain.monitoring.rules import SHARED, Probe
from domain.monitoring.state import ProbeState, Verdict
from gateway.app import create_app
from lab.state import LabState
from registry import Registry
from registry.monitoring import SweepRecord
from tests.gateway.running import running
from tests.registries import registry_apart

AT = datetime(2027, 6, 1, 12, tzinfo=UTC)
HOME = "timoteo-producao"


@pytest.fixture(scope="module")
def url(lab_state: LabState) -> Iterator[SecretStr]:
    with registry_apart(lab_state, "metricas") as url:
        registry = Registry(url)
        states = [_state(probe) for probe in Probe]
        record = SweepRecord(AT, AT.date(), states, (), (), (), ())
        registry.monitoring.record(record, actor="monitoracao", flow_run_id=None)
        yield url
        registry.dispose()


def _state(probe: Probe) -> ProbeState:
    bad = probe in {Probe.PAGE, Probe.DATABASE}
    subject = f"{probe.value}/principal" if probe in SHARED else HOME
    return ProbeState(
        subject=subject,
        probe=probe,
        verdict=Verdict.BAD if bad else Verdict.GOOD,
        since=AT,
        seen_at=AT,
        streak=3,
        recent=7,
        value=50,
        incident=f"{probe.value}-{subject.rpartition('/')[2]}-20270601t115000" if bad else None,
    )


@pytest.fixture
def client(url: SecretStr, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setenv("IMPLANTA_REGISTRY_URL", url.get_secret_value())
    monkeypatch.setenv("IMPLANTA_PREFECT_API_URL", "http://127.0.0.1:1/api")  # nobody is asked there
    with running(create_app(proxies=["127.0.0.1"])) as client:
        yield client


def samples(client: httpx.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = list(text_string_to_metric_families(answer.text))
    assert {family.type for family in families} == {"gauge"}
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_every_gauge_has_its_samples_in_prometheus_units(client: httpx.Client) -> None:
    found = samples(client)
    assert {name for name, _ in found} == {metric.name for metric in METRICS}
    home = frozenset({("environment", HOME)})
    assert found["implanta_certificate_remaining_seconds", home] == 50 * 86_400
    assert found["implanta_scheduler_heartbeat_age_seconds", home] == 50 * 60
    assert found["implanta_files_quota_ratio", home] == 0.5
    assert found["implanta_probe_up", home | {("probe", "pagina")}] == 0
    assert found["implanta_probe_up", home | {("probe", "cota")}] == 1
    assert found["implanta_shared_up", frozenset({("probe", "banco"), ("name", "principal")})] == 0
    assert found["implanta_incident_open", frozenset({("probe", "pagina"), ("scope", HOME)})] == 1
    assert found["implanta_sweep_timestamp_seconds", frozenset()] == AT.timestamp()


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_the_conventions(metric: Metric) -> None:
    name = metric.name
    assert re.fullmatch(r"implanta_[a-z]+(_[a-z]+)*", name)
    assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_minutes", "_days", "_percent", "_ms"))


def test_whoever_came_through_the_edge_finds_nothing(client: httpx.Client) -> None:
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404


def test_every_metric_of_the_dashboard_is_on_the_endpoint_and_every_one_of_these_is_shown() -> None:
    text = (PROJECT_ROOT / "docs" / "grafana" / "implanta.json").read_text(encoding="utf-8")
    board = json.loads(text)
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"implanta_[a-z_]+", target["expr"])
    }
    assert asked == {metric.name for metric in METRICS}
    known = {metric.name: set(metric.labels) for metric in METRICS}
    for panel in board["panels"]:
        for target in panel["targets"]:
            for name, labels in re.findall(r"(implanta_[a-z_]+)\{([^}]*)\}", target["expr"]):
                assert {part.partition("=")[0] for part in labels.split(",")} <= known[name]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(places) == len(set(places))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
