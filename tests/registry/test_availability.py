"""A production's month, from nothing but what the registry was told."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.environment import EnvironmentName, Purpose
from domain.incident import CLOSED, OPENED, IncidentDetails
from domain.monitoring.causes import PlannedEvent
from domain.monitoring.facts import DayOfUse
from domain.monthly_report import Month
from domain.municipality import Municipality
from registry import EnvironmentRecord, Registry
from registry.monitoring import SweepRecord
from tasks import clock
from tasks import closing as door
from tasks.availability import availability_of
from tasks.live import LIVE
from tests.registry.conftest import Schema

IBGE = "3168705"
NAME = EnvironmentName(municipality="timoteo", purpose=Purpose.PRODUCAO)
OPENING = datetime(2027, 6, 21, 3, tzinfo=UTC)
END = datetime(2027, 7, 1, 3, tzinfo=UTC)
JUNE = Month.parse("2027-06")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def registry(migrated: Schema, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The registry of this process, with one production that went live ten days before the month's end."""
    monkeypatch.setenv("IMPLANTA_REGISTRY_URL", migrated.url)
    monkeypatch.setenv("IMPLANTA_PREFECT_API_URL", "http://127.0.0.1:1/api")  # nobody is asked there
    monkeypatch.setattr(clock, "now", lambda: END + timedelta(days=3))
    found = Registry(migrated.url)
    found.ensure_municipality(Municipality(ibge=IBGE, name="Timóteo", uf="MG", slug="timoteo", population=91_268))
    found.ensure_environment(
        EnvironmentRecord(
            slug=NAME.slug,
            ibge=IBGE,
            purpose=NAME.purpose,
            release_version="4.1.0",
            hostname="timoteo.localhost",
            database_server="principal",
            database_sei=NAME.database_sei,
            database_sip=NAME.database_sip,
            directory_ou=NAME.ou,
            bucket=NAME.bucket,
            orgao_sigla="PM",
        )
    )
    tell(found, LIVE, OPENING)
    return found


def tell(registry: Registry, kind: str, at: datetime) -> None:
    registry.record_event(
        kind, ibge=IBGE, environment=NAME.slug, actor="teste", details={"reason": "x"}, occurred_at=at
    )


def sweep(registry: Registry, at: datetime, *events: PlannedEvent) -> None:
    uses = [DayOfUse(environment=NAME.slug)]
    record = SweepRecord(at, at.date(), (), (), events, (), uses)
    registry.monitoring.record(record, actor="monitoracao", flow_run_id=None)


def incident(kind: str, cause: str, since: datetime, until: datetime | None = None) -> PlannedEvent:
    details = IncidentDetails(
        incident=f"{cause}-x", cause=cause, scope="x", since=since, until=until, leads=True, affected=1, reason="x"
    )
    return PlannedEvent(kind, NAME.slug, IBGE, f"{kind}:{cause}", details)


def test_minutes_without_service_are_counted_from_the_first_bad_answer_and_planned_ones_apart(
    registry: Registry,
) -> None:
    began = OPENING + timedelta(days=1)
    over = began + 30 * MINUTE
    sweep(registry, began + 10 * MINUTE, incident(OPENED, "pagina", began), incident(OPENED, "cota", began))
    sweep(registry, over + 5 * MINUTE, incident(CLOSED, "pagina", began, over))
    tell(registry, door.CLOSED, OPENING + timedelta(days=2))
    tell(registry, door.REOPENED, OPENING + timedelta(days=2, minutes=90))
    (found,) = availability_of(JUNE)
    assert found.environment == NAME.slug
    assert (found.availability.total, found.availability.down, found.availability.planned) == (14_400, 30, 90)
    assert found.availability.watched == pytest.approx(2 / ((14_400 - 90) / 5))
    assert availability_of(JUNE, NAME.slug) == (found,)


def test_who_was_not_live_or_not_seen_is_not_told(registry: Registry) -> None:
    assert availability_of(JUNE) == (), "nobody looked"
    sweep(registry, OPENING + timedelta(days=1))
    assert availability_of(Month.parse("2027-05")) == ()
    assert len(availability_of(JUNE)) == 1


def test_an_outage_that_lasts_counts_until_now(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    began = OPENING + timedelta(days=1)
    sweep(registry, began, incident(OPENED, "banco", began))
    monkeypatch.setattr(clock, "now", lambda: began + 45 * MINUTE)
    (found,) = availability_of(JUNE)
    assert (found.availability.down, found.availability.total) == (45, 24 * 60 + 45)
