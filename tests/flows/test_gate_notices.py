"""Nights at a closed training gate, with the clock moved: what the focal point and who decides find in their mail."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from blocks.rehearsal import rehearsing
from blocks.settings import PROJECT_ROOT
from domain.municipality import Contact
from domain.training import Headcount, TrainingClass, TrainingFacts, UnitTraining
from flows.messages import send_messages
from lab.state import LabState
from registry import Registry
from tasks import clock
from tasks.gate_notices import judge_and_tell
from tests.domain.examples import make_municipality
from tests.flows.mailbox import arrived

IBGE, SLUG = "3168705", "timoteo"
USERS = 100
MONDAY = date(2026, 11, 30)
HOUR = 9  # of the night's judgement, UTC


@pytest.fixture
def registry(registry_url: SecretStr, domain: str) -> Iterator[Registry]:
    """Timóteo with a focal point and a mayor, of whom nobody was ever told anything."""
    engine = create_engine(registry_url.get_secret_value())
    with engine.begin() as connection:
        for table in ("message_delivery", "message", "training_record"):
            connection.execute(text(f"DELETE FROM {table}"))
    engine.dispose()
    opened = Registry(registry_url)
    contacts = tuple(
        Contact(name="Pessoa", email=f"{box}@{domain}", role=role)
        for box, role in (("ponto", "ponto focal"), ("gabinete", "Prefeita"))
    )
    opened.ensure_municipality(make_municipality().model_copy(update={"contacts": contacts}))
    yield opened
    opened.dispose()


@pytest.fixture
def night(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Judge the gate on a night, so many days after the first, with so many people trained."""

    def run(number: int, trained: int) -> None:
        moment = datetime(MONDAY.year, MONDAY.month, MONDAY.day, HOUR, tzinfo=UTC) + timedelta(days=number)
        monkeypatch.setattr(clock, "now", lambda: moment)
        record(registry, trained)
        judge_and_tell.fn(SLUG)
        judge_and_tell.fn(SLUG)  # the implantation's own stage, the same night

    return run


def record(registry: Registry, trained: int) -> None:
    people = Headcount(users=USERS, classes=(TrainingClass(finished_on=MONDAY, trained=trained),) if trained else ())
    facts = TrainingFacts(prefeitura=people, unidades=(UnitTraining(unidade="SEMAD", **dict(people)),))
    registry.record_training(
        ibge=IBGE, object_key="capacitacao", sha256=f"{trained:064d}", counts=facts.model_dump(mode="json")
    )


def told(registry: Registry) -> list[str]:
    """`1 resultado fechado`: each notice of the gate, in order."""
    keys = [message.key.split(":") for message in registry.messages(IBGE)]
    return [f"{order} {event.partition('_')[0]} {state}" for event, _, _, order, state in keys]


def subjects(lab_state: LabState, domain: str, box: str) -> list[str]:
    return [str(one["Subject"]) for one in arrived(lab_state, domain) if str(one["To"]).startswith(f"{box}@")]


def test_a_month_of_nights_is_one_result_one_reminder_and_one_escalation(
    registry: Registry, night: Callable[..., None], domain: str, lab_state: LabState
) -> None:
    for number in range(29):
        night(number, 62)
        send_messages()
    assert told(registry) == ["1 resultado fechado", "2 lembrete fechado"], "Christmas is no business day"
    night(29, 62)
    send_messages()
    assert told(registry) == ["1 resultado fechado", "2 lembrete fechado", "3 escalonamento fechado"]
    escalated = "Timóteo: a implantação espera há 20 dias úteis o portão da capacitação"
    assert subjects(lab_state, domain, "gabinete") == [escalated]
    assert subjects(lab_state, domain, "ponto") == [
        "Timóteo: portão da capacitação: ainda não atendido",
        "Timóteo: a implantação espera o portão da capacitação",
        escalated,
    ]
    first, reminder, escalation = registry.messages(IBGE)
    assert first.variables["motivos"] == ["62 de 100 usuários capacitados (62%); o mínimo é 80%."]
    assert (reminder.variables["desde"], reminder.variables["dias_uteis"]) == ("2026-11-30", 10)
    assert escalation.variables["desde"] == "2026-11-30"
    night(30, 80)
    send_messages()
    assert told(registry)[3:] == ["4 resultado aberto"]
    assert subjects(lab_state, domain, "ponto")[-1] == "Timóteo: portão da capacitação: atendido"


def test_counts_that_move_each_night_are_told_once_a_week(registry: Registry, night: Callable[..., None]) -> None:
    for number in range(15):
        night(number, 40 + number)
    assert told(registry) == ["1 resultado fechado", "2 resultado fechado", "3 resultado fechado"]
    *older, newest = registry.messages(IBGE)
    assert [message.dropped_because for message in older] == ["withdrawn"] * 2, "nobody sent them: the newest says all"
    assert newest.dropped_at is None


def test_a_reminder_that_waited_for_the_mail_server_is_not_sent_once_the_gate_opened(
    registry: Registry, night: Callable[..., None], domain: str, lab_state: LabState
) -> None:
    night(0, 62)
    send_messages()
    night(14, 62)
    assert told(registry)[-1] == "2 lembrete fechado"
    night(15, 90)
    send_messages()
    assert subjects(lab_state, domain, "ponto") == [
        "Timóteo: portão da capacitação: ainda não atendido",
        "Timóteo: portão da capacitação: atendido",
    ]


def test_a_waiver_is_told_and_so_is_its_end(registry: Registry, night: Callable[..., None]) -> None:
    night(0, 62)
    registry.record_decision(
        ibge=IBGE,
        gate="capacitacao",
        decision="waive",
        name="Ana",
        reason="Ofício 30",
        valid_until=MONDAY + timedelta(days=2),
    )
    for number in (0, 1, 2, 3):
        night(number, 62)
    assert told(registry) == ["1 resultado fechado", "2 resultado dispensado", "3 resultado fechado"]
    assert "02/12/2026" in str(registry.messages(IBGE)[1].variables["motivos"])
    registry.record_decision(ibge=IBGE, gate="capacitacao", decision="revoke", name="Ana", reason="Acabou")


def test_a_rehearsal_tells_nobody(registry: Registry) -> None:
    record(registry, 62)
    with rehearsing():
        judge_and_tell.fn(SLUG)
    assert registry.messages(IBGE) == []


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from cli.prefect import connect
connect()
from registry import Registry
from tasks import clock, gate_notices
clock.now = lambda: datetime.fromisoformat(sys.argv[1])
point = sys.argv[2]
def dying(name):
    original = getattr(gate_notices, name)
    def run(*arguments):
        if point == f"before {name}":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments)
        if point == f"after {name}":
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(gate_notices, name, run)
dying("withdraw")
dying("put_in_queue")
gate_notices.judge_and_tell.fn("timoteo")
"""


@pytest.mark.parametrize("point", ["before withdraw", "after withdraw", "before put_in_queue", "after put_in_queue"])
def test_a_judgement_killed_anywhere_is_told_once_by_the_next(
    registry: Registry, night: Callable[..., None], domain: str, lab_state: LabState, point: str
) -> None:
    night(0, 62)
    record(registry, 85)
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), f"{MONDAY}T10:00:00+00:00", point],
        cwd=PROJECT_ROOT,
        env=os.environ,
        check=False,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL
    night(1, 85)
    send_messages()
    assert told(registry) == ["1 resultado fechado", "2 resultado aberto"]
    assert subjects(lab_state, domain, "ponto") == ["Timóteo: portão da capacitação: atendido"], "the first was untrue"
    assert judge_and_tell.fn(SLUG).reasons == ()
    assert send_messages().is_empty
