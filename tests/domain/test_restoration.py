"""How far a restoration came, and to which backup one goes back."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.backup.manifest import BackupReference
from domain.backup.night import Candidate
from domain.environment import Purpose
from domain.rebuild import in_order_of_rebuilding
from domain.restoration import RestoreEvent, RestoreHappening, restoration_of

NOW = datetime(2026, 11, 28, 13, tzinfo=UTC)


def begun(day: int, lost_server: str | None = None) -> RestoreHappening:
    reference = BackupReference(
        environment="timoteo-producao",
        key="copias/x/manifesto.json",
        version_id="1",
        sha256="a" * 64,
        taken_at=NOW - timedelta(days=day),
    )
    return RestoreHappening(
        kind=RestoreEvent.BEGUN, at=NOW, backup=reference, role="infra", reason="disco", lost_server=lost_server
    )


def told(*kinds: RestoreEvent) -> list[RestoreHappening]:
    return [
        RestoreHappening(kind=kind, at=NOW, saved="cópia 1" if kind is RestoreEvent.SAVED else "") for kind in kinds
    ]


def test_without_a_beginning_there_is_none() -> None:
    assert restoration_of([]) is None
    assert restoration_of(told(RestoreEvent.SAVED)) is None


@pytest.mark.parametrize("number", range(len(RestoreEvent)))
def test_the_data_are_touched_from_their_saving_to_the_files(number: int) -> None:
    kinds = list(RestoreEvent)[1 : number + 1]
    found = restoration_of([begun(1), *told(*kinds)])
    assert found is not None
    assert found.touching == (RestoreEvent.SAVED in kinds and RestoreEvent.RECONCILED not in kinds)
    assert found.finished == (RestoreEvent.FINISHED in kinds)


def test_one_that_takes_over_saves_nothing_again_and_one_after_the_end_does() -> None:
    taken_over = restoration_of([begun(1), *told(RestoreEvent.SAVED, RestoreEvent.REPLACED), begun(2)])
    assert taken_over is not None
    assert (taken_over.number, taken_over.saved, taken_over.touching) == (2, "cópia 1", True)
    assert RestoreEvent.REPLACED not in taken_over.reached
    fresh = restoration_of([begun(1), *told(*list(RestoreEvent)[1:]), begun(2)])
    assert fresh is not None
    assert (fresh.number, fresh.saved, fresh.touching) == (2, "", False)


def test_productions_come_first_and_then_who_lost_most() -> None:
    def one(name: str, purpose: Purpose, days: int | None) -> Candidate:
        proved_at = None if days is None else NOW - timedelta(days=days)
        return Candidate(environment=name, purpose=purpose, server="x", proved_at=proved_at, expected_seconds=1)

    order = in_order_of_rebuilding(
        [
            one("a-treinamento", Purpose.TREINAMENTO, 1),
            one("b-treinamento", Purpose.TREINAMENTO, None),
            one("c-producao", Purpose.PRODUCAO, 1),
            one("d-producao", Purpose.PRODUCAO, 3),
        ]
    )
    assert order == ("d-producao", "c-producao", "b-treinamento", "a-treinamento")
