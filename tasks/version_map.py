"""The map of the fleet's versions, from what the registry was told last; and its nightly publication."""

from datetime import date

from blocks.catalog import Catalog
from blocks.version_picture import draw_versions
from domain.campaign.version_map import Mapped, VersionMap, map_of
from domain.environment import EnvironmentName
from tasks import clock
from tasks.campaign_facts import received_by_the_state
from tasks.campaign_report import publish_picture
from tasks.inspection import publish_markdown
from tasks.instance import environments_in_use
from tasks.sightings import sighting_in, sightings
from tasks.step import step


def version_map() -> VersionMap:
    """Everybody in use; no database is opened."""
    catalog, seen = Catalog(), sightings()
    state = catalog.campaigns().state
    found = []
    for record in environments_in_use():
        name, event = EnvironmentName.parse(record.slug), seen.get(record.slug)
        found.append(
            Mapped(
                environment=record.slug,
                municipality=name.municipality,
                release=record.release_version,
                of_the_state=name.municipality in state.municipalities,
                seen=sighting_in(event) if event else None,
                seen_at=event.occurred_at if event else None,
            )
        )
    received = received_by_the_state(catalog.campaigns())
    return map_of(found, catalog.releases(), catalog.modules(), received, clock.today())


@step("mapa das versões")
def publish_map(day: date, found: VersionMap) -> None:
    """Publish the table and the picture."""
    title = f"Mapa das versões em {day:%d/%m/%Y}"
    publish_markdown("mapa-das-versoes", found.markdown(), title)
    publish_picture("mapa-das-versoes-figura", draw_versions(found), title)
