"""Trainings, decisions and events: told once, never changed."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pymysql
import pytest
from pydantic import JsonValue
from sqlalchemy.exc import StatementError

from domain.change import Change
from domain.errors import IntegrityError, InvalidInputError
from registry import Registry, Ruling
from tests.registry.conftest import Schema
from tests.registry.examples import TIMOTEO, make_municipality

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def registry(registry: Registry) -> Registry:
    """A registry that knows Timóteo."""
    registry.ensure_municipality(make_municipality())
    return registry


def record(
    registry: Registry,
    kind: str = "ambiente_criado",
    *,
    ibge: str = TIMOTEO,
    key: str | None = None,
    occurred_at: datetime | None = None,
) -> bool:
    return registry.record_event(kind, ibge=ibge, actor="implantation", details={}, key=key, occurred_at=occurred_at)


def test_an_event_comes_back_as_it_was_told(registry: Registry) -> None:
    details: dict[str, JsonValue] = {
        "tabelas": 354,
        "versao": "4.1.0",
        "unidades": ["GABINETE", "SEFAZ"],
        "prova": None,
    }
    assert registry.record_event(
        "ambiente_criado",
        ibge=TIMOTEO,
        environment="timoteo-treinamento",
        actor="implantation",
        flow_run_id="1b2c",
        details=details,
        key="k",
        occurred_at=NOON,
    )
    (event,) = registry.events()
    assert event.model_dump(exclude={"id"}) == {
        "occurred_at": NOON,
        "kind": "ambiente_criado",
        "ibge": TIMOTEO,
        "environment": "timoteo-treinamento",
        "actor": "implantation",
        "flow_run_id": "1b2c",
        "details": details,
        "key": "k",
    }


def test_events_come_in_the_order_in_which_they_happened(registry: Registry) -> None:
    brasilia = timezone(timedelta(hours=-3))
    record(registry, "depois", occurred_at=datetime(2026, 11, 23, 10, 0, tzinfo=brasilia))
    record(registry, "antes", occurred_at=NOON)
    assert [event.kind for event in registry.events()] == ["antes", "depois"]
    assert registry.events()[1].occurred_at == datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
    assert registry.events()[1].occurred_at.tzinfo is UTC


def test_events_are_found_by_municipality_and_kind(registry: Registry) -> None:
    registry.ensure_municipality(make_municipality(ibge="3155009", name="Rio Doce", slug="rio-doce"))
    record(registry, "a")
    record(registry, "b")
    record(registry, "a", ibge="3155009")
    assert [event.kind for event in registry.events(TIMOTEO)] == ["a", "b"]
    assert [event.ibge for event in registry.events(kinds=["a"])] == [TIMOTEO, "3155009"]
    assert registry.events(kinds=[]) == []


def test_a_milestone_is_told_once_by_eight_runs_at_once(registry: Registry) -> None:
    for _ in range(5):
        key = secrets.token_hex(4)
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda key: record(registry, key=key), [key] * 8))
        assert sorted(told) == [False] * 7 + [True]
    assert len(registry.events()) == 5


def test_events_without_a_key_are_all_told(registry: Registry) -> None:
    assert record(registry)
    assert record(registry)
    assert len(registry.events()) == 2


def test_an_event_needs_its_municipality(registry: Registry) -> None:
    with pytest.raises(InvalidInputError, match="ainda não está no registro"):
        record(registry, ibge="3138203")


def test_a_time_without_zone_is_refused(registry: Registry) -> None:
    with pytest.raises(StatementError, match="aware times only"):
        record(registry, occurred_at=NOON.replace(tzinfo=None))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET ibge = ibge",
        "UPDATE {table} SET flow_run_id = 'x' WHERE id = 1",
        "DELETE FROM {table}",
        "REPLACE INTO {table} SELECT * FROM {table}",
        "INSERT INTO {table} SELECT * FROM {table} AS old ON DUPLICATE KEY UPDATE flow_run_id = 'x'",
    ],
)
@pytest.mark.parametrize("table", ["event", "decision"])
def test_history_refuses_changes_by_raw_sql_of_the_registrys_own_user(
    registry: Registry, migrated: Schema, table: str, statement: str
) -> None:
    record(registry)
    registry.record_decision(ibge=TIMOTEO, gate="go_live", decision="approve", name="Gestora", reason="Pronto.")
    before = (registry.events(), registry.decisions(TIMOTEO))
    with migrated.raw() as cursor, pytest.raises(pymysql.err.OperationalError, match=f"A tabela {table} só cresce"):
        cursor.execute(statement.format(table=table))
    assert (registry.events(), registry.decisions(TIMOTEO)) == before


def test_a_municipality_with_history_cannot_be_removed(registry: Registry, migrated: Schema) -> None:
    record(registry)
    with migrated.raw() as cursor, pytest.raises(pymysql.err.IntegrityError):
        cursor.execute("DELETE FROM municipality")


def test_decisions_come_back_oldest_first_and_are_all_kept(registry: Registry) -> None:
    answers_given: tuple[Ruling, ...] = ("approve", "revoke")
    for decision in answers_given:
        registry.record_decision(
            ibge=TIMOTEO, gate="go_live", decision=decision, name=" Gestora ", reason="Ata de 23/11.", decided_at=NOON
        )
    registry.record_decision(ibge=TIMOTEO, gate="training", decision="approve", name="Gestora", reason="Ofício 7.")
    answers = registry.decisions(TIMOTEO, "go_live")
    assert [(answer.decision, answer.name, answer.decided_at) for answer in answers] == [
        ("approve", "Gestora", NOON),
        ("revoke", "Gestora", NOON),
    ]
    assert [answer.gate for answer in registry.decisions(TIMOTEO)] == ["go_live", "go_live", "training"]
    assert "Gestora" not in repr(answers)


@pytest.mark.parametrize(("name", "reason", "missing"), [("", "Pronto.", "nome"), ("Gestora", " \n", "motivo")])
def test_a_decision_says_who_and_why(registry: Registry, name: str, reason: str, missing: str) -> None:
    with pytest.raises(InvalidInputError, match=f"A decisão sobre 'go_live' veio sem {missing}"):
        registry.record_decision(ibge=TIMOTEO, gate="go_live", decision="approve", name=name, reason=reason)


def test_a_training_report_counts_once_whatever_its_name(registry: Registry) -> None:
    assert registry.training(TIMOTEO) is None
    first = send_report(registry, "capacitacao/1.xlsx", "1" * 64, inscritos=40)
    assert first == Change(created=1)
    assert send_report(registry, "capacitacao/1 (cópia).xlsx", "1" * 64, inscritos=40) == Change(unchanged=1)
    assert send_report(registry, "capacitacao/2.xlsx", "2" * 64, inscritos=45) == Change(created=1)
    newest = registry.training(TIMOTEO)
    assert newest is not None
    assert (newest.object_key, newest.counts) == ("capacitacao/2.xlsx", {"SEFAZ": {"inscritos": 45}})


def test_an_old_report_that_is_sent_again_counts_again(registry: Registry) -> None:
    for sha256, inscritos in (("1" * 64, 40), ("2" * 64, 45), ("1" * 64, 40)):
        assert send_report(registry, "capacitacao.csv", sha256, inscritos=inscritos) == Change(created=1)
    assert send_report(registry, "capacitacao.csv", "1" * 64, inscritos=40) == Change(unchanged=1)
    newest = registry.training(TIMOTEO)
    assert newest is not None
    assert newest.counts == {"SEFAZ": {"inscritos": 40}}


def test_training_counts_hold_no_personal_data(registry: Registry) -> None:
    with pytest.raises(IntegrityError, match="O registro de capacitação traz dado pessoal"):
        registry.record_training(
            ibge=TIMOTEO, object_key="x", sha256="1" * 64, counts={"SEFAZ": {"ana@example.org": 1}}
        )
    assert registry.training(TIMOTEO) is None


def send_report(registry: Registry, object_key: str, sha256: str, inscritos: int) -> Change:
    return registry.record_training(
        ibge=TIMOTEO, object_key=object_key, sha256=sha256, counts={"SEFAZ": {"inscritos": inscritos}}
    )
