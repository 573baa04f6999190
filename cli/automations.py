"""Prefect's automations as `catalog/alerts.yaml` wants them: made, put right and removed by their names."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import count
from typing import TypeVar

from prefect.automations import AutomationCore
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import EventTrigger, Posture

from cli.fleet_pools import HEARTBEAT_SECONDS
from domain.alerts import AlertRule
from domain.change import Change
from flows.alert import Situation
from tasks.fleet_parts import DEPLOYMENT

T = TypeVar("T")

PREFIX = "Implanta: "
PAGE = 200
"""What Prefect's API gives at once."""
ALERT = "aviso"
_COMPLETED = "prefect.flow-run.Completed"
PARTS, RUNS = "parte sem sinal de vida", "execução sem sinal de vida"
_PARTS_SILENT = timedelta(seconds=3 * HEARTBEAT_SECONDS)
# Three times as often as Prefect's own, three minutes: other runs beat as their worker was told, or as by default.
_RUNS_SILENT = timedelta(minutes=10)


def wanted_automations(
    rule: AlertRule, names: Sequence[str], alert_id: str, *, ids: Mapping[str, str] | None = None
) -> list[AutomationCore]:
    """One for runs that crashed, one for verifications that failed, and one for each routine that may fall silent.

    A run of the alert itself starts none: it would go on for ever. Where workers are many, two more: a run that does
    not say any more that it is alive, as its worker died with it, becomes one that crashed. `ids` are for these: of
    every deployment by its name, for a heartbeat tells no name.
    """
    others = [name for name in names if name != ALERT]
    run = "{{ flow_run.name }}"
    return [
        _automation(
            Situation.CRASHED,
            "",
            _seen(["prefect.flow-run.Crashed"], others),
            _telling(alert_id, Situation.CRASHED, run),
        ),
        _automation(
            Situation.FAILED,
            "",
            _seen(["prefect.flow-run.Failed"], rule.verifying),
            _telling(alert_id, Situation.FAILED, run),
        ),
        *(
            _automation(
                Situation.SILENT,
                f" · {name}",
                _missed(name, timedelta(hours=rule.silent_after_hours), {_COMPLETED, "prefect.flow-run.Failed"}),
                _telling(alert_id, Situation.SILENT, name),
            )
            for name in rule.silent
        ),
        *(
            _automation(
                Situation.SILENT,
                f" · {name}",
                _missed(name, timedelta(minutes=minutes), {_COMPLETED}),
                _telling(alert_id, Situation.SILENT, name),
            )
            for name, minutes in rule.silent_minutes.items()
        ),
        *([] if ids is None else _deaths(ids)),
    ]


def ensure_automations(rule: AlertRule, names: Sequence[str], *, in_parts: bool = False) -> Change:
    """Bring the server's automations of ours to the rule; those of operators stay, and so does one switched off."""
    created = updated = removed = 0
    with get_client(sync_client=True) as client:
        alert_id = str(client.read_deployment_by_name(f"{ALERT}/{ALERT}").id)
        ids = {one.name: str(one.id) for one in _all(client.read_deployments)} if in_parts else None
        wanted = {one.name: one for one in wanted_automations(rule, names, alert_id, ids=ids)}
        found = {one.name: one for one in _all(client.read_automations) if one.name.startswith(PREFIX)}
        for name, one in wanted.items():
            if name not in found:
                client.create_automation(one)
                created += 1
            elif essence(found[name]) != essence(one):
                client.update_automation(found[name].id, one.model_copy(update={"enabled": found[name].enabled}))
                updated += 1
        for name in found.keys() - wanted.keys():
            client.delete_automation(found[name].id)
            removed += 1
    return Change(created=created, updated=updated, removed=removed, unchanged=len(wanted) - created - updated)


def _all(read: Callable[..., list[T]]) -> Iterator[T]:
    """Everything that one of the client's methods reads: asked once, a server answers with its first 200."""
    for offset in count(step=PAGE):
        page = read(limit=PAGE, offset=offset)
        yield from page
        if len(page) < PAGE:
            return


def essence(one: AutomationCore) -> object:
    """What of an automation is ours: the server adds ids of its own to a trigger."""
    # Not as JSON: sets of the same events come in any order there.
    return (
        one.trigger.model_dump(exclude={"id"}),
        [action.model_dump(exclude={"id"}) for action in one.actions],
    )


def _deaths(ids: Mapping[str, str]) -> list[AutomationCore]:
    parts = {name for name in ids if name.startswith(f"{DEPLOYMENT}-")}
    return [
        _died(PARTS, sorted(ids[name] for name in parts), _PARTS_SILENT),
        _died(RUNS, sorted(ids[name] for name in ids.keys() - parts), _RUNS_SILENT),
    ]


def _died(what: str, ids: Sequence[str], within: timedelta) -> AutomationCore:
    trigger = EventTrigger(
        posture=Posture.Proactive,
        after={"prefect.flow-run.heartbeat"},  # each run sends its first as it begins
        expect={"prefect.flow-run.*"},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related={
            "prefect.resource.role": "deployment",
            "prefect.resource.id": [f"prefect.deployment.{one}" for one in ids],
        },
        for_each={"prefect.resource.id"},
        threshold=1,
        within=within,
    )
    crashed = ChangeFlowRunState(state=StateType.CRASHED, message="Sem sinal de vida: o worker ou a máquina dele caiu.")
    return AutomationCore(name=f"{PREFIX}{what}", trigger=trigger, actions=[crashed])


def _automation(situation: Situation, of: str, trigger: EventTrigger, action: RunDeployment) -> AutomationCore:
    return AutomationCore(name=f"{PREFIX}{situation.value}{of}", trigger=trigger, actions=[action])


def _related(names: Sequence[str]) -> dict[str, str | list[str]]:
    return {"prefect.resource.role": "deployment", "prefect.resource.name": list(names)}


def _seen(events: Sequence[str], names: Sequence[str]) -> EventTrigger:
    return EventTrigger(
        posture=Posture.Reactive,
        expect=set(events),
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=_related(names),
        for_each={"prefect.resource.id"},
        threshold=1,
        within=timedelta(0),
    )


def _missed(name: str, within: timedelta, ends: set[str]) -> EventTrigger:
    return EventTrigger(
        posture=Posture.Proactive,
        expect=ends,
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=_related([name]),
        threshold=1,
        within=within,
    )


def _telling(alert_id: str, situation: Situation, subject: str) -> RunDeployment:
    # A plain text goes as it is; only one with a place to fill is a template.
    text = {"__prefect_kind": "jinja", "template": subject} if "{{" in subject else subject
    return RunDeployment.model_validate(
        {
            "source": "selected",
            "deployment_id": alert_id,
            "parameters": {"situation": situation.value, "subject": text},
        }
    )
