"""What the registry knows of an environment's restoration, and who has to wait for it."""

from datetime import datetime

from domain.errors import GateClosedError, InvalidInputError
from domain.restoration import Restoration, RestoreEvent, RestoreHappening, restoration_of
from registry import EventRecord
from tasks import doors
from tasks.environment_events import tell_event, told_by_environment
from tasks.instance import Instance
from tasks.upgrading import last_upgrade


def last_restoration(instance: Instance) -> Restoration | None:
    """The newest restoration of the environment, finished or not."""
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=list(RestoreEvent))
    return restoration_of(_happening(event) for event in told if event.environment == instance.name.slug)


def unfinished_restorations() -> dict[str, Restoration]:
    """Every restoration of the fleet that has not come to its end, by environment."""
    told = told_by_environment(RestoreEvent, _happening)
    found = {environment: restoration_of(happenings) for environment, happenings in told.items()}
    return {environment: one for environment, one in found.items() if one is not None and not one.finished}


def _happening(event: EventRecord) -> RestoreHappening:
    return RestoreHappening.model_validate({"kind": event.kind, "at": event.occurred_at, **event.details})


def is_changing(instance: Instance) -> bool:
    """Whether an upgrade or a restoration of the environment has begun and is not over."""
    upgrade, restoration = last_upgrade(instance), last_restoration(instance)
    return (upgrade is not None and not upgrade.is_over) or (restoration is not None and not restoration.finished)


def require_begun(instance: Instance) -> Restoration:
    """The restoration that is going on.

    Raises:
        InvalidInputError: there is none.
    """
    found = last_restoration(instance)
    if found is None or found.finished:
        raise InvalidInputError(
            "Não há restauração em andamento", instance.name.slug, "Comece com ./implanta backup restore."
        )
    return found


def require_whole(instance: Instance) -> None:
    """Keep everybody else out while the data may be half of one moment, or version, and half of another.

    Raises:
        GateClosedError: a restoration or an upgrade was cut off in there.
    """
    require_not_upgrading(instance)
    found = last_restoration(instance)
    if found is not None and found.touching:
        raise GateClosedError(
            f"Uma restauração deste ambiente, da cópia {found.stamp}, não chegou ao fim",
            instance.name.slug,
            f"Termine-a com ./implanta backup restore {instance.name.slug} --backup {found.stamp}.",
        )


def require_not_upgrading(instance: Instance) -> None:
    """Keep everybody else out while an upgrade has the data in its hands.

    Raises:
        GateClosedError: it was cut off before it was proved; run again, it goes back by itself.
    """
    found = last_upgrade(instance)
    if found is not None and found.is_touching and not brought_back(last_restoration(instance), found.begun_at):
        raise GateClosedError(
            f"Uma atualização deste ambiente, para a {found.to_version}, não chegou ao fim",
            instance.name.slug,
            f"Execute ./implanta upgrade run {instance.name.slug} --to {found.to_version}: ela volta ao momento"
            " anterior.",
        )


def brought_back(restoration: Restoration | None, since: datetime) -> bool:
    """Whether a restoration that began since then has the databases and files back."""
    return restoration is not None and restoration.begun_at >= since and RestoreEvent.RECONCILED in restoration.reached


def remember_restoration(instance: Instance, actor: str, happening: RestoreHappening) -> None:
    """Tell the registry how far a restoration came."""
    tell_event(
        instance,
        happening.kind,
        happening.model_dump(mode="json", exclude={"kind", "at"}, exclude_defaults=True),
        actor=actor,
        occurred_at=happening.at,
    )
