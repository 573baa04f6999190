"""What the registry knows of an environment's upgrades and of their rehearsals."""

from collections.abc import Iterable

from domain.errors import InvalidInputError
from domain.upgrading import (
    REHEARSED,
    RehearsalRecord,
    Upgrade,
    UpgradeEvent,
    UpgradeHappening,
    upgrades_of,
)
from registry import EventRecord
from tasks import doors
from tasks.environment_events import tell_event, told_by_environment
from tasks.history import ACTOR
from tasks.instance import Instance


def list_upgrades(instance: Instance) -> tuple[Upgrade, ...]:
    """Every upgrade of the environment, oldest first, the last of them perhaps not at its end."""
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=list(UpgradeEvent))
    return upgrades_of(_happening(event) for event in told if event.environment == instance.name.slug)


def last_upgrade(instance: Instance) -> Upgrade | None:
    """The newest upgrade of the environment, over or not."""
    found = list_upgrades(instance)
    return found[-1] if found else None


def last_upgrades() -> dict[str, Upgrade]:
    """The newest upgrade of every environment of the fleet that had one, over or not."""
    told = told_by_environment(UpgradeEvent, _happening)
    found = {environment: upgrades_of(happenings) for environment, happenings in told.items()}
    return {environment: upgrades[-1] for environment, upgrades in found.items() if upgrades}


def unfinished_upgrades() -> dict[str, Upgrade]:
    """Every upgrade of the fleet that is not over, by environment."""
    return {environment: upgrade for environment, upgrade in last_upgrades().items() if not upgrade.is_over}


def require_upgrading(instance: Instance) -> Upgrade:
    """The upgrade that is going on.

    Raises:
        InvalidInputError: there is none.
    """
    found = last_upgrade(instance)
    if found is None or found.is_over:
        raise InvalidInputError(
            "Não há atualização em andamento", instance.name.slug, "Comece com ./implanta upgrade run."
        )
    return found


def remember_upgrade(instance: Instance, happening: UpgradeHappening, actor: str = ACTOR) -> None:
    """Tell the registry how far an upgrade came."""
    tell_event(
        instance,
        happening.kind,
        happening.model_dump(mode="json", exclude={"kind", "at"}, exclude_defaults=True),
        actor=actor,
        occurred_at=happening.at,
    )


def _happening(event: EventRecord) -> UpgradeHappening:
    return UpgradeHappening.model_validate({"kind": event.kind, "at": event.occurred_at, **event.details})


def rehearsals_of(instance: Instance, release: str | None = None) -> tuple[RehearsalRecord, ...]:
    """Every rehearsal of the environment, or those of one release, oldest first."""
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=[REHEARSED])
    return tuple(_rehearsals(told, instance.name.slug, release))


def _rehearsals(told: Iterable[EventRecord], slug: str, release: str | None) -> Iterable[RehearsalRecord]:
    for event in told:
        if event.environment == slug:
            record = RehearsalRecord.model_validate({"at": event.occurred_at, **event.details})
            if release in {None, record.release}:
                yield record


def remember_rehearsal(instance: Instance, record: RehearsalRecord) -> None:
    """Tell the registry what came of a rehearsal."""
    tell_event(instance, REHEARSED, record.model_dump(mode="json", exclude={"at"}), occurred_at=record.at)
