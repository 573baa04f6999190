"""What the board reads: a constant number of queries, read-only, with an account of its own, and nobody in it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import JsonValue
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from bench.board_fleet import fill_registry, members_of
from domain.backup.findings import Level
from domain.environment import Purpose
from domain.errors import InvalidInputError, RetryableError
from domain.lifecycle import Stage
from registry import Registry
from registry.board import BoardReader, grants_for
from registry.privacy import HIDDEN
from tasks.board_reading import read_board
from tests.registry.conftest import Schema
from tests.registry.examples import TIMOTEO, make_environment, make_municipality

NOW = datetime(2027, 3, 10, 15, tzinfo=UTC)
MG = members_of("31")


@pytest.fixture
def reader(migrated: Schema) -> Iterator[BoardReader]:
    opened = BoardReader(migrated.url)
    yield opened
    opened.dispose()


def count_statements(reader: BoardReader) -> int:
    counted: list[str] = []

    def count(_a: object, _b: object, statement: str, *_rest: object) -> None:
        counted.append(statement)

    event.listen(reader.engine, "before_cursor_execute", count)
    try:
        reader.read(NOW)
        reader.version()
        reader.timeline(TIMOTEO)
    finally:
        event.remove(reader.engine, "before_cursor_execute", count)
    return len(counted)


def test_fifty_prefeituras_cost_as_many_queries_as_none(migrated: Schema, reader: BoardReader) -> None:
    empty = count_statements(reader)
    fill_registry(migrated.url, MG[:50], NOW, nights=3)
    assert count_statements(reader) == empty <= 20
    board = read_board(reader, NOW)
    assert len(board.lines) == 50
    assert board.figures.live == sum(line.live_on is not None for line in board.lines) > 0
    assert board.figures.processes > 0
    assert {one.facts.backup is not None for one in board.environments if one.delivered_on} >= {True}


def test_the_newest_backup_certificate_and_count_of_each_environment_are_found(
    registry: Registry, reader: BoardReader
) -> None:
    registry.ensure_municipality(make_municipality())
    for purpose in (Purpose.TREINAMENTO, Purpose.PRODUCAO):
        registry.ensure_environment(make_environment(slug=f"timoteo-{purpose}", purpose=purpose))

    def tell(kind: str, environment: str, day: int, **details: object) -> None:
        registry.record_event(
            kind,
            ibge=TIMOTEO,
            environment=environment,
            actor="implanta",
            details=details,  # type: ignore[arg-type]
            occurred_at=NOW - timedelta(days=day),
        )

    levels = [{"level": "L0", "passed": True}, {"level": "L1", "passed": True}, {"level": "L2", "passed": False}]
    for day in (3, 2, 1):
        taken = (NOW - timedelta(days=day)).isoformat()
        details = {"backup": {"taken_at": taken}, "certificate": {"levels": levels}}
        tell("backup.verified", "timoteo-producao", day, **details)
        tell("use.counted", "timoteo-producao", day, users=10 - day, processes=5, documents=6)
    tell("backup.refused", "timoteo-producao", 0, backup={"taken_at": NOW.isoformat()})
    tell("certificate.issued", "timoteo-treinamento", 5, fingerprint="0" * 64, not_after="2027-05-01T02:00:00+00:00")
    training, production = sorted(reader.read(NOW).environments, key=lambda one: one.purpose, reverse=True)
    assert production.backup is not None
    assert (production.backup.taken_at, production.backup.level) == (NOW - timedelta(days=1), Level.INTACT)
    assert (production.refused_at, production.use and production.use.users) == (NOW, 9)
    assert (training.backup, str(training.certificate_ends)) == (None, "2027-04-30"), "a moment is a day in Brasília"


def test_every_change_that_the_board_shows_changes_its_version(registry: Registry, reader: BoardReader) -> None:
    seen = [reader.version()]
    registry.ensure_municipality(make_municipality())
    seen.append(reader.version())
    registry.ensure_municipality(make_municipality(population=91269))
    seen.append(reader.version())
    registry.ensure_environment(make_environment())
    seen.append(reader.version())
    registry.ensure_environment(make_environment(release_version="4.0.0"))
    seen.append(reader.version())
    registry.record_event("stage.finished", ibge=TIMOTEO, actor="x", details={"stage": "adhesion"})
    seen.append(reader.version())
    registry.record_decision(ibge=TIMOTEO, gate="go-live", decision="approve", name="Pessoa", reason="Sim")
    seen.append(reader.version())
    opened: dict[str, JsonValue] = {"release": "4.1.0", "environments": ["timoteo-treinamento"]}
    told = {"actor": "infraestrutura", "flow_run_id": None, "occurred_at": NOW}
    registry.campaigns.append("4.1.0", 1, kind="campaign.opened", details=opened, **told)  # type: ignore[arg-type]
    seen.append(reader.version())
    assert len(set(seen)) == len(seen)
    assert reader.version() == seen[-1]


def test_nothing_can_be_written_through_it(reader: BoardReader) -> None:
    with reader._reading() as connection, pytest.raises(DBAPIError, match="READ ONLY"):
        connection.execute(text("DELETE FROM municipality"))


def test_the_boards_own_account_reads_the_board_and_no_person(migrated: Schema) -> None:
    fill_registry(migrated.url, MG[:5], NOW, nights=2)
    account = f"{migrated.name}_p"
    with migrated.server.root() as root:
        root.execute(f"CREATE USER {account}@'127.0.0.1' IDENTIFIED BY 'so-leitura'")
        for statement in grants_for(migrated.url, f"{account}@127.0.0.1"):
            root.execute(statement)
    url = f"mysql+pymysql://{account}:so-leitura@127.0.0.1:{migrated.server.port}/{migrated.name}"
    reader = BoardReader(url)
    try:
        assert len(read_board(reader, NOW).lines) == 5
        assert reader.version().event > 0
        assert reader.timeline(MG[0].ibge) is not None
        for forbidden in (
            "SELECT * FROM contact",
            "SELECT name FROM decision",
            "SELECT actor FROM event",
            "DELETE FROM event",
        ):
            with reader.engine.connect() as connection, pytest.raises(DBAPIError, match="denied"):
                connection.execute(text(forbidden))
    finally:
        reader.dispose()
        with migrated.server.root() as root:
            root.execute(f"DROP USER {account}@'127.0.0.1'")


@pytest.mark.parametrize("account", ["painel", "painel@", "p'x@h", "a@b'; DROP TABLE event; --", "p@h o"])
def test_an_account_that_is_none_is_refused(account: str, migrated: Schema) -> None:
    with pytest.raises(InvalidInputError, match="não é uma conta"):
        grants_for(migrated.url, account)


def test_a_reason_with_a_person_in_it_is_not_shown_though_somebody_stored_it(
    registry: Registry, migrated: Schema, reader: BoardReader
) -> None:
    registry.ensure_municipality(make_municipality())
    registry.record_event("stage.finished", ibge=TIMOTEO, actor="x", details={"stage": "adhesion"}, occurred_at=NOW)
    reasons = [
        {"of": "prefeitura", "text": "Falta maria@exemplo.br"},
        {"of": "prefeitura", "text": "Falta o CPF 111.444.777-35"},
    ]
    with migrated.raw() as cursor:
        cursor.execute(
            "INSERT INTO event (occurred_at, kind, ibge, actor, details) VALUES (%s, %s, %s, 'x', %s)",
            (NOW, "stage.waiting", TIMOTEO, json.dumps({"stage": "environment_training", "reasons": reasons})),
        )
    (line,) = read_board(reader, NOW + timedelta(days=1)).lines
    assert (line.stage, line.reasons) == (Stage.ENVIRONMENT_TRAINING, (HIDDEN, HIDDEN))


def test_a_registry_that_is_down_is_told_as_such(migrated: Schema) -> None:
    reader = BoardReader(f"mysql+pymysql://x:y@127.0.0.1:1/{migrated.name}")
    with pytest.raises(RetryableError):
        reader.version()
