"""Which environments exist, and who tries to reach whom."""

from domain.segregation import choose_neighbours
from tasks import doors
from tasks.certificate import DELIVERED
from tasks.instance import living_environments
from tasks.restoration import unfinished_restorations
from tasks.upgrading import unfinished_upgrades


def choose_neighbour(environment: str) -> str | None:
    """The environment that this one tries to reach; None while it is alone."""
    return choose_neighbours({*list_delivered(), environment})[environment]


def list_neighbours() -> dict[str, str | None]:
    """Every environment in service, and whom it tries to reach tonight."""
    return choose_neighbours(list_delivered())


def list_delivered() -> list[str]:
    """The slugs of the environments in service: delivered once, and not on their way out.

    One whose creation was cut off answers at no door yet: a neighbour that waited for it would never be finished. So
    does one that is being restored or upgraded, and one that waits for it on a database server that is lost.
    """
    restored, upgraded = unfinished_restorations(), unfinished_upgrades()
    lost = {restoration.lost_server for restoration in restored.values()}
    delivered = {event.environment for event in doors.registry().events(kinds=[DELIVERED])}
    return [
        record.slug
        for record in living_environments()
        if record.slug in delivered
        and record.slug not in restored
        and record.slug not in upgraded
        and record.database_server not in lost
    ]
