"""How each environment is: its last proved backup, its certificate, and how far its version is behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from domain.backup.findings import Level
from domain.calendar import local_day
from domain.environment import Purpose
from domain.retirement import Standing
from domain.upgrade.versions import order_of
from domain.use_count import UseCount

if TYPE_CHECKING:
    from domain.upgrade.release import ReleaseTable


@dataclass(frozen=True, slots=True)
class ProvedBackup:
    """The newest backup that was examined and is good."""

    taken_at: datetime
    level: Level | None


@dataclass(frozen=True, slots=True)
class EnvironmentFacts:
    """What the registry knows of one environment."""

    slug: str
    ibge: str
    purpose: Purpose
    version: str
    created_at: datetime
    backup: ProvedBackup | None = None
    refused_at: datetime | None = None
    """When its last examination refused a backup, if none was proved since."""
    certificate_ends: date | None = None
    use: UseCount | None = None
    counted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentRules:
    """From when on something needs a person."""

    backup_hours: int
    certificate_days: int
    versions: tuple[str, ...]
    """The programme's versions of SEI, oldest first."""

    @classmethod
    def of(cls, releases: "ReleaseTable", *, backup_hours: int, certificate_days: int) -> "EnvironmentRules":
        """The rules of the catalog; what comes after the version of new environments is not offered yet."""
        offered = [
            release.version
            for release in releases.core
            if release.version and order_of(release.version) <= order_of(releases.default)
        ]
        return cls(backup_hours, certificate_days, tuple(sorted(offered, key=order_of)))


@dataclass(frozen=True, slots=True)
class EnvironmentLine:
    """One environment, judged."""

    facts: EnvironmentFacts
    municipality: str
    """Its slug."""
    name: str
    standing: Standing
    delivered_on: date | None
    backup_hours: int | None
    backup_problem: str
    certificate_days: int | None
    certificate_problem: str
    versions_behind: int

    @property
    def problems(self) -> tuple[str, ...]:
        """What somebody has to look at."""
        return tuple(text for text in (self.backup_problem, self.certificate_problem) if text)

    @property
    def version_told(self) -> str:
        """How far behind, for people."""
        if not self.versions_behind:
            return "em dia"
        return f"{self.versions_behind} {'versão' if self.versions_behind == 1 else 'versões'} atrás"


def judge_environment(
    facts: EnvironmentFacts,
    rules: EnvironmentRules,
    *,
    municipality: str,
    name: str,
    standing: Standing,
    delivered_at: datetime | None,
    now: datetime,
) -> EnvironmentLine:
    """What of an environment needs a person; one that is not in service yet, or no more, needs nothing of this."""
    serves = delivered_at is not None and standing is Standing.ACTIVE
    hours = int((now - facts.backup.taken_at) / timedelta(hours=1)) if facts.backup else None
    days = (facts.certificate_ends - local_day(now)).days if facts.certificate_ends else None
    return EnvironmentLine(
        facts=facts,
        municipality=municipality,
        name=name,
        standing=standing,
        delivered_on=local_day(delivered_at) if delivered_at else None,
        backup_hours=hours,
        backup_problem=_backup_problem(facts, hours, rules) if serves else "",
        certificate_days=days,
        certificate_problem=_certificate_problem(days, rules) if serves else "",
        versions_behind=_behind(facts.version, rules.versions),
    )


def _backup_problem(facts: EnvironmentFacts, hours: int | None, rules: EnvironmentRules) -> str:
    if facts.refused_at is not None:
        return "última cópia recusada"
    if hours is None:
        return "sem cópia provada"
    return f"cópia de mais de {rules.backup_hours} h" if hours > rules.backup_hours else ""


def _certificate_problem(days: int | None, rules: EnvironmentRules) -> str:
    if days is None:
        return "certificado desconhecido"
    if days < 0:
        return "certificado vencido"
    return f"certificado vence em {days} dias" if days < rules.certificate_days else ""


def _behind(version: str, versions: Sequence[str]) -> int:
    return sum(order_of(other) > order_of(version) for other in versions)
