"""The certificate of one backup: what was restored and compared, and up to which level that went well."""

from typing import Literal

from pydantic import AwareDatetime, Field, NonNegativeFloat, NonNegativeInt

from domain.backup.findings import Finding, Level, LevelResult, highest
from domain.backup.manifest import BackupReference
from domain.backup.sizes import shown_seconds, shown_size
from domain.calendar import local_moment
from domain.model import Frozen
from domain.report import first_of
from domain.self_backup import OWN

REQUIRED = Level.EQUAL
"""What has not come so far is no backup, whatever else it is."""

_VERSION_OF = {OWN: "registro"}


class BackupCertificate(Frozen):
    """The result of one verification; no personal data."""

    format: Literal[1] = 1
    environment: str
    city: str
    release_version: str
    backup: BackupReference
    verified_at: AwareDatetime
    levels: tuple[LevelResult, ...]
    findings: tuple[Finding, ...]
    alerts: tuple[Finding, ...] = Field(
        default=(),
        description="What is wrong with the environment itself, and so with its faithful copy"
        " (`domain.backup.meaning`), or grew or shrank too much (`domain.backup.growth`): for somebody to look at, and"
        " no fault of the backup.",
    )
    notes: tuple[str, ...] = Field(default=(), description="What is worth reading and no fault of the backup.")
    tables: NonNegativeInt
    rows: NonNegativeInt
    files: NonNegativeInt
    attachments: NonNegativeInt
    stored_bytes: NonNegativeInt
    rpo_seconds: NonNegativeFloat = Field(description="Age of the data when its certificate was issued.")
    rto_seconds: NonNegativeFloat = Field(description="From the first byte fetched to databases that answer.")
    seconds: dict[str, NonNegativeFloat] = Field(description="How long each stage took.")

    @property
    def level(self) -> Level | None:
        """Up to where the backup is proved."""
        return highest(self.levels)

    def passed(self, level: Level) -> bool:
        """Whether a level was looked at, and held."""
        return any(result.level is level and result.passed for result in self.levels)

    @property
    def proved(self) -> bool:
        """Whether it may be relied on."""
        return self.level is not None and self.level >= REQUIRED and not self.findings

    @property
    def whole_seconds(self) -> float:
        """How long the backup and its examination took together."""
        return self.seconds.get("cópia", 0) + self.seconds.get("verificação", 0)

    @property
    def reasons(self) -> str:
        """Why it is refused, for a line of a report."""
        return first_of([str(finding) for finding in self.findings])

    def markdown(self) -> list[str]:
        """The certificate as operators read it."""
        verdict = f"**provada até {self.level}**" if self.proved else "**recusada**"
        lines = [
            f"# {self.city}: cópia de {local_moment(self.backup.taken_at)}",
            "",
            f"{self.environment}, {_VERSION_OF.get(self.environment, 'SEI')} {self.release_version}: {verdict}.",
            "",
            "| Nível | O que prova | Resultado |",
            "|---|---|---|",
        ]
        lines += [
            f"| {result.level} | {result.level.label} | {'sim' if result.passed else '**não**'} |"
            for result in self.levels
        ]
        lines += ["", *(f"- {result.level}: {told}." for result in self.levels for told in result.evidence)]
        lines += [
            "",
            *(f"- **{finding.cause}**: {finding.subject} {finding.detail}".rstrip() for finding in self.findings),
        ]
        if self.alerts:
            lines += ["", "A cópia é fiel; isto vem da origem e precisa de alguém:", ""]
            lines += [f"- **{alert.cause}**: {alert.subject} {alert.detail}".rstrip() for alert in self.alerts]
        lines += ["", *(f"- {note}" for note in self.notes)]
        return [
            *lines,
            "",
            f"{self.tables} tabelas, {self.rows} linhas, {self.attachments} anexos;"
            f" {shown_size(self.stored_bytes)} no S3.",
            f"RPO {shown_seconds(self.rpo_seconds)}, RTO {shown_seconds(self.rto_seconds)}."
            f" Manifesto `{self.backup.sha256[:16]}`, versão `{self.backup.version_id}`.",
        ]
