"""The fleet of the board's bench is the same again, in every stage, and holds what the registry would take."""

from datetime import UTC, datetime

from bench.board_fleet import make_fleet, members_of
from registry.models import EventRow, MunicipalityRow
from registry.privacy import refuse_personal_data

NOW = datetime(2027, 3, 10, 15, tzinfo=UTC)
PLACES = members_of("31")[:80]


def test_the_same_arguments_give_the_same_fleet() -> None:
    first, second = ([rows.tables for rows in make_fleet(PLACES, NOW, nights=2)] for _ in range(2))
    assert first == second
    assert [rows.tables for rows in make_fleet(PLACES, NOW, nights=2, seed=2)] != first


def test_every_stage_is_reached_by_somebody_and_nobody_is_in_the_events() -> None:
    events = [event for rows in make_fleet(PLACES, NOW, nights=1) for event in rows.tables.get(EventRow, [])]
    stages = {event["details"]["stage"] for event in events if event["kind"] == "stage.finished"}
    assert stages >= {"adhesion", "environment_training", "seeding", "users", "training", "go_live"}
    assert all(event["occurred_at"] <= NOW for event in events)
    for event in events:
        refuse_personal_data(event["details"], what=event["kind"])


def test_the_bench_knows_every_municipality_of_brazil() -> None:
    assert len(members_of("")) == 5570
    assert len(members_of("31")) == 853
    names = {rows.tables[MunicipalityRow][0]["name"] for rows in make_fleet(members_of("31687"), NOW, nights=0)}
    assert "Timoteo" in names
