"""What every step first looks up: which environment of which municipality it works on, and its databases."""

from dataclasses import dataclass

from blocks.mariadb import MariaDBServer
from blocks.sei import SeiDatabase
from blocks.sei_units import SeiUnits
from blocks.sip import SipDatabase
from blocks.sip_people import SipPeople
from blocks.sip_users import SipUsers
from domain.environment import EnvironmentName
from domain.municipality import Municipality
from domain.retirement import ArchiveReference, Happening, Milestone, Standing, require_active, retirement_of
from registry.records import EnvironmentRecord, EventRecord, KnownEnvironment
from tasks import doors

CLONED = "environment.cloned"


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
    def sei_units(self) -> SeiUnits:
        """The units in the environment's SEI."""
        return SeiUnits(self.server, self.name)

    @property
    def sip(self) -> SipDatabase:
        """The environment's SIP database."""
        return SipDatabase(self.server, self.name)

    @property
    def people(self) -> SipPeople:
        """The units in the environment's SIP."""
        return SipPeople(self.server, self.name)

    @property
    def users(self) -> SipUsers:
        """The users and their permissions in the environment's SIP."""
        return SipUsers(self.server, self.name)


def load_instance(slug: str) -> Instance:
    """Look up an environment that is to be worked on.

    Raises:
        InvalidInputError: the registry does not know it.
        GateClosedError: it is retired, or on its way out: nothing converges it any more.
    """
    name = EnvironmentName.parse(slug)
    known = doors.registry().known_environment(slug, list(Milestone))
    require_active(name, retirement_of([_happening(event) for event in known.events]))
    return _instance(name, known)


def load_any_instance(slug: str) -> Instance:
    """Look an environment up wherever it stands, for its way out.

    Raises:
        InvalidInputError: the registry does not know it.
    """
    return _instance(EnvironmentName.parse(slug), doors.registry().known_environment(slug, ()))


def _instance(name: EnvironmentName, known: KnownEnvironment) -> Instance:
    return Instance(
        name=name,
        record=known.record,
        municipality=known.municipality,
        server=doors.mariadb_server(known.record.database_server),
    )


def is_copy(instance: Instance) -> bool:
    """Whether the environment's data is a neutralised copy of production: nothing but a copy ever replaces data."""
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=[CLONED])
    return any(event.environment == instance.name.slug for event in told)


def happenings(ibge: str, slug: str) -> list[Happening]:
    """What the registry remembers of an environment's way out, oldest first."""
    events = doors.registry().events(ibge=ibge, kinds=list(Milestone))
    return [_happening(event) for event in events if event.environment == slug]


def living_environments() -> list[EnvironmentRecord]:
    """Every environment that is not on its way out, by slug, as far as its creation may have come."""
    told: dict[str, list[Happening]] = {}
    for event in doors.registry().events(kinds=list(Milestone)):
        told.setdefault(event.environment or "", []).append(_happening(event))
    return [
        record
        for record in doors.registry().list_environments()
        if retirement_of(told.get(record.slug, [])).standing is Standing.ACTIVE
    ]


def environments_in_use() -> list[EnvironmentRecord]:
    """Those of them whose databases were loaded."""
    return [record for record in living_environments() if record.reference_digest is not None]


def _happening(event: EventRecord) -> Happening:
    return Happening(
        milestone=Milestone(event.kind),
        at=event.occurred_at,
        archive=ArchiveReference.model_validate(event.details["archive"]) if "archive" in event.details else None,
    )
