"""The way out of an environment: announced, archived, retired, and destroyed only when everything allows it.

Nothing here is a state that somebody sets: where an environment stands is derived from what happened to it, in order.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, Field, PositiveInt, model_validator

from domain.catalog_entry import CatalogEntry
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import GateClosedError
from domain.model import Frozen
from domain.reference import Sha256
from domain.text import collation_key

_PERSONS_FOR_PRODUCTION = 2
_DAYS_OF_A_YEAR = 366  # never a day too short


class Milestone(StrEnum):
    """What the registry remembers of a retirement, as the kinds of its events."""

    ANNOUNCED = "retirement.announced"
    ARCHIVE_WRITTEN = "retirement.archive_written"
    ARCHIVE_REFUSED = "retirement.archive_refused"
    ARCHIVE_PROVED = "retirement.archive_proved"
    RETIRED = "retirement.retired"
    REINSTATED = "retirement.reinstated"
    DESTROYED = "retirement.destroyed"


class Standing(StrEnum):
    """Where an environment stands."""

    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"
    DESTROYED = "destroyed"

    @property
    def label(self) -> str:
        """The word as operators read it."""
        return {"active": "ativo", "retiring": "em encerramento", "retired": "encerrado", "destroyed": "destruído"}[
            self.value
        ]


class Retention(CatalogEntry):
    """How long the data of a retired environment stay, and how long its archive does."""

    days_until_destruction: PositiveInt = Field(alias="dias_ate_destruir")
    archive_years: PositiveInt = Field(alias="anos_do_arquivo")

    def destruction_allowed_from(self, retired_at: datetime) -> datetime:
        """The first moment at which the data may be destroyed."""
        return retired_at + timedelta(days=self.days_until_destruction)

    def archive_kept_until(self, archived_at: datetime) -> datetime:
        """Until when nobody may delete the archive; its legal hold has no end."""
        return archived_at + timedelta(days=self.archive_years * _DAYS_OF_A_YEAR)


class RetentionRule(CatalogEntry):
    """The retention of each kind of environment (`retention.yaml`)."""

    terms: dict[Purpose, Retention] = Field(alias="prazos")

    @model_validator(mode="after")
    def _names_every_purpose(self) -> Self:
        missing = [purpose.value for purpose in Purpose if purpose not in self.terms]
        if missing:
            msg = f"faltam prazos para {', '.join(missing)}"
            raise ValueError(msg)
        return self


class Happening(Frozen):
    """One milestone of one environment, with what the registry noted beside it."""

    milestone: Milestone
    at: AwareDatetime
    archive: "ArchiveReference | None" = None


class ArchiveReference(Frozen):
    """Where the manifest of an archive is, and what it must be."""

    manifest_key: str
    manifest_version: str
    manifest_sha256: Sha256


class Retirement(Frozen):
    """One environment's way out, as far as it has come."""

    standing: Standing
    number: PositiveInt = Field(description="Counts the retirements that were taken back, plus one.")
    announced_at: AwareDatetime | None = None
    archive: ArchiveReference | None = None
    archive_proved: bool = False
    retired_at: AwareDatetime | None = None
    destroyed_at: AwareDatetime | None = None


def retirement_of(happenings: Iterable[Happening]) -> Retirement:
    """Where an environment stands after what happened, oldest first; nothing at all is a living environment."""
    retirement = Retirement(standing=Standing.ACTIVE, number=1)
    for happening in happenings:
        retirement = _after(retirement, happening)
    return retirement


_LEADS_TO = {
    Milestone.ANNOUNCED: Standing.RETIRING,
    Milestone.RETIRED: Standing.RETIRED,
    Milestone.REINSTATED: Standing.ACTIVE,
    Milestone.DESTROYED: Standing.DESTROYED,
}


def _after(retirement: Retirement, happening: Happening) -> Retirement:
    if retirement.standing is Standing.DESTROYED:  # nothing comes back from there
        return retirement
    changes: dict[Milestone, dict[str, object]] = {
        Milestone.ANNOUNCED: {"announced_at": happening.at},
        Milestone.ARCHIVE_WRITTEN: {"archive": happening.archive, "archive_proved": False},
        Milestone.ARCHIVE_REFUSED: {"archive": None, "archive_proved": False},
        Milestone.ARCHIVE_PROVED: {"archive_proved": True},
        Milestone.RETIRED: {"retired_at": happening.at},
        Milestone.DESTROYED: {"destroyed_at": happening.at},
    }
    if happening.milestone is Milestone.REINSTATED:
        return Retirement(standing=Standing.ACTIVE, number=retirement.number + 1)
    standing = _LEADS_TO.get(happening.milestone, retirement.standing)
    return retirement.model_copy(update={**changes[happening.milestone], "standing": standing})


def standing_of(milestones: Iterable[Milestone]) -> Standing:
    """Where an environment stands, by the kinds of what happened alone, oldest first."""
    standing = Standing.ACTIVE
    for milestone in milestones:
        if standing is not Standing.DESTROYED:
            standing = _LEADS_TO.get(milestone, standing)
    return standing


def require_active(environment: EnvironmentName, retirement: Retirement) -> None:
    """Raise GateClosedError when the environment is on its way out, or gone: nothing may converge it any more."""
    if retirement.standing is Standing.ACTIVE:
        return
    fix = (
        "Ele não é recriado: os dados foram destruídos e só o arquivo final existe."
        if retirement.standing is Standing.DESTROYED
        else f"Conclua o encerramento, ou desfaça-o com ./implanta environment reinstate {environment.slug}."
    )
    raise GateClosedError(f"O ambiente está {retirement.standing.label}", environment.slug, fix)


class PersonsDecision(Frozen):
    """One person's answer; only the newest of each person counts."""

    name: str = Field(repr=False)
    approves: bool
    at: AwareDatetime


def destruction_gate(environment: str) -> str:
    """The gate under which the registry keeps people's answers about destroying an environment."""
    return f"destroy:{environment}"


def retirement_gate(environment: str) -> str:
    """The gate under which the registry keeps people's answers about retiring an environment."""
    return f"retire:{environment}"


def approvers(decisions: Sequence[PersonsDecision], since: datetime) -> int:
    """How many different persons approve, by their newest answer since then; names compare as SEI compares them."""
    newest: dict[str, PersonsDecision] = {}
    for decision in sorted(decisions, key=lambda decision: decision.at):
        if decision.at >= since:
            newest[collation_key(" ".join(decision.name.split()))] = decision
    return sum(decision.approves for decision in newest.values())


def judge_destruction(
    environment: EnvironmentName,
    retirement: Retirement,
    decisions: Sequence[PersonsDecision],
    retention: Retention,
    now: datetime,
) -> list[str]:
    """Why the data must not be destroyed yet, in Portuguese; an empty list lets it go on.

    A production environment needs two persons, because one may be mistaken or forced.
    """
    if retirement.standing is Standing.DESTROYED:
        return []
    if retirement.standing is not Standing.RETIRED or retirement.retired_at is None:
        return [f"o ambiente não está encerrado (está {retirement.standing.label})"]
    problems = []
    if retirement.archive is None or not retirement.archive_proved:
        problems.append("a cópia final não foi provada")
    allowed_from = retention.destruction_allowed_from(retirement.retired_at)
    if now < allowed_from:
        problems.append(f"a retenção vai até {allowed_from:%d/%m/%Y %H:%M} UTC")
    needed = _PERSONS_FOR_PRODUCTION if environment.purpose is Purpose.PRODUCAO else 1
    found = approvers(decisions, retirement.retired_at)
    if found < needed:
        problems.append(f"há {found} de {needed} decisões de pessoas diferentes desde o encerramento")
    return problems


class RetirementReport(Frozen):
    """What one run did on an environment's way out."""

    environment: str
    standing: Standing
    steps: dict[str, Change]
    facts: tuple[str, ...] = ()

    @property
    def change(self) -> Change:
        """Everything that the run changed."""
        return Change.sum(self.steps.values())
