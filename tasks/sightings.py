"""Looking into the databases of the fleet once a night, so that plans and maps need only ask the registry."""

from collections.abc import Sequence

from blocks.catalog import Catalog
from blocks.infra_rows import read_parameters
from domain.campaign.sighting import SEEN, Sighting, is_news, modules_of, parameters_digest, with_since
from domain.drift import shown
from domain.upgrade.versions import judge_versions
from registry import EventRecord
from tasks import clock, doors
from tasks.environment_events import tell_event
from tasks.instance import Instance, environments_in_use, load_instance
from tasks.modules import installed_versions
from tasks.proof import differences_from_reference
from tasks.step import step

_MOST_SHOWN = 5


@step("versões e desvios")
def see_environment(environment: str) -> Sighting:
    """Read versions, modules, parameters and structure of one environment, and tell the registry what is new.

    Raises:
        RetryableError: the database server does not answer.
        IntegrityError: the environment has no registered reference.
    """
    instance, now = load_instance(environment), clock.now()
    event = doors.registry().newest_event(SEEN, ibge=instance.municipality.ibge, environment=environment)
    before = sighting_in(event) if event else None
    seen = with_since(_look(instance), before, now)
    if is_news(seen, before, event.occurred_at if event else None, now):
        tell_event(instance, SEEN, seen.model_dump(mode="json", exclude_defaults=True), occurred_at=now)
    return seen


def environments_to_see(wanted: Sequence[str] | None) -> list[str]:
    """The given environments, or every one that is in use."""
    if wanted is not None:
        return [load_instance(name).name.slug for name in dict.fromkeys(wanted)]
    return [record.slug for record in environments_in_use()]


def sighting_in(event: EventRecord) -> Sighting:
    """What an event tells."""
    return Sighting.model_validate(event.details)


def sightings() -> dict[str, EventRecord]:
    """The last look at every environment, by environment; one question to the registry."""
    return doors.registry().newest_events(SEEN)


def _look(instance: Instance) -> Sighting:
    catalog = Catalog()
    found, table = installed_versions(instance), catalog.parameters()
    with instance.server.transaction(instance.name.database_sei) as cursor:
        parameters = read_parameters(cursor, [parameter.name for parameter in table.sei])
    drift = differences_from_reference(instance)
    return Sighting(
        release=instance.record.release_version,
        sei=found.sei,
        sip=found.sip,
        resources=found.resources,
        modules=modules_of(found),
        parameters_digest=parameters_digest(parameters),
        problems=tuple(judge_versions(found, catalog.releases())),
        drift=len(drift),
        drifted=tuple(shown(text) for text in drift[:_MOST_SHOWN]),
    )
