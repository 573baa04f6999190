"""What an environment's backups take in S3, how fast that grows, and what it will be."""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import NonNegativeFloat, NonNegativeInt

from domain.backup.history import BackupRecord, StoredObject
from domain.backup.manifest import PACKS
from domain.backup.retention import KeepingRule
from domain.model import Frozen

_DAY = timedelta(days=1)
DAYS_AHEAD = 365


class BackupCost(Frozen):
    """One environment's backups in bytes; objects that several of them share are counted once."""

    environment: str
    backups: NonNegativeInt
    stored_bytes: NonNegativeInt
    files_bytes: NonNegativeInt
    nightly_bytes: NonNegativeInt
    growth_bytes_per_day: NonNegativeFloat
    expected_bytes: NonNegativeFloat

    @classmethod
    def of(cls, environment: str, records: Sequence[BackupRecord], rule: KeepingRule) -> "BackupCost":
        """Measure the backups that are there, oldest first, and go on as they went so far.

        The files are stored once and grow with the repository; the databases are stored whole each night, and a year
        from now there are as many of them as the rule keeps.
        """
        objects: set[StoredObject] = {stored for record in records for stored in record.objects}
        files = _files(objects)
        nightly = _databases(records[-1].objects) if records else 0
        growth = _growth(records)
        kept = rule.days + rule.weeks + rule.months + rule.years
        return cls(
            environment=environment,
            backups=len(records),
            stored_bytes=sum(stored.size_bytes for stored in objects),
            files_bytes=files,
            nightly_bytes=nightly,
            growth_bytes_per_day=growth,
            expected_bytes=files + growth * DAYS_AHEAD + nightly * kept if records else 0,
        )


def _files(objects: set[StoredObject]) -> int:
    return sum(stored.size_bytes for stored in objects if stored.key.startswith(f"{PACKS}/"))


def _databases(objects: Sequence[StoredObject]) -> int:
    return sum(stored.size_bytes for stored in objects if not stored.key.startswith(f"{PACKS}/"))


def _growth(records: Sequence[BackupRecord]) -> float:
    """Bytes of new files a day, between the first and the last backup."""
    if not records:
        return 0.0
    days = (records[-1].reference.taken_at - records[0].reference.taken_at) / _DAY
    if days < 1:
        return 0.0
    before = set(records[0].objects)
    return _files({stored for record in records for stored in record.objects} - before) / days
