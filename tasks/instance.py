"""What every step first looks up: which environment of which municipality it works on, and its databases."""

from dataclasses import dataclass

from blocks.mariadb import MariaDBServer
from blocks.sei import SeiDatabase
from blocks.sip import SipDatabase
from blocks.sip_people import SipPeople
from domain.environment import EnvironmentName
from domain.municipality import Municipality
from registry.records import EnvironmentRecord
from tasks import doors


@dataclass(frozen=True)
class Instance:
    """One environment as the registry knows it, with the doors to its databases."""

    name: EnvironmentName
    record: EnvironmentRecord
    municipality: Municipality
    server: MariaDBServer

    @property
    def sei(self) -> SeiDatabase:
        """The environment's SEI database."""
        return SeiDatabase(self.server, self.name)

    @property
    def sip(self) -> SipDatabase:
        """The environment's SIP database."""
        return SipDatabase(self.server, self.name)

    @property
    def people(self) -> SipPeople:
        """The units, users and permissions in the environment's SIP."""
        return SipPeople(self.server, self.name)


def load_instance(slug: str) -> Instance:
    """Look an environment up.

    Raises:
        InvalidInputError: the registry does not know it.
    """
    name = EnvironmentName.parse(slug)
    record = doors.registry().environment(slug)
    return Instance(
        name=name,
        record=record,
        municipality=doors.registry().find_municipality(record.ibge),
        server=doors.mariadb_server(record.database_server),
    )
