"""An environment's public name in the DNS: it leads to the edge, or nowhere."""

from domain.change import Change
from domain.environment import EnvironmentName
from tasks import doors
from tasks.step import step


@step("nome público")
def ensure_public_name(environment: str) -> Change:
    """Let the environment's public name lead to the edge; with no zone to keep, a wildcard record serves already.

    Raises:
        GateClosedError: a person has to change the zone; the message has the record.
    """
    zone = doors.dns_zone()
    if zone is None:
        return Change()
    edge = doors.edge()
    return zone.ensure_record(edge.server_name(EnvironmentName.parse(environment)), edge.public_addresses)


@step("retirada do nome público")
def remove_public_name(environment: str) -> Change:
    """Let the environment's public name lead nowhere. Raises as `ensure_public_name` does."""
    zone = doors.dns_zone()
    if zone is None:
        return Change()
    return zone.remove_record(doors.edge().server_name(EnvironmentName.parse(environment)))
