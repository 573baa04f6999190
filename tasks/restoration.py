"""What the registry knows of an environment's restoration, and who has to wait for it."""

from prefect.runtime import flow_run

from domain.errors import GateClosedError, InvalidInputError
from domain.restoration import Restoration, RestoreEvent, RestoreHappening, restoration_of
from registry import EventRecord
from tasks import doors
from tasks.instance import Instance


def last_restoration(instance: Instance) -> Restoration | None:
    """The newest restoration of the environment, finished or not."""
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=list(RestoreEvent))
    return restoration_of(_happening(event) for event in told if event.environment == instance.name.slug)


def unfinished_restorations() -> dict[str, Restoration]:
    """Every restoration of the fleet that has not come to its end, by environment."""
    told: dict[str, list[RestoreHappening]] = {}
    for event in doors.registry().events(kinds=list(RestoreEvent)):
        told.setdefault(event.environment or "", []).append(_happening(event))
    found = {environment: restoration_of(happenings) for environment, happenings in told.items()}
    return {environment: one for environment, one in found.items() if one is not None and not one.finished}


def _happening(event: EventRecord) -> RestoreHappening:
    return RestoreHappening.model_validate({"kind": event.kind, "at": event.occurred_at, **event.details})


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
    """Keep everybody else out while the data may be half of one moment and half of another.

    Raises:
        GateClosedError: a restoration was cut off in there.
    """
    found = last_restoration(instance)
    if found is not None and found.touching:
        raise GateClosedError(
            f"Uma restauração deste ambiente, da cópia {found.stamp}, não chegou ao fim",
            instance.name.slug,
            f"Termine-a com ./implanta backup restore {instance.name.slug} --backup {found.stamp}.",
        )


def remember_restoration(instance: Instance, actor: str, happening: RestoreHappening) -> None:
    """Tell the registry how far a restoration came."""
    doors.registry().record_event(
        happening.kind,
        ibge=instance.municipality.ibge,
        environment=instance.name.slug,
        actor=actor,
        flow_run_id=flow_run.id,
        details=happening.model_dump(mode="json", exclude={"kind", "at"}, exclude_defaults=True),
        occurred_at=happening.at,
    )
