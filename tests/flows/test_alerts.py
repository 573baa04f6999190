"""Prefect's own automations, as deploy makes them: each fires on the real server, and the team gets a mail."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.events.schemas.automations import EventTrigger
from prefect.states import Crashed, Failed, Scheduled

from blocks.catalog import Catalog
from blocks.settings import Settings
from cli.automations import PREFIX, ensure_automations, essence, wanted_automations
from cli.deploy import read_deployments, require_deployments_of_alerts
from domain.change import Change
from domain.errors import InvalidInputError
from lab.state import LabState
from tests.flows.mailbox import arrived
from tests.waiting import wait_until

NAMES = [deployment.name for deployment in read_deployments().deployments]
TEAM = "implanta.example"
SECONDS = 120


def subjects(lab_state: LabState) -> list[str]:
    return [" ".join(str(message["Subject"]).split()) for message in arrived(lab_state, TEAM)]


def ended_run(deployment: str, state: State[object]) -> str:
    """A run of a deployment that came to this end, as the server sees it; what it is named."""
    with get_client(sync_client=True) as client:
        found = next(one for one in client.read_deployments() if one.name == deployment)
        later = datetime.now(UTC) + timedelta(days=2)
        run = client.create_flow_run_from_deployment(found.id, state=Scheduled(scheduled_time=later))
        client.set_flow_run_state(run.id, state, force=True)
        return run.name


def test_more_automations_than_the_server_tells_at_once_are_all_known(
    programme: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert programme
    monkeypatch.setattr("cli.automations.PAGE", 2)
    assert ensure_automations(Catalog().alerts(), NAMES).total == 0


def test_events_that_come_in_another_order_are_no_change() -> None:
    """A set goes over its members in the order in which they came, where their hashes fall together."""
    names = [f"evento-{number}" for number in range(100)]
    first, second = next((a, b) for a, b in combinations(names, 2) if list({a, b}) != list({b, a}))
    wanted = next(one for one in wanted_automations(Catalog().alerts(), NAMES, str(uuid4())) if "sem" in one.name)
    assert isinstance(wanted.trigger, EventTrigger)
    one, other = (
        wanted.model_copy(update={"trigger": wanted.trigger.model_copy(update={"expect": events})})
        for events in ({first, second}, {second, first})
    )
    assert essence(one) == essence(other)


def test_deploy_has_made_them_and_again_changes_nothing(programme: Settings) -> None:
    assert programme
    rule = Catalog().alerts()
    assert ensure_automations(rule, NAMES) == Change(unchanged=2 + len(rule.silent) + len(rule.silent_minutes))
    with get_client(sync_client=True) as client:
        (crashed,) = [one for one in client.read_automations() if one.name == f"{PREFIX}execução interrompida"]
        client.pause_automation(crashed.id)
        shorter = rule.model_copy(update={"silent": rule.silent[:-1], "silent_after_hours": 20})
        try:
            changed = ensure_automations(shorter, NAMES)
            assert changed == Change(updated=len(shorter.silent), removed=1, unchanged=2 + len(rule.silent_minutes))
            assert ensure_automations(rule, NAMES[:-1]).updated == 1 + len(shorter.silent)
            known = client.read_automation(crashed.id)
            assert known is not None
            assert not known.enabled, "who was switched off by a person stays so"
        finally:
            client.resume_automation(crashed.id)
            ensure_automations(rule, NAMES)
    assert ensure_automations(rule, NAMES).total == 0


@pytest.mark.parametrize(
    ("deployment", "state", "situation"),
    [
        ("painel", Crashed(message="morreu"), "execução interrompida"),
        ("segregacao", Failed(message="um ambiente alcança outro"), "conferência com falha"),
    ],
)
def test_a_run_that_ends_badly_is_told_by_mail(
    programme: Settings, lab_state: LabState, deployment: str, state: State[object], situation: str
) -> None:
    assert programme
    wanted = f"Implanta: {situation} ({ended_run(deployment, state)})"
    wait_until(lambda: wanted in subjects(lab_state), f"a mail of {deployment}", seconds=SECONDS)


def test_a_routine_that_does_not_report_is_told_by_mail(programme: Settings, lab_state: LabState) -> None:
    assert programme
    with get_client(sync_client=True) as client:
        alert_id = str(client.read_deployment_by_name("aviso/aviso").id)
        rule = Catalog().alerts()
        (silent,) = [
            one for one in wanted_automations(rule, NAMES, alert_id) if one.name.endswith(" · copias-da-noite")
        ]
        assert isinstance(silent.trigger, EventTrigger)
        sooner = silent.trigger.model_copy(update={"within": timedelta(seconds=10)})
        made = client.create_automation(silent.model_copy(update={"name": "só do teste", "trigger": sooner}))
        try:
            wanted = "Implanta: rotina sem notícia (copias-da-noite)"
            wait_until(lambda: wanted in subjects(lab_state), "a mail of the silence", seconds=SECONDS)
        finally:
            client.delete_automation(made)


def test_what_is_watched_has_to_exist() -> None:
    rule = Catalog().alerts()
    require_deployments_of_alerts(read_deployments(), rule)
    with pytest.raises(InvalidInputError, match="sem-nome"):
        require_deployments_of_alerts(read_deployments(), rule.model_copy(update={"silent": ("sem-nome",)}))


def test_where_workers_are_many_a_run_without_a_sign_of_life_becomes_one_that_crashed() -> None:
    wanted = wanted_automations(
        Catalog().alerts(), NAMES, str(uuid4()), ids={"parte-da-frota-principal": "1", "painel": "2"}
    )
    parts, runs = wanted[-2:]
    assert isinstance(parts.trigger, EventTrigger)
    assert isinstance(runs.trigger, EventTrigger)
    related = [trigger.match_related.model_dump() for trigger in (parts.trigger, runs.trigger)]  # type: ignore[union-attr]
    assert ["prefect.deployment.1" in str(one) for one in related] == [True, False], "by id: heartbeats tell no name"
    assert parts.trigger.within == timedelta(seconds=90), "three heartbeats of a part, whatever its worker was told"
    assert runs.trigger.within > 3 * timedelta(minutes=3), "Prefect's own heartbeat, three times"
    assert [one.actions[0].type for one in (parts, runs)] == ["change-flow-run-state"] * 2
    assert len(wanted) == 2 + len(wanted_automations(Catalog().alerts(), NAMES, str(uuid4())))
