"""What was seen of environments and of what they share; counts and moments only."""

from enum import StrEnum

from pydantic import AwareDatetime, Field, NonNegativeFloat, NonNegativeInt

from domain.environment import Purpose
from domain.model import Frozen
from domain.municipality import IbgeCode
from domain.plan import Plan
from domain.quota import QuotaVerdict


class Expectation(StrEnum):
    """How an environment is meant to be now."""

    OPEN = "open"
    BEFORE_LIVE = "before_live"
    """A production that nobody opened yet: its maintenance page is as good as its sign-in page."""
    CLOSED = "closed"
    """An operator keeps the public out: what is behind the door is being worked on, and is not judged."""


class Watched(Frozen):
    """One environment that is to be watched now."""

    slug: str
    ibge: IbgeCode
    purpose: Purpose
    server: str
    database_sei: str
    database_sip: str
    created_at: AwareDatetime | None
    expectation: Expectation
    plan: Plan | None = Field(description="None where nobody negotiated one yet.")


class PageSeen(Frozen):
    """What a visitor gets at the public address."""

    signs_in: bool = Field(default=False, description="The page has SIP's own field for the login.")
    maintenance: bool = False
    seconds: NonNegativeFloat = 0
    problem: str = Field(default="", description="Why there was no page, in Portuguese.")
    certificate_until: AwareDatetime | None = None
    certificate_problem: str = ""


class EnvironmentFigures(Frozen):
    """What the database server says of one environment."""

    present: bool = Field(
        description="Both schemas have the tables that SEI and SIP cannot be without, and can be read."
    )
    heartbeat_seconds: int | None = None
    concurrent_users: NonNegativeInt | None = None
    users: NonNegativeInt | None = None
    storage_bytes: NonNegativeInt | None = None


class DiskFigures(Frozen):
    """One file system. What is kept for root is in neither: a server that is not root never gets it."""

    path: str = Field(description="Where it is mounted.")
    used_bytes: NonNegativeInt
    free_bytes: NonNegativeInt

    @property
    def percent(self) -> float:
        """How full it is, as `df` counts."""
        return 100 * self.used_bytes / max(self.used_bytes + self.free_bytes, 1)


class ServerFigures(Frozen):
    """What one database server says of itself and of the environments on it."""

    connections: NonNegativeInt
    max_connections: NonNegativeInt
    replicates: bool
    lag_seconds: NonNegativeInt | None = Field(default=None, description="None while the replication stands still.")
    environments: dict[str, EnvironmentFigures]
    disks: tuple[DiskFigures, ...] = Field(default=(), description="None where the server does not tell.")

    @property
    def stored_bytes(self) -> int:
        """What all of them take."""
        return sum(one.storage_bytes or 0 for one in self.environments.values())


class Answer(Frozen):
    """Whether a shared system works; the value is in the probe's unit."""

    works: bool
    value: float | None = None
    detail: str = ""


class Fleet(Frozen):
    """Who is watched now, and who is not: being upgraded or restored, nothing is decided of an environment."""

    watched: tuple[Watched, ...]
    busy: frozenset[str] = frozenset()

    @property
    def judged(self) -> tuple[Watched, ...]:
        """Those of whom a page is expected."""
        return tuple(one for one in self.watched if one.expectation is not Expectation.CLOSED)

    def unreached(self, seen: "Seen") -> tuple[str, ...]:
        """Whose page did not come back before the sweep had to end."""
        return tuple(one.slug for one in self.judged if one.slug not in seen.pages)


class Seen(Frozen):
    """Everything that one sweep saw; who is in none of the tables was not reached."""

    pages: dict[str, PageSeen] = Field(default_factory=dict)
    servers: dict[str, ServerFigures | str] = Field(
        default_factory=dict, description="By name; a text says why one did not answer."
    )
    storage_gb: dict[str, int] = Field(default_factory=dict, description="The disk of each server, by name.")
    shared: dict[str, Answer] = Field(default_factory=dict, description="By the code of the probe.")
    sign_ins: dict[str, bool] = Field(default_factory=dict)
    quotas: dict[str, QuotaVerdict] = Field(default_factory=dict)
    files_bytes: dict[str, int] = Field(default_factory=dict)
    seconds: NonNegativeFloat = 0


class DayOfUse(Frozen):
    """What one environment used in one sweep, or on one day at its most; None is what nobody measured."""

    environment: str
    concurrent_users: NonNegativeInt | None = None
    users: NonNegativeInt | None = None
    storage_bytes: NonNegativeInt | None = None
