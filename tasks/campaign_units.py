"""What the registry knows of single upgrades and rehearsals, for the whole fleet at once."""

from datetime import datetime

from pydantic import AwareDatetime, Field, NonNegativeFloat

from domain.campaign.facts import Rehearsal, RehearsalOutcome
from domain.model import Frozen
from domain.upgrading import REHEARSED, RehearsalRecord, Upgrade, UpgradeEvent
from tasks import doors
from tasks.upgrade_undo import CUT_OFF
from tasks.upgrading import last_upgrades

_SHORTEST_MINUTES = 1 / 60


class Attempt(Frozen):
    """The last upgrade of one environment to a release, as far as it came."""

    begun_at: AwareDatetime
    is_over: bool
    upgraded: bool
    minutes: NonNegativeFloat = 0
    signature: str = ""
    cause: str = ""
    cut_off: bool = Field(default=False, description="It failed for no other reason than that its run died.")


def rehearsals(release: str, now: datetime) -> dict[str, Rehearsal]:
    """The last rehearsal of a release by every environment that held one; one question to the registry."""
    found = {}
    for environment, event in doors.registry().newest_events(REHEARSED).items():
        record = RehearsalRecord.model_validate({"at": event.occurred_at, **event.details})
        if record.release == release:
            found[environment] = _rehearsal(record, now)
    return found


def _rehearsal(record: RehearsalRecord, now: datetime) -> Rehearsal:
    return Rehearsal(
        outcome=RehearsalOutcome.PASSED if record.ok else RehearsalOutcome.FAILED,
        predicted_minutes=max(record.seconds / 60, _SHORTEST_MINUTES),
        signatures=record.signatures,
        age_hours=max((now - record.at).total_seconds() / 3600, 0.0),
    )


def attempts(release: str) -> dict[str, Attempt]:
    """The last upgrade of every environment, where that was to this release; one question to the registry."""
    return {slug: _attempt(last) for slug, last in last_upgrades().items() if last.to_version == release}


def _attempt(upgrade: Upgrade) -> Attempt:
    took = upgrade.ended_at - upgrade.begun_at if upgrade.ended_at else None
    return Attempt(
        begun_at=upgrade.begun_at,
        is_over=upgrade.is_over,
        upgraded=UpgradeEvent.FINISHED in upgrade.reached,
        minutes=took.total_seconds() / 60 if took else 0.0,
        signature=upgrade.failure.signature if upgrade.failure else "",
        cause=upgrade.failure.cause if upgrade.failure else "",
        cut_off=upgrade.failure == CUT_OFF,
    )
