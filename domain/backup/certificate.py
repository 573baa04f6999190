"""The certificate of one backup: what was restored and compared, and up to which level that went well."""

from typing import Literal

from pydantic import AwareDatetime, Field, NonNegativeFloat, NonNegativeInt

from domain.backup.findings import Finding, Level, LevelResult, highest
from domain.backup.manifest import BackupReference
from domain.model import Frozen

REQUIRED = Level.EQUAL
"""What has not come so far is no backup, whatever else it is."""


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

    @property
    def proved(self) -> bool:
        """Whether it may be relied on."""
        return self.level is not None and self.level >= REQUIRED and not self.findings
