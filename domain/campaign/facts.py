"""What is known of the environments and of the release before a campaign is planned; no personal data."""

import math
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from domain.calendar import BRASILIA, BusinessCalendar
from domain.environment import Purpose
from domain.freeze import Freeze
from domain.model import Frozen
from domain.municipality import Slug
from domain.reference import MinorLine, Version, version_key
from domain.upgrade.complexity import Complexity

NIGHT_MINUTES = 24 * 60
_NOON = time(12)
_NOON_MINUTES = 12 * 60


class NightHours(Frozen):
    """When an environment may stand still. A night goes from noon to noon and has the date on which it begins.

    So 01:00 to 05:00 belongs to the night of the day before.
    """

    begins: time
    ends: time

    @model_validator(mode="after")
    def _is_in_one_night(self) -> Self:
        if self.first_minute >= self.last_minute:
            msg = "a janela precisa terminar depois de começar e não pode passar pelo meio-dia"
            raise ValueError(msg)
        return self

    @cached_property
    def first_minute(self) -> int:
        """Minutes after the noon with which the night begins."""
        return (self.begins.hour * 60 + self.begins.minute - _NOON_MINUTES) % NIGHT_MINUTES

    @cached_property
    def last_minute(self) -> int:
        """Minutes after the noon with which the night begins; the window ends there."""
        return (self.ends.hour * 60 + self.ends.minute - _NOON_MINUTES - 1) % NIGHT_MINUTES + 1

    def days_touched(self, night: date) -> tuple[date, ...]:
        """The calendar days on which the window of a night lies."""
        first = night + timedelta(days=self.first_minute >= _NOON_MINUTES)
        last = night + timedelta(days=self.last_minute > _NOON_MINUTES)
        return (first,) if first == last else (first, last)


def moment_of(night: date, minute: int) -> datetime:
    """The moment so many minutes after the noon of a night's day, in Brasília."""
    return datetime.combine(night, _NOON, BRASILIA) + timedelta(minutes=minute)


def night_of(moment: datetime) -> date:
    """The night in which a moment lies, by the day on which it begins; the moment must have a time zone."""
    return (moment.astimezone(BRASILIA) - timedelta(minutes=_NOON_MINUTES)).date()


class RehearsalOutcome(StrEnum):
    """How the upgrade of a restored copy went."""

    PASSED = "passed"
    FAILED = "failed"


class Rehearsal(Frozen):
    """The upgrade tried on a restored copy of this very environment."""

    outcome: RehearsalOutcome
    predicted_minutes: PositiveFloat = Field(description="How long production would stand still.")
    signatures: tuple[str, ...] = Field(
        default=(),
        description="Of every error met, also those that the rehearsal got over (`domain.campaign.failure`).",
    )
    age_hours: NonNegativeFloat = Field(default=0, description="Since it was held.")


class EnvironmentFacts(Frozen):
    """One environment as it is today."""

    slug: str
    municipality: Slug
    purpose: Purpose
    of_the_state: bool = Field(default=False, description="Belongs to the state itself, which goes first.")
    faixa: PositiveInt | None = Field(description="None of a negotiated plan.")
    version: Version = Field(description="SEI_VERSAO, as the databases were last seen to have it.")
    version_since: date | None = Field(
        default=None,
        description="The night since which it has its version of what the campaign carries, where that is known.",
    )
    modules: dict[str, Version] = Field(default_factory=dict)
    parameters_digest: str = Field(description="Equal for environments whose parameters differ in nothing that counts.")
    server: str
    hours: NightHours
    freezes: tuple[Freeze, ...] = ()
    certificate_age_hours: NonNegativeFloat | None = Field(description="Of its last proved backup; None without any.")
    rehearsal: Rehearsal | None
    open_incidents: NonNegativeInt = 0
    unsound: str = Field(default="", description="Why nobody can say what it has; no personal data.")

    def open_on(self, night: date, blackouts: tuple[Freeze, ...] = ()) -> bool:
        """Whether neither a freeze nor a day that the prefeitura kept for itself lies in its window of a night."""
        days = self.hours.days_touched(night)
        return not any(
            freeze.first <= day <= freeze.last
            for closed in (self.freezes, blackouts)
            for freeze in closed
            for day in days
        )

    def closes_at(self, night: date) -> datetime:
        """When its window of a night ends."""
        return moment_of(night, self.hours.last_minute)

    def reserved_minutes(self, margin_percent: int) -> int:
        """What is kept free for its upgrade: the prediction and a margin. It must have been rehearsed."""
        predicted = self.rehearsal.predicted_minutes if self.rehearsal else 0.0
        return max(math.ceil(predicted * (100 + margin_percent) / 100), 1)


class TargetRelease(Frozen):
    """The version that the campaign brings."""

    version: Version = Field(description="Of SEI; of the module, where it brings a module alone.")
    complexity: Complexity
    start_lines: tuple[MinorLine, ...] = Field(description="Lines of SEI from which it can be reached.")
    modules: dict[str, tuple[Version, ...]] = Field(description="Versions of each module that work with it.")
    code: str = Field(default="", description="As the catalog calls it, where that is not the version.")
    module: str | None = Field(default=None, description="The only module that it brings.")
    unfit_versions: frozenset[Version] = Field(
        default=frozenset(), description="Of SEI, as the fleet has them: those for which that module was not published."
    )

    @property
    def told(self) -> str:
        """What operators call it."""
        return self.code or self.version

    def reached_by(self, environment: EnvironmentFacts) -> bool:
        """Whether an environment has nothing left to do."""
        version = environment.version if self.module is None else environment.modules.get(self.module)
        return version is not None and version_key(version) >= version_key(self.version)

    def incompatible_modules(self, modules: dict[str, Version]) -> list[str]:
        """`pen 3.7.0`: modules that are not known to work with it, in order."""
        return [
            f"{name} {version}"
            for name, version in sorted(modules.items())
            if version_key(version) not in map(version_key, self.modules.get(name, ()))
        ]


class CampaignFacts(Frozen):
    """Everything that a plan is made from, but for what happened in the campaign itself."""

    release: TargetRelease
    environments: tuple[EnvironmentFacts, ...]
    calendar: BusinessCalendar = Field(description="Of the state IT company, whose days the soak is counted in.")
    quarantined: frozenset[tuple[str, str]] = Field(
        default=frozenset(), description="Pairs (environment, release) that a person has to look at first."
    )

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        slugs = [environment.slug for environment in self.environments]
        twice = next((slug for slug in slugs if slugs.count(slug) > 1), None) if len({*slugs}) < len(slugs) else None
        if twice:
            msg = f"{twice!r} aparece duas vezes"
            raise ValueError(msg)
        return self
