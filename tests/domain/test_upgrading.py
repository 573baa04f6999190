"""How far an upgrade came: whatever is told, in whatever order, nobody is let to data that are half of each version."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.backup.manifest import BackupReference
from domain.upgrading import Upgrade, UpgradeEvent, UpgradeFailure, UpgradeHappening, upgrades_of

E = UpgradeEvent
NOW = datetime(2026, 11, 28, 13, tzinfo=UTC)
BACKUP = BackupReference(
    environment="timoteo-producao", key="copias/x/manifesto.json", version_id="1", sha256="a" * 64, taken_at=NOW
)
FORWARD = (E.BEGUN, E.SAVED, E.APPLIED, E.PROVED, E.FINISHED)
BACK = (E.FAILED, E.RETURNED, E.UNDONE)
ORDERS = st.lists(st.sampled_from(list(E)), max_size=40)


def told(kind: E, minute: int = 0) -> UpgradeHappening:
    return UpgradeHappening(
        kind=kind,
        at=NOW + timedelta(minutes=minute),
        from_version="4.0.0" if kind is E.BEGUN else None,
        to_version="4.1.0" if kind is E.BEGUN else None,
        role="infraestrutura",
        reason="campanha",
        backup=BACKUP if kind is E.SAVED else None,
        failure=UpgradeFailure(step="passos", cause="o script falhou") if kind is E.FAILED else None,
    )


def after(*kinds: E) -> tuple[Upgrade, ...]:
    return upgrades_of(told(kind, minute) for minute, kind in enumerate(kinds))


@given(ORDERS)
def test_in_whatever_order_events_come_each_upgrade_is_a_way_forward_or_a_way_back(kinds: list[E]) -> None:
    ways = {frozenset(FORWARD[:n]) for n in range(1, 6)} | {
        frozenset((*FORWARD[:n], *BACK[:m])) for n in range(1, 4) for m in range(1, 4)
    }
    found = after(*kinds)
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert all(one.reached in ways for one in found)
    assert all(one.is_over for one in found[:-1]), "one begins only when the one before is over"


@given(ORDERS)
def test_nobody_is_let_in_between_the_saving_and_the_proof_or_the_return(kinds: list[E]) -> None:
    for one in after(*kinds):
        between = E.SAVED in one.reached and not {E.PROVED, E.RETURNED} & one.reached
        assert one.is_touching == between
        assert not (one.is_touching and one.is_over)
        if one.is_touching:
            assert one.must_go_back
            assert one.backup == BACKUP
        if one.is_over:
            assert not one.must_go_back
        assert not (one.must_go_back and E.PROVED in one.reached), "what is proved never goes back"


@given(ORDERS)
def test_what_cannot_happen_changes_nothing_and_what_can_changes_something(kinds: list[E]) -> None:
    found = after(*kinds)
    for kind in E if found else ():
        assert (found[-1].after(told(kind)) != found[-1]) == found[-1].allows(kind)


@given(ORDERS)
def test_every_upgrade_can_still_come_to_an_end(kinds: list[E]) -> None:
    found = after(*kinds)
    if not found:
        return
    rest = BACK if found[-1].must_go_back else FORWARD[1:]
    assert after(*kinds, *rest)[len(found) - 1].is_over


def test_without_a_beginning_there_is_none() -> None:
    assert after() == after(E.SAVED, E.FAILED) == ()


def test_a_failure_is_kept_with_its_first_cause() -> None:
    (found,) = after(E.BEGUN, E.SAVED, E.FAILED)
    again = found.after(told(E.FAILED).model_copy(update={"failure": UpgradeFailure(step="volta", cause="outra")}))
    assert again.failure is not None
    assert again.failure.cause == "o script falhou"
    assert again.must_go_back
    (undone,) = after(E.BEGUN, E.SAVED, E.FAILED, E.RETURNED, E.UNDONE)
    assert (undone.result, undone.is_over) == ("desfeita", True)
