"""What the monitoring remembers: a sweep whole or not at all, a day's use at its most."""

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.errors import IntegrityError
from domain.incident import OPENED, IncidentDetails
from domain.monitoring.causes import PlannedEvent
from domain.monitoring.facts import DayOfUse
from domain.monitoring.rules import Probe
from domain.monitoring.state import ProbeState, Verdict
from domain.municipality import Municipality
from registry import QueuedMessage, Registry
from registry.monitoring import SweepRecord
from tests.registry.conftest import Schema

IBGE = "3168705"
HOME = "timoteo-producao"
AT = datetime(2027, 6, 1, 12, 30, tzinfo=UTC)
DAY = date(2027, 6, 1)
KILLED_BEFORE_THE_COMMIT = """
import os, signal, sys
from sqlalchemy import Engine, event
from registry import Registry
from tests.registry.test_monitoring import whole_sweep

@event.listens_for(Engine, "commit")
def die(connection):
    os.kill(os.getpid(), signal.SIGKILL)

Registry(os.environ["REGISTRY"]).monitoring.record(whole_sweep(), actor="monitoracao", flow_run_id=None)
"""


def state(probe: Probe = Probe.PAGE, *, subject: str = HOME, incident: str | None = None) -> ProbeState:
    return ProbeState(
        subject=subject,
        probe=probe,
        verdict=Verdict.BAD if incident else Verdict.GOOD,
        since=AT,
        seen_at=AT,
        streak=3,
        recent=7,
        value=1.5,
        detail="não responde",
        incident=incident,
    )


def event(reason: str = "não responde") -> PlannedEvent:
    details = IncidentDetails(
        incident="pagina-x", cause="pagina", scope=HOME, since=AT, leads=True, affected=1, reason=reason
    )
    return PlannedEvent(OPENED, HOME, IBGE, f"{OPENED}:pagina-x:{HOME}#1", details)


def sweep(**changes: Any) -> SweepRecord:  # noqa: ANN401  # fields of the record
    empty = SweepRecord(at=AT, day=DAY, states=(), gone=(), events=(), messages=(), uses=())
    return empty._replace(**changes)


def whole_sweep() -> SweepRecord:
    message = QueuedMessage(
        key=f"alerta_incidente:{IBGE}:pagina-x:aberto", ibge=IBGE, event="alerta_incidente", variables={}
    )
    return sweep(
        states=[state(incident="pagina-x")],
        events=[event()],
        messages=[message],
        uses=[DayOfUse(environment=HOME, concurrent_users=3, users=10, storage_bytes=5)],
    )


def remember(registry: Registry, **changes: Any) -> int:  # noqa: ANN401  # as above
    return registry.monitoring.record(sweep(**changes), actor="monitoracao", flow_run_id=None).created


@pytest.fixture(autouse=True)
def municipality(registry: Registry) -> None:
    registry.ensure_municipality(Municipality(ibge=IBGE, name="Timóteo", uf="MG", slug="timoteo", population=91_268))


def test_states_are_replaced_and_those_that_are_gone_are_forgotten(registry: Registry) -> None:
    remember(registry, states=[state(), state(Probe.QUOTA), state(subject="outra-producao")])
    later = state(incident="pagina-x").model_copy(update={"seen_at": AT + timedelta(minutes=5), "value": None})
    remember(registry, states=[later], gone={"outra-producao"})
    assert registry.monitoring.states() == [state(Probe.QUOTA), later]


def test_a_day_keeps_the_most_of_each_and_what_nobody_measured_takes_nothing_away(registry: Registry) -> None:
    for concurrent, users, stored in ((3, None, 10), (None, 7, 8), (2, 6, None)):
        use = DayOfUse(environment=HOME, concurrent_users=concurrent, users=users, storage_bytes=stored)
        remember(registry, uses=[use])
    remember(registry, uses=[DayOfUse(environment=HOME)], day=DAY + timedelta(days=1))
    first, second = registry.monitoring.daily_use(DAY, date(2027, 7, 1))
    assert (first.sweeps, first.concurrent_users, first.users, first.storage_bytes) == (3, 3, 7, 10)
    assert (second.day, second.sweeps, second.users) == (DAY + timedelta(days=1), 1, None)
    assert registry.monitoring.daily_use(DAY, date(2027, 7, 1), "outra-producao") == []
    assert registry.monitoring.daily_use(DAY, DAY) == []


def test_what_is_told_twice_is_there_once(registry: Registry) -> None:
    record = whole_sweep()
    assert registry.monitoring.record(record, actor="monitoracao", flow_run_id=None).created == 2
    assert registry.monitoring.record(record, actor="monitoracao", flow_run_id=None).created == 0
    assert len(registry.events(kinds=[OPENED])) == 1
    assert registry.monitoring.happened([OPENED])[HOME][0].at == AT
    assert registry.monitoring.mail_due_since(AT) == AT


def test_a_sweep_killed_before_it_is_written_leaves_nothing(registry: Registry, migrated: Schema) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_THE_COMMIT], env={**os.environ, "REGISTRY": migrated.url}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert registry.monitoring.states() == []
    assert registry.monitoring.daily_use(DAY, date(2027, 7, 1)) == []
    assert registry.events(kinds=[OPENED]) == []
    assert registry.messages(IBGE) == []
    assert registry.monitoring.record(whole_sweep(), actor="monitoracao", flow_run_id=None).created == 2


def test_a_person_in_a_reason_refuses_all_of_the_sweep(registry: Registry) -> None:
    with pytest.raises(IntegrityError, match="dado pessoal"):
        remember(registry, states=[state()], events=[event("ana@exemplo.com não entra")])
    assert registry.monitoring.states() == []
