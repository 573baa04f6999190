"""What somebody changed by hand: `verify` names it and touches nothing, `apply` mends it, and then there is peace."""

import pytest

from blocks.settings import Settings
from domain.errors import IntegrityError
from domain.upgrading import UpgradeEvent, UpgradeHappening
from flows.check_environments import check_environments, compare_environment
from flows.plan_environment import plan_environment
from flows.verify_environment import verify_environment
from tasks import clock
from tasks.environment import ensure_parameters
from tasks.upgrading import remember_upgrade
from tests.conformity.conftest import ATTACKER, Fleet, create, latest_artifact
from tests.conformity.drifts import CHANGED, GONE, Drift
from tests.conformity.snapshot import differences, look, registry_schema


@pytest.mark.parametrize("drifts", [CHANGED, GONE], ids=["changed", "gone"])
def test_every_part_that_drifted_is_named_left_alone_and_mended(
    fleet: Fleet, programme: Settings, drifts: dict[str, Drift]
) -> None:
    instance, schema = fleet.instance(ATTACKER), registry_schema(fleet.registry)
    pristine = look(instance, schema)
    for drift in drifts.values():
        drift.make(instance)
    drifted = look(instance, schema)
    assert differences(pristine, drifted), "the snapshot would see what a rehearsal changes"

    with pytest.raises(IntegrityError, match=rf"diferem do declarado: .*{ATTACKER} \(\d\d\)"):
        check_environments()
    plan = plan_environment(ATTACKER)
    found = verify_environment(ATTACKER)
    assert differences(drifted, look(instance, schema)) == []
    told = found.drift()
    assert [name for name, drift in drifts.items() if not any(drift.told in text for text in told)] == [], told
    assert found.problems, "an account that does not open proves no segregation"
    again = verify_environment(ATTACKER)
    table = latest_artifact(programme, "desvio-dos-ambientes")
    assert f"## {ATTACKER}" in table
    assert [line for line in told if line.partition(": ")[2] not in table] == []
    assert plan.drift() == told == again.drift()
    assert plan.digest == found.digest == again.digest

    report = create(ATTACKER)
    steps = {step.name for step in report.steps if step.change.total}
    assert steps >= {drift.told.partition(":")[0] for drift in drifts.values()}
    mended = verify_environment(ATTACKER)
    assert (mended.drift(), mended.problems) == ([], ())
    assert check_environments().drifted == ()
    quiet = create(ATTACKER)
    assert {step.name: str(step.change) for step in quiet.steps if step.change.total} == {}


def test_who_begins_to_be_changed_while_it_is_looked_at_waits_for_the_next_night(fleet: Fleet) -> None:
    instance = fleet.instance(ATTACKER)
    CHANGED["a parameter of SEI"].make(instance)
    try:
        begun = {"from_version": "4.0.0", "to_version": "4.1.0", "role": "operação", "reason": "conferência"}
        remember_upgrade(instance, UpgradeHappening(kind=UpgradeEvent.BEGUN, at=clock.now(), **begun))
        try:
            found = compare_environment.fn(ATTACKER)
        finally:
            for kind in (UpgradeEvent.FAILED, UpgradeEvent.RETURNED, UpgradeEvent.UNDONE):
                remember_upgrade(instance, UpgradeHappening(kind=kind, at=clock.now()))
        assert (found.drifted, found.facts) == ((), ("Em mudança: fica para a próxima noite.",))
        assert [step.name for step in compare_environment.fn(ATTACKER).drifted] == ["parâmetros"]
    finally:
        ensure_parameters.fn(ATTACKER)  # not all of it: each proof is a wrong password at the neighbour
