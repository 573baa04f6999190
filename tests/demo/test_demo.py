"""`./implanta demo`: what it says it did, and that the second run finds everything done."""

from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun

from domain.lifecycle import Stage
from registry import Registry

pytestmark = pytest.mark.timeout(900)  # the first one waits for two whole demos


def test_the_first_run_carries_both_prefeituras_through_every_stage(first_demo: dict[str, Any]) -> None:
    for municipality in ("timoteo", "rio-doce"):
        done = {step["name"]: step for step in first_demo["steps"] if step["subject"].startswith(municipality)}
        for stage in Stage:
            if stage not in {Stage.ADHESION, Stage.OPERATION}:
                assert done[stage.label]["outcome"] != "aguardando", (municipality, stage)
    # Other tests of the session may have registered environments of their own.
    ours = [address for address in first_demo["environments"] if "//timoteo-" in address or "//rio-doce-" in address]
    assert len(ours) == 4
    assert first_demo["prefect_ui"].startswith("https://implanta.localhost:")


def test_a_person_signs_in_with_the_directory_password_and_starts_a_process(first_demo: dict[str, Any]) -> None:
    visit = first_demo["steps"][-1]
    assert "entrou com a senha do LDAP e abriu o processo" in visit["outcome"]


def test_the_second_run_changes_nothing(second_demo: dict[str, Any]) -> None:
    changed = {
        (step["subject"], step["name"]): step["change"]
        for step in second_demo["steps"]
        if any(step["change"][kind] for kind in ("created", "updated", "removed"))
    }
    assert changed == {}


def test_a_second_run_asks_nobody_again(fleet: Registry, second_demo: dict[str, Any]) -> None:
    assert second_demo
    for municipality in fleet.list_municipalities():
        if municipality.slug in {"timoteo", "rio-doce"}:
            gates = [decision.gate for decision in fleet.decisions(municipality.ibge)]
            assert sorted(gates) == sorted(set(gates))


def test_the_gate_closes_at_62_percent_and_completions_at_the_moodle_open_it_with_nobody_at_the_flow(
    fleet: Registry,
) -> None:
    timoteo = fleet.find_municipality("timoteo")
    waited = [str(run.state.message) for run in _runs("timoteo · implantação") if run.state]
    assert any("217 de 350 usuários capacitados (62%); o mínimo é 80%" in message for message in waited)
    by_hand = {run.id for run in _runs("timoteo · implantação") if not run.deployment_id}
    (production,) = [
        event
        for event in fleet.events(timoteo.ibge, kinds=["stage.finished"])
        if event.details["stage"] == Stage.ENVIRONMENT_PRODUCTION
    ]
    assert production.flow_run_id
    with _client() as client:
        child = client.read_flow_run(UUID(production.flow_run_id))
        assert child.parent_task_run_id
        parent = client.read_task_run(child.parent_task_run_id).flow_run_id
    assert parent not in by_hand, "the worker ran it, as the nightly look at the gates asked it to"


def test_the_waived_path_is_recorded_with_its_last_day(fleet: Registry) -> None:
    (waiver,) = fleet.decisions(fleet.find_municipality("rio-doce").ibge, "capacitacao")
    assert (waiver.decision, waiver.name) == ("waive", "Ponto focal da demonstração")
    assert waiver.valid_until
    assert fleet.decisions(fleet.find_municipality("timoteo").ibge, "capacitacao") == []


def test_stages_are_recorded_once_each(fleet: Registry, second_demo: dict[str, Any]) -> None:
    assert second_demo
    timoteo = fleet.find_municipality("timoteo")
    finished = [
        (event.details["stage"], event.environment) for event in fleet.events(timoteo.ibge, kinds=["stage.finished"])
    ]
    assert sorted(finished, key=str) == sorted(set(finished), key=str)
    assert {Stage(str(stage)) for stage, _ in finished} == set(Stage) - {Stage.OPERATION}


def test_runs_that_waited_say_so_with_their_reasons(fleet: Registry) -> None:
    assert fleet
    runs = _runs("timoteo · implantação")
    assert sorted(str(run.state.name) for run in runs if run.state)[:2] == ["Aguardando", "Aguardando"]
    messages = " ".join(str(run.state.message) for run in runs if run.state and run.state.name == "Aguardando")
    assert "0 de 350 usuários capacitados (0%)" in messages
    assert "falta a aprovação do ponto focal" in messages


def test_run_names_read_as_who_where_what_and_hang_under_their_parent(fleet: Registry) -> None:
    assert fleet
    with _client() as client:
        children = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(name=FlowRunFilterName(like_="timoteo ·")), limit=200
        )
    names = {run.name for run in children}
    assert {
        "timoteo · treinamento · ambiente",
        "timoteo · treinamento · parametrização",
        "timoteo · treinamento · usuários",
        "timoteo · capacitação",
        "timoteo · produção · ambiente",
        "timoteo · produção · entrada em produção",
    } <= names
    assert all(run.parent_task_run_id for run in children if run.name.endswith("· ambiente"))


def test_runs_are_tagged_with_municipality_and_purpose(fleet: Registry) -> None:
    assert fleet
    with _client() as client:
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=["município:rio-doce", "produção"])), limit=50
        )
    assert "rio-doce · produção · ambiente" in {run.name for run in runs}


def _runs(name: str) -> list[FlowRun]:
    with _client() as client:
        return client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=[name])), limit=50)


def _client() -> SyncPrefectClient:
    return get_client(sync_client=True)
